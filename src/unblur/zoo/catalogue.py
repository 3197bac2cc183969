"""The models that ``--model`` names: shipped networks, files, classical methods, added ones."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from unblur.engines.onnx import OnnxEngine
from unblur.errors import CorruptWeights, UnknownModel
from unblur.restoration.classical import CLASSICAL
from unblur.runtime import ONE_THREAD
from unblur.spec import ModelSpec
from unblur.zoo.store import read_record, stored_files, stored_names

DEFAULT_MODEL = "unblur"
"""The motion-aware network on our own bank."""

KERNEL_NET = "kernel_net"
RESTORE_NET = "restore_net"
BLUR_NET = "blur_net"
FUSE_NET = "fuse_net"
JUDGE_NET = "judge_net"
MAP_NET = "map_net"

BEST_MODEL = "best"
"""The same, asked in four orientations."""

NETWORKS = {DEFAULT_MODEL: RESTORE_NET, BEST_MODEL: RESTORE_NET, "plain": "plain_net"}
"""Names for ``--model`` and the network files that they stand for."""


def model_names() -> list[str]:
    """Return the names of all models, the default first."""
    return [*own_names(), *stored_names()]


def own_names() -> list[str]:
    """Return the names of the models that come with the package, the default first."""
    return [*NETWORKS, *CLASSICAL]


def is_foreign(name: str) -> bool:
    """Return whether a name is that of a network from elsewhere, in the user's model store."""
    return name not in own_names() and name in stored_names()


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
    return [
        weights_path(network) for network in (KERNEL_NET, FUSE_NET, JUDGE_NET, MAP_NET, BLUR_NET)
    ]


def model_files(name: str) -> list[Path]:
    """Return the files of a model itself; those of :func:`motion_files` come on top.

    Raises:
        UnknownModel: the installation lacks one.
    """
    if name in NETWORKS:
        return [weights_path(NETWORKS[name])]
    if is_foreign(name):
        return stored_files(name)
    return [Path(name)] if Path(name).is_file() else []


def spec_of(path: Path) -> ModelSpec:
    """Return what a network file of ours says of itself.

    Raises:
        CorruptWeights, SpecMismatch: it is none, or of another version.
    """
    return OnnxEngine(path, task=None, runtime=ONE_THREAD).spec


def describe_models() -> list[dict[str, Any]]:
    """Return a row for each model.

    Each has: name, default (whether it is), kind ("own", "classical" or "foreign"), licence,
    bytes (of its file), seconds_per_mpx (one thread; measured when a network was added, None of
    ours, which depends on the photo), and summary, a sentence.
    """
    rows: list[dict[str, Any]] = []
    for name, network in NETWORKS.items():
        path = weights_path(network)
        spec = spec_of(path)
        kind = (
            "plain network, told nothing of the motion"
            if spec.bank == "none"
            else "motion-aware network"
        )
        if name == BEST_MODEL:
            kind += " in four orientations"
        summary = (
            f"{kind}, {spec.parameters / 1e6:.2f} M weights, {spec.licence}, "
            f"trained on {spec.samples} crops"
        )
        row = _row(name, "own", spec.licence, path.stat().st_size, None, summary)
        rows.append(row | {"default": name == DEFAULT_MODEL})
    for name, method in CLASSICAL.items():
        summary = (method.__doc__ or "").splitlines()[0].removeprefix("Return ")
        rows.append(_row(name, "classical", "", 0, None, summary))
    return rows + [_foreign_row(name) for name in stored_names()]


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
