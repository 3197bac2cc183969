"""PyTorch checkpoints of known architectures, converted once to ONNX with the help of spandrel.

spandrel finds the architecture from the names and shapes of the weights, and reads files with an
unpickler that makes tensors only.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from unblur.color import FloatArray
from unblur.engines.onnx import first_line, open_session
from unblur.errors import CorruptWeights, MissingExtra, SpecMismatch
from unblur.foreign.probing import picture
from unblur.runtime import ONE_THREAD

OPSET, _TRACED_OPSET = 20, 17
_TOLERANCE = 1e-3
_BASE_PX = 128


@dataclass(frozen=True)
class Converted:
    """A network as ONNX.

    Attributes:
        data: the file.
        architecture: as spandrel calls it.
        parameters: number of weights.
        multiple_of: image sides must be multiples of this.
    """

    data: bytes
    architecture: str
    parameters: int
    multiple_of: int


def convert(path: Path) -> Converted:
    """Convert a checkpoint, and prove that ONNX Runtime gives what PyTorch gives.

    The sides of images stay free where the network can be exported so; the proof runs at sizes
    that were not used for the export.

    Raises:
        MissingExtra: torch, onnx or spandrel are not installed.
        CorruptWeights: unreadable, unsafe, or no architecture that spandrel knows.
        SpecMismatch: it changes the size or the channels, or the conversion is not faithful.
    """
    described = _load(path)
    if (described.input_channels, described.output_channels, described.scale) != (3, 3, 1):
        raise SpecMismatch(
            f"{path} is a {described.architecture.name} of {described.input_channels} to "
            f"{described.output_channels} channels that enlarges by {described.scale}; networks "
            "from RGB to RGB of the same size are taken"
        )
    multiple = max(described.size_requirements.multiple_of, 1)
    network = described.model.eval()
    data = _converted(network, multiple, path)
    weights = sum(p.numel() for p in network.parameters())
    return Converted(data, described.architecture.name, weights, multiple)


def _load(path: Path) -> Any:
    try:
        import onnx  # noqa: F401  for the export; missed here, not after half of the work
        import torch

        with _without_torchvision(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of PyTorch, about how spandrel uses it
            import spandrel

            _add_more_architectures(spandrel)
    except ImportError as error:
        raise MissingExtra(
            "spandrel, torch and onnx", "foreign", "converting checkpoints"
        ) from error
    try:
        described = spandrel.ModelLoader(torch.device("cpu")).load_from_file(path)
    except Exception as error:
        raise CorruptWeights(
            f"cannot read {path} as a network that spandrel knows: {first_line(error)}"
        ) from error
    if not isinstance(described, spandrel.ImageModelDescriptor):
        raise SpecMismatch(f"{path} is no network from one image to one image")
    return described


def _add_more_architectures(spandrel: ModuleType) -> None:
    """Let spandrel know those of its companion package (Restormer, MPRNet ...), if installed."""
    if importlib.util.find_spec("spandrel_extra_arches") is None:
        return
    import spandrel_extra_arches

    known = {support.architecture.id for support in spandrel.MAIN_REGISTRY}
    if not known & {support.architecture.id for support in spandrel_extra_arches.EXTRA_REGISTRY}:
        spandrel_extra_arches.install()


@contextmanager
def _without_torchvision() -> Iterator[None]:
    """Let spandrel be imported where torchvision is missing.

    Two of its architectures, none of them for deblurring, take three names of it when imported.
    """
    if importlib.util.find_spec("torchvision") is not None:
        yield
        return
    names = ("torchvision", "torchvision.transforms", "torchvision.transforms.functional")
    top, middle, last = (ModuleType(name) for name in names)
    top.transforms, middle.functional = middle, last  # type: ignore[attr-defined]
    for name in ("InterpolationMode", "rotate", "normalize"):
        setattr(last, name, None)
    sys.modules |= dict(zip(names, (top, middle, last), strict=True))
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]


def _converted(network: Any, multiple: int, path: Path) -> bytes:
    """Export by tracing, which takes seconds; what that gets wrong by PyTorch's newer way.

    The newer one takes minutes for large networks, the older one will go some day.
    """
    reason: Exception | None = None
    for export in (_traced, _captured):
        try:
            data = export(network, multiple)
            _prove(network, data, multiple)
            return data
        except Exception as error:  # exporters raise what they please
            reason = error
    assert reason is not None
    raise SpecMismatch(f"{path} cannot be exported to ONNX: {first_line(reason)}") from reason


def _traced(network: Any, multiple: int) -> bytes:
    import torch

    from unblur.training.export import quiet

    with tempfile.TemporaryDirectory() as folder, quiet(), torch.no_grad():
        target = Path(folder) / "network.onnx"
        torch.onnx.export(
            network,
            (_example(multiple),),
            str(target),
            dynamo=False,
            opset_version=_TRACED_OPSET,
            input_names=["image"],
            output_names=["restored"],
            dynamic_axes={"image": {2: "h", 3: "w"}, "restored": {2: "h", 3: "w"}},
        )
        return _anonymous(target.read_bytes())


def _captured(network: Any, multiple: int) -> bytes:
    import torch

    from unblur.training.export import quiet

    free = torch.export.Dim.DYNAMIC
    with quiet(), torch.no_grad():
        program = torch.onnx.export(
            network,
            (_example(multiple),),
            dynamo=True,
            opset_version=OPSET,
            external_data=False,
            verbose=False,
            input_names=["image"],
            output_names=["restored"],
            dynamic_shapes=({2: free, 3: free},),
        )
    assert program is not None
    return _anonymous(program.model_proto.SerializeToString())


def _example(multiple: int) -> Any:
    side = -(-_BASE_PX // (2 * multiple)) * multiple
    return _tensor(picture(side, side + multiple))


def _anonymous(data: bytes) -> bytes:
    import onnx

    from unblur.training.export import anonymise

    model = onnx.load_from_string(data)
    anonymise(model)
    return bytes(model.SerializeToString())


def _prove(network: Any, data: bytes, multiple: int) -> None:
    """Compare ONNX Runtime with PyTorch at two sizes that were not used for the export."""
    import torch

    session, _ = open_session(data, ONE_THREAD)
    count = max(1, 96 // multiple)
    for height, width in (
        (count * multiple, (count + 2) * multiple),
        ((count + 1) * multiple,) * 2,
    ):
        image = _tensor(picture(height, width))
        with torch.no_grad():
            expected = network(image).numpy()
        (made,) = session.run(None, {"image": image.numpy()})
        apart = float(np.abs(made - expected).max()) if made.shape == expected.shape else np.inf
        if not apart <= _TOLERANCE * max(1.0, float(np.abs(expected).max())):
            raise SpecMismatch(f"the converted network differs from PyTorch by {apart:.2g}")


def _tensor(image: FloatArray) -> Any:
    import torch

    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(image, 2, 0)[None]))
