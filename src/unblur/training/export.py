"""Trained checkpoint -> ONNX file with its specification inside, checked by running it."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from unblur.errors import CannotWrite, SpecMismatch
from unblur.motion.fusion import FUSE_MAPS
from unblur.motion.looks import KERNEL_MAPS
from unblur.restoration.inputs import CHANNELS
from unblur.spec import SPEC_KEY, ModelSpec
from unblur.video.hints import FACTS, STRENGTHS

OPSET = 20
_TOLERANCE = 1e-3
_MAPS = {"kernel": len(KERNEL_MAPS), "fuse": len(FUSE_MAPS), "detect": 8}
"""Feature maps that a network in kernel space takes."""

_MULTIPLE_OF = {"restore": 8, "frame": 16}
_HALO_PX = {"restore": 48, "frame": 64}
_FRAME_CELLS = 48
"""Channels of a frame at quarter resolution."""


def export_onnx(network: nn.Module, spec: ModelSpec, target: Path, *, half: bool = False) -> Path:
    """Write a network as ONNX and prove that ONNX Runtime gives what PyTorch gives.

    The proof runs at two sizes that were not used for the export.

    Args:
        network: the network; with ``half`` its weights are rounded to 16 bits in place.
        spec: what it says of itself.
        target: the ONNX file.
        half: store the weights in 16 bits: half the size, computed with in 32 as before.

    Raises:
        SpecMismatch: the exported file's outputs differ from the network's.
        CannotWrite: the file cannot be written.
    """
    import onnx

    network = network.eval()
    if half:
        network.half().float()  # what is proved is what is stored
    inputs, names, dynamic = _example(spec, 64, 2)
    with quiet(), torch.no_grad():
        program = torch.onnx.export(
            network,
            inputs,
            dynamo=True,
            opset_version=OPSET,
            external_data=False,
            verbose=False,
            input_names=names,
            dynamic_shapes=dynamic,
        )
    assert program is not None
    model = program.model_proto
    anonymise(model)
    if half:
        store_in_half(model)
    entry = model.metadata_props.add()
    entry.key, entry.value = SPEC_KEY, spec.to_json()
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.tmp")
    try:
        onnx.save(model, str(temporary))
        _prove(network, spec, temporary)
        temporary.replace(target)
    except OSError as error:
        raise CannotWrite(f"cannot write {target}: {error}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return target


def export_checkpoint(
    checkpoint: Path, target: Path, *, trained_on: str, licence: str, half: bool = False
) -> Path:
    """Write the averaged weights of a training checkpoint as ONNX.

    Args:
        checkpoint: ``checkpoint.pt`` of a run.
        target: the ONNX file.
        trained_on: the data, in a sentence, for the model card.
        licence: of the weights.
        half: store them in 16 bits.
    """
    from unblur.toml import from_dict
    from unblur.training.checkpoint import load_checkpoint
    from unblur.training.config import TrainConfig
    from unblur.training.loop import job_of
    from unblur.training.privacy import public_terms

    state = load_checkpoint(checkpoint)
    config = from_dict(TrainConfig, json.loads(state["config"]), where=str(checkpoint))
    network = job_of(config)[0].build()
    network.load_state_dict(state["ema"])
    spec = ModelSpec(
        name=target.stem,
        task=config.task,
        multiple_of=_MULTIPLE_OF.get(config.task, 1),
        halo_px=_HALO_PX.get(config.task, 0),
        parameters=sum(p.numel() for p in network.parameters()),
        licence=licence,
        trained_on=trained_on,
        samples=int(state["step"]) * config.optim.batch,
        metrics=state.get("metrics", {}),
        recipe=_public_recipe(state["config"]),
        bank=config.data.bank,
        privacy=public_terms(state),
        state_channels=_FRAME_CELLS + config.hidden if config.task == "frame" else 0,
    )
    return export_onnx(network, spec, target, half=half)


def _public_recipe(text: str) -> str:
    """The config without paths of the machine that trained it."""
    values: dict[str, Any] = json.loads(text)
    values["recipe"]["gyro_file"] = Path(values["recipe"]["gyro_file"]).name
    for weights in ("kernel_weights", "fuse_weights"):
        values["data"][weights] = Path(values["data"].get(weights, "")).name
    return json.dumps(values, sort_keys=True)


def _example(spec: ModelSpec, side: int, count: int) -> tuple[tuple[torch.Tensor, ...], Any, Any]:
    generator = torch.Generator().manual_seed(side)
    batch = torch.export.Dim.DYNAMIC
    if spec.task in _MAPS:
        shapes = [(count, _MAPS[spec.task], 64, 64), (count, 3, 8, 8)]
        names = ["maps", "pooled"]
        dynamic: Any = ({0: batch}, {0: batch})
        if spec.task == "detect":
            shapes.append((count, 1, 2 * side, 2 * side + 16))
            names.append("pixels")
            dynamic = (*dynamic, {0: batch, 2: batch, 3: batch})
    elif spec.task == "frame":
        wide = side + 2 * spec.multiple_of
        cells = side // 4, wide // 4
        hints = len(STRENGTHS) * 16 + FACTS
        shapes = [(count, 3, side, wide), (count, hints, *cells)]
        shapes += [(count, spec.state_channels, *cells)]
        names = ["frame", "hints", "state"]
        dynamic = ({0: batch, 2: batch, 3: batch},) * 3
    elif spec.task == "patches":
        shapes, names, dynamic = [(count, 3, 64, 64)], ["patches"], ({0: batch},)
    else:
        shapes = [(count, CHANNELS[spec.bank], side, side + 2 * spec.multiple_of)]
        names = ["image"]
        dynamic = ({0: batch, 2: batch, 3: batch},)
    return tuple(torch.rand(*s, generator=generator) for s in shapes), names, dynamic


def anonymise(model: Any) -> None:
    """Remove the stack traces, with local paths, that the exporter leaves on every node."""
    del model.metadata_props[:]
    model.doc_string = ""
    graph = model.graph
    graph.doc_string = ""
    del graph.metadata_props[:]
    for item in [*graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer]:
        item.doc_string = ""
        del item.metadata_props[:]


def store_in_half(model: Any) -> None:
    """Keep the weights of an ONNX model in 16 bits; it widens them when it is loaded."""
    import onnx
    from onnx import numpy_helper

    graph, widened = model.graph, []
    for tensor in graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT:
            continue
        name, values = tensor.name, numpy_helper.to_array(tensor)
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        widened.append(
            onnx.helper.make_node("Cast", [f"{name}_half"], [name], to=onnx.TensorProto.FLOAT)
        )
    nodes = [*widened, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _prove(network: nn.Module, spec: ModelSpec, path: Path) -> None:
    from unblur.engines.onnx import OnnxEngine

    engine = OnnxEngine(path, task=spec.task, threads=1)
    for side, count in ((48, 1), (96, 3)):
        inputs, _, _ = _example(spec, side, count)
        with torch.no_grad():
            expected = network(*inputs)
        expected = expected if isinstance(expected, tuple) else (expected,)
        for ours, theirs in zip(engine(*(x.numpy() for x in inputs)), expected, strict=True):
            apart = float(np.abs(ours - theirs.numpy()).max())
            if not apart <= _TOLERANCE * max(1.0, float(theirs.abs().max())):
                raise SpecMismatch(f"the exported {spec.name} differs from PyTorch by {apart:.2g}")


@contextlib.contextmanager
def quiet() -> Any:
    """Keep the exporter's chatter off the user's terminal."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
