"""A lowered graph as an ONNX file: only what its result rests on, equal constants once."""

from __future__ import annotations

from typing import Any

import numpy as np

from unblur.errors import MissingExtra
from unblur.foreign.values import Graph, Value

OPSET = 20
_IR_VERSION = 9


def to_onnx(graph: Graph, image: Value, result: Value, *, name: str) -> bytes:
    """Return a graph as the bytes of an ONNX file.

    Args:
        graph: as lowered.
        image, result: its input and its output, float32.
        name: of the graph.

    Raises:
        MissingExtra: the onnx package is not installed.
    """
    try:
        import onnx
        from onnx import TensorProto, helper, numpy_helper
    except ImportError as error:
        raise MissingExtra("onnx", "foreign", "converting networks") from error
    constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}
    stored: list[Any] = []
    nodes = []

    def named(value: Value) -> str:
        if value.array is None:
            return value.name
        array = np.ascontiguousarray(value.array)
        key = (str(array.dtype), array.shape, array.tobytes())
        if key not in constants:
            constants[key] = f"c{len(constants)}"
            stored.append(numpy_helper.from_array(array, constants[key]))
        return constants[key]

    for output in _needed(graph, result):
        step = graph.steps[output]
        inputs = [named(value) for value in step.inputs]
        node = helper.make_node(step.op, inputs, [output])
        node.attribute.extend(helper.make_attribute(k, v) for k, v in step.attributes.items())
        nodes.append(node)
    nodes.append(helper.make_node("Identity", [named(result)], ["restored"]))
    ends = [
        helper.make_tensor_value_info(title, TensorProto.FLOAT, value.shape)
        for title, value in (("image", image), ("restored", result))
    ]
    made = helper.make_graph(nodes, name, ends[:1], ends[1:], initializer=stored)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = _IR_VERSION
    model.producer_name = "unblur"
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _needed(graph: Graph, result: Value) -> list[str]:
    """Return the names of the steps that the result rests on, in order."""
    wanted = {result.name}
    for name in reversed(graph.steps):
        if name in wanted:
            wanted |= {v.name for v in graph.steps[name].inputs if v.array is None}
    return [name for name in graph.steps if name in wanted]
