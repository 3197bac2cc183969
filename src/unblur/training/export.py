"""Trained checkpoint -> ONNX file with its specification inside, checked by running it."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from unblur.errors import CannotWrite, EngineFailed, SpecMismatch
from unblur.models.interface import Interface, Network
from unblur.runtime import ONE_THREAD
from unblur.spec import SPEC_KEY, ModelSpec
from unblur.training.checkpoint import load_checkpoint
from unblur.training.config import TrainConfig
from unblur.training.privacy import public_terms
from unblur.training.registry import recorded_config, task_of

OPSET = 20
_TOLERANCE = 1e-3
"""Largest difference between PyTorch and ONNX Runtime, as a share of the largest output."""

_EXAMPLE_PX = 64
"""About the side of the image that a network is exported with."""

_PROOFS = ((3, 5, 1), (9, 7, 3))
"""Sides of the proof, in multiples of what the network states, and batch. Odd, so that they are
no multiples of anything larger; other sides than those of the export."""


def export_onnx(network: Network, spec: ModelSpec, target: Path, *, half: bool = False) -> Path:
    """Write a network as ONNX and prove that ONNX Runtime gives what PyTorch gives.

    The proof runs at two sizes that were not used for the export, and whose sides are multiples of
    what the network states but of nothing larger.

    Args:
        network: the network; with ``half`` its weights are rounded to 16 bits in place.
        spec: what it says of itself.
        target: the ONNX file.
        half: store the weights in 16 bits: half the size, computed with in 32 as before.

    Raises:
        SpecMismatch: the exported file's outputs differ from the network's, or it cannot take
            the sides that its interface states.
        CannotWrite: the file cannot be written.
    """
    import onnx

    network = network.eval()
    if half:
        network.half().float()  # what is proved is what is stored
    step = network.interface().multiple_of
    side = -(-_EXAMPLE_PX // step) * step
    inputs, names, dynamic = _example(network.interface(), (side, side + 2 * step), 2)
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
    state = load_checkpoint(checkpoint)
    config = recorded_config(state["config"], where=str(checkpoint))
    task = task_of(config)
    network = task.build()
    network.load_state_dict(state["ema"])
    spec = spec_of(
        network,
        name=target.stem,
        task=config.task,
        licence=licence,
        trained_on=trained_on,
        samples=int(state["step"]) * config.optim.batch,
        metrics=state.get("metrics", {}),
        recipe=_public_recipe(config),
        privacy=public_terms(state),
        **task.spec_fields(),
    )
    return export_onnx(network, spec, target, half=half)


def spec_of(network: Network, **known: Any) -> ModelSpec:
    """Return what a network's file says: its own interface, its size, and what is known here.

    Args:
        network: the network.
        known: the other fields of :class:`unblur.spec.ModelSpec`.
    """
    interface = network.interface()
    return ModelSpec(
        multiple_of=interface.multiple_of,
        halo_px=interface.halo_px,
        state_channels=interface.state_channels,
        inputs={port.name: port.channels for port in interface.inputs},
        parameters=sum(p.numel() for p in network.parameters()),
        **known,
    )


def _public_recipe(config: TrainConfig) -> str:
    """The config without paths of the machine that trained it."""
    values = dataclasses.asdict(config)
    values["recipe"]["gyro_file"] = Path(values["recipe"]["gyro_file"]).name
    for key, value in values["data"].items():
        if key.endswith("_weights"):
            values["data"][key] = Path(value).name
    return json.dumps(values, sort_keys=True)


def _example(
    interface: Interface, image: tuple[int, int], count: int
) -> tuple[tuple[torch.Tensor, ...], list[str], tuple[dict[int, Any], ...]]:
    """Return random inputs for an image of a size, their names, and which axes may vary."""
    generator = torch.Generator().manual_seed(sum(image))
    free = torch.export.Dim.DYNAMIC
    inputs, axes = [], []
    for port in interface.inputs:
        sides = port.sides or (image[0] // port.per_px, image[1] // port.per_px)
        inputs.append(torch.rand(count, len(port.channels), *sides, generator=generator))
        axes.append({0: free} if port.sides else {0: free, 2: free, 3: free})
    return tuple(inputs), [port.name for port in interface.inputs], tuple(axes)


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


def _prove(network: Network, spec: ModelSpec, path: Path) -> None:
    """Run a file beside its network, at sides that are the stated multiple and no larger one.

    Raises:
        SpecMismatch: one of them cannot take the sides, or they differ.
    """
    from unblur.engines.onnx import OnnxEngine

    engine = OnnxEngine(path, task=spec.task, runtime=ONE_THREAD)
    for rows, columns, count in _PROOFS:
        step = _step(spec.multiple_of)
        sides = (rows * step, columns * step)
        inputs, _, _ = _example(network.interface(), sides, count)
        try:
            with torch.no_grad():
                expected = network(*inputs)
            found = engine(*(x.numpy() for x in inputs))
        except (RuntimeError, EngineFailed) as error:
            raise SpecMismatch(
                f"{spec.name} cannot take an image of {sides[0]} x {sides[1]}, a multiple of "
                f"{spec.multiple_of} as its interface states: {str(error).splitlines()[0]}"
            ) from error
        expected = expected if isinstance(expected, tuple) else (expected,)
        for ours, theirs in zip(found, expected, strict=True):
            apart = float(np.abs(ours - theirs.numpy()).max())
            if not apart <= _TOLERANCE * max(1.0, float(theirs.abs().max())):
                raise SpecMismatch(f"the exported {spec.name} differs from PyTorch by {apart:.2g}")


def _step(multiple: int) -> int:
    """Return the stated multiple, times an odd factor where it is too small for a picture."""
    return multiple * (1 if multiple >= 8 else 8 // multiple | 1)


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
