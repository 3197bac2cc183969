"""``unblur models add``: whatever file it is, it ends as one ONNX file in the store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from unblur.engines.sealed import MAX_BYTES, check_sealed
from unblur.errors import BadValue, CorruptWeights, SpecMismatch, UnreadableImage, WouldOverwrite
from unblur.files import read_file
from unblur.foreign.probing import Wishes, probe
from unblur.foreign.proving import ProofLimits, proved
from unblur.pipeline.tile_work import FADE_PX
from unblur.pipeline.tiling import plan_windows
from unblur.spec import ForeignSpec
from unblur.zoo.catalogue import own_names, shipped_networks
from unblur.zoo.store import check_name, put, sha256, stored_names

_TAKEN = ("blurry", "unsharp", "classical-blind")
_LIMITS = ProofLimits()
Source = tuple[bytes, Wishes]


def add_file(
    path: Path,
    name: str | None,
    wishes: Wishes,
    *,
    overwrite: bool = False,
    limits: ProofLimits = _LIMITS,
) -> ForeignSpec:
    """Put a network's file in the model store, converted to ONNX if it is something else.

    Args:
        path: ``.onnx``; ``.pth``, ``.pt``, ``.ckpt`` or ``.safetensors`` of an architecture that
            spandrel knows; ``model.json`` or ``.tgz`` of a TensorFlow.js graph model.
        name: of the model; by default from the file's.
        wishes: what is known of it.
        overwrite: replace a model of this name.
        limits: of the process in which the file is converted and tried.

    Returns:
        Its record.

    Raises:
        BadValue: a kind of file or a name that does not do.
        WouldOverwrite: there is a model of this name.
        CorruptWeights, SpecMismatch: it cannot be read, or is no network of image to image.
        MissingExtra: the conversion needs packages that are not installed.
    """
    if path.suffix.lower() not in _READERS:
        raise BadValue(f"{path}: networks are {', '.join(_READERS)} files, not '{path.suffix}'")
    name = name or _name_of(path)
    check_free(name, overwrite=overwrite)
    request = Request(path, name, replace(wishes, origin=wishes.origin or path.name))
    data, spec = proved(prepare, request, str(path), limits)
    check_sealed(data, str(path))
    put(data, spec, overwrite=overwrite)
    return spec


@dataclass(frozen=True)
class Request:
    """A file to convert and try; see :func:`add_file`."""

    path: Path
    name: str
    wishes: Wishes


def prepare(request: Request) -> tuple[bytes, ForeignSpec]:
    """Return a network as an ONNX file, and what was found out about it by trying it.

    Whatever the file holds is run here, so this belongs into a process that may hang or die.

    Raises:
        CorruptWeights, SpecMismatch, MissingExtra: as :func:`add_file`.
    """
    data, wishes = _READERS[request.path.suffix.lower()](request.path, request.wishes)
    spec = probe(data, request.name, sha256(data), wishes)
    for side in spec.window_px:
        plan_windows(4 * side, window=side, halo=spec.halo_px, fade=FADE_PX)  # raises if too small
    return data, spec


def check_free(name: str, *, overwrite: bool) -> None:
    """Raise unless a network from elsewhere may have this name.

    Raises:
        BadValue: it is one of ours, or no name for a model.
        WouldOverwrite: it is taken, and ``overwrite`` is false.
    """
    check_name(name)
    if name in (*own_names(), *shipped_networks(), *_TAKEN):
        raise BadValue(f"'{name}' is a model of ours; choose another name: --name NAME")
    if name in stored_names() and not overwrite:
        raise WouldOverwrite(f"there is a model '{name}'; use --overwrite, or --name NAME")


def _name_of(path: Path) -> str:
    letters = [c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in path.stem.lower()]
    return "".join(letters).strip("._-")[:64] or "network"


def _read(path: Path) -> bytes:
    try:
        return read_file(path, max_bytes=MAX_BYTES)
    except BadValue as error:
        raise CorruptWeights(str(error)) from error
    except OSError as error:
        raise UnreadableImage(f"cannot read {path}: {error.strerror or error}") from error


def _onnx(path: Path, wishes: Wishes) -> Source:
    data = _read(path)
    check_sealed(data, str(path))
    return data, wishes


def _torch(path: Path, wishes: Wishes) -> Source:
    from unblur.foreign.pytorch import convert

    made = convert(path)
    known = replace(
        wishes,
        architecture=wishes.architecture or made.architecture,
        parameters=made.parameters,
        multiple_of=wishes.multiple_of or made.multiple_of,
        layout="nchw",
        value_range=wishes.value_range or "0..1",
    )
    return made.data, known


def _tfjs(path: Path, wishes: Wishes) -> Source:
    from unblur.foreign.lowering import lower
    from unblur.foreign.storing import to_onnx
    from unblur.foreign.tfjs import read_tfjs
    from unblur.foreign.values import Value

    side = wishes.window_px or 256
    graph = read_tfjs(path)
    shape = (1, side, side, 3)
    made, result = lower(graph, shape)
    if result.shape != shape:
        raise SpecMismatch(f"{path} turns images {shape} into {result.shape}; sizes must agree")
    data = to_onnx(made, Value(shape, shape, None, "image"), result, name=path.stem)
    weights = sum(w.size for w in graph.weights.values() if w.dtype.kind == "f")
    return data, replace(wishes, parameters=weights)


_READERS: dict[str, Callable[[Path, Wishes], Source]] = {
    ".onnx": _onnx,
    ".pth": _torch,
    ".pt": _torch,
    ".ckpt": _torch,
    ".safetensors": _torch,
    ".json": _tfjs,
    ".tgz": _tfjs,
}
