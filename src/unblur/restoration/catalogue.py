"""The models that ``--model`` names: shipped networks, files, classical methods, the shelf's."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from unblur.engines.base import Engine
from unblur.engines.foreign import ForeignEngine
from unblur.engines.onnx import OnnxEngine, available_cores
from unblur.errors import CorruptWeights, UnknownModel, nearest
from unblur.restoration.classical import CLASSICAL
from unblur.restoration.foreign import ForeignRestorer
from unblur.restoration.restorers import (
    ClassicalRestorer,
    NetworkRestorer,
    PlainRestorer,
    Restorer,
)
from unblur.restoration.shelf import read_record, shelf_files, shelved_names, verified_file
from unblur.spec import ForeignSpec

DEFAULT_MODEL = "unblur"
"""The motion-aware network on our own bank."""

KERNEL_NET = "kernel_net"
RESTORE_NET = "restore_net"
_BLUR_NET = "blur_net"
FUSE_NET = "fuse_net"

_MOST_AT_ONCE = 4
"""Tiles restored at the same time. Threads that share a tile wait for each other and rest while
it is deconvolved, threads with a tile each do not; but each takes memory."""

_NETWORKS = {DEFAULT_MODEL: RESTORE_NET, "best": "restore_best", "plain": "plain_net"}


def model_names() -> list[str]:
    """Return the names of all models, the default first."""
    return [*own_names(), *shelved_names()]


def own_names() -> list[str]:
    """Return the names of the models that come with the package, the default first."""
    return [*_NETWORKS, *CLASSICAL]


def is_foreign(name: str) -> bool:
    """Return whether a name is that of a network from elsewhere, on the user's shelf."""
    return name not in own_names() and name in shelved_names()


def load_restorer(name: str = DEFAULT_MODEL, *, threads: int | None = None) -> Restorer:
    """Return the restorer of a name, or of the path of an ONNX file of ours.

    Networks from elsewhere come from the shelf; see :mod:`unblur.restoration.shelf`.

    Raises:
        UnknownModel: no model has this name.
        CorruptWeights, SpecMismatch: the file is not a restoration network of ours.
    """
    if name in CLASSICAL:
        return ClassicalRestorer(name, CLASSICAL[name], at_once=_tiles_at_once(threads))
    if name in _NETWORKS:
        return _network_restorer(name, weights_path(_NETWORKS[name]), threads)
    if is_foreign(name):
        return ForeignRestorer(name, _load_foreign(read_record(name), threads))
    if name.endswith(".onnx") and Path(name).is_file():
        return _network_restorer(name, Path(name), threads)
    raise UnknownModel(
        f"there is no model '{name}' (and no such .onnx file); {nearest(name, model_names())}"
    )


def _network_restorer(name: str, path: Path, threads: int | None) -> NetworkRestorer:
    at_once = _tiles_at_once(threads)
    each = (threads or available_cores()) // at_once
    engine = load_engine(path, "restore", each)
    kind = PlainRestorer if engine.spec.bank == "none" else NetworkRestorer
    return kind(name, engine, at_once=at_once)


def has_bank(name: str) -> bool:
    """Return whether a model is a network that is told solutions made with the estimated motion.

    Raises:
        UnknownModel, CorruptWeights, SpecMismatch: see :func:`load_restorer`.
    """
    restorer = load_restorer(name, threads=1)
    return isinstance(restorer, NetworkRestorer) and not isinstance(restorer, PlainRestorer)


def _tiles_at_once(threads: int | None) -> int:
    return min(threads or available_cores(), _MOST_AT_ONCE)


def load_kernel_engine(*, threads: int | None = None) -> Engine:
    """Return the engine that runs the shipped KernelNet."""
    return load_engine(weights_path(KERNEL_NET), "kernel", threads)


def load_fuse_engine(*, threads: int | None = None) -> Engine:
    """Return the engine that runs the shipped FuseNet."""
    return load_engine(weights_path(FUSE_NET), "fuse", threads)


def load_blur_engine(*, threads: int | None = None) -> Engine:
    """Return the engine that runs the shipped BlurNet."""
    return load_engine(weights_path(_BLUR_NET), "detect", threads)


def weights_path(network: str) -> Path:
    """Return the file of a shipped network.

    Raises:
        UnknownModel: the installation lacks it.
    """
    path = Path(str(resources.files("unblur.weights") / f"{network}.onnx"))
    if not path.is_file():
        raise UnknownModel(f"the network file {path} is missing; reinstall unblur")
    return path


def shipped_networks() -> list[str]:
    """Return the names of all network files in this installation."""
    folder = Path(str(resources.files("unblur.weights")))
    return sorted(path.stem for path in folder.glob("*.onnx"))


def motion_files() -> list[Path]:
    """Return the files of the networks that tell how a photo moved, whatever restores it.

    Raises:
        UnknownModel: the installation lacks one.
    """
    return [weights_path(network) for network in (KERNEL_NET, FUSE_NET, _BLUR_NET)]


def model_files(name: str) -> list[Path]:
    """Return the files of a model itself; those of :func:`motion_files` come on top.

    Raises:
        UnknownModel: the installation lacks one.
    """
    if name in _NETWORKS:
        return [weights_path(_NETWORKS[name])]
    if is_foreign(name):
        return shelf_files(name)
    return [Path(name)] if Path(name).is_file() else []


@lru_cache(maxsize=8)
def load_engine(path: Path, task: str, threads: int | None) -> Engine:
    """Return the engine that runs a network file of ours; each is loaded once.

    Raises:
        CorruptWeights, SpecMismatch: not a network of ours, or for another task.
    """
    return OnnxEngine(path, task=task, threads=threads)


@lru_cache(maxsize=4)
def _load_foreign(spec: ForeignSpec, threads: int | None) -> ForeignEngine:
    return ForeignEngine(verified_file(spec), spec, threads=threads)


def describe_models() -> list[dict[str, Any]]:
    """Return a row for each model.

    Each has: name, default (whether it is), kind ("own", "classical" or "foreign"), licence,
    bytes (of its file), seconds_per_mpx (one thread; measured when a network was added, None of
    ours, which depends on the photo), and summary, a sentence.
    """
    rows: list[dict[str, Any]] = []
    for name, network in _NETWORKS.items():
        path = weights_path(network)
        spec = load_engine(path, "restore", 1).spec
        kind = (
            "plain network, told nothing of the motion"
            if spec.bank == "none"
            else "motion-aware network"
        )
        summary = (
            f"{kind}, {spec.parameters / 1e6:.2f} M weights, {spec.licence}, "
            f"trained on {spec.samples} crops"
        )
        row = _row(name, "own", spec.licence, path.stat().st_size, None, summary)
        rows.append(row | {"default": name == DEFAULT_MODEL})
    for name, method in CLASSICAL.items():
        summary = (method.__doc__ or "").splitlines()[0].removeprefix("Return ")
        rows.append(_row(name, "classical", "", 0, None, summary))
    return rows + [_foreign_row(name) for name in shelved_names()]


def _foreign_row(name: str) -> dict[str, Any]:
    try:
        spec = read_record(name)
    except CorruptWeights as error:
        return _row(name, "foreign", "", 0, None, f"damaged: {error}")
    weights = f"{spec.parameters / 1e6:.2f} M weights, " if spec.parameters else ""
    summary = (
        f"network from elsewhere ({spec.architecture or spec.origin}), {weights}"
        f"{spec.bytes / 1e6:.1f} MB, {spec.licence}, about {spec.seconds_per_mpx:.3g} s per "
        "megapixel"
    )
    return _row(name, "foreign", spec.licence, spec.bytes, spec.seconds_per_mpx, summary)


def _row(
    name: str, kind: str, licence: str, size: int, seconds: float | None, summary: str
) -> dict[str, Any]:
    return {
        "name": name,
        "default": False,
        "kind": kind,
        "licence": licence,
        "bytes": size,
        "seconds_per_mpx": seconds,
        "summary": summary,
    }
