"""TensorFlow graphs lowered to ONNX graphs for one image size, operation by operation.

All that follows from the image's size alone (shapes, resampling weights, masks) is worked out on
the way with NumPy; only what depends on its content becomes an operation. Images keep
TensorFlow's order of axes, (1, H, W, C): dense layers and norms work on the last axis, and only
convolutions see (1, C, H, W).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unblur.errors import SpecMismatch
from unblur.foreign import fusing
from unblur.foreign.convolving import convolve, convolve_back, einsum
from unblur.foreign.tfjs import TfGraph, TfNode
from unblur.foreign.values import Graph, Shape, Value

_NumPy = Callable[..., NDArray[Any]]

# TensorFlow's name: (NumPy's function, ONNX's name); element by element, broadcasting.
_ELEMENTWISE: dict[str, tuple[_NumPy, str]] = {
    "AddV2": (np.add, "Add"),
    "Add": (np.add, "Add"),
    "BiasAdd": (np.add, "Add"),
    "Sub": (np.subtract, "Sub"),
    "Mul": (np.multiply, "Mul"),
    "RealDiv": (np.true_divide, "Div"),
    "FloorDiv": (np.floor_divide, ""),
    "FloorMod": (np.mod, ""),
    "Maximum": (np.maximum, "Max"),
    "Minimum": (np.minimum, "Min"),
    "SquaredDifference": (lambda a, b: np.square(a - b), ""),
    "Greater": (np.greater, "Greater"),
    "GreaterEqual": (np.greater_equal, "GreaterOrEqual"),
    "Less": (np.less, "Less"),
    "LessEqual": (np.less_equal, "LessOrEqual"),
    "Equal": (np.equal, "Equal"),
    "NotEqual": (np.not_equal, ""),
    "LogicalAnd": (np.logical_and, "And"),
    "LogicalOr": (np.logical_or, "Or"),
    "SelectV2": (np.where, "Where"),
    "Abs": (np.abs, "Abs"),
    "Neg": (np.negative, "Neg"),
    "Exp": (np.exp, "Exp"),
    "Floor": (np.floor, "Floor"),
    "Sign": (np.sign, "Sign"),
    "Sqrt": (np.sqrt, "Sqrt"),
    "Square": (np.square, ""),
    "Reciprocal": (lambda a: (1 / a).astype(a.dtype), "Reciprocal"),
    "Rsqrt": (lambda a: (1 / np.sqrt(a)).astype(a.dtype), ""),
    "Tanh": (np.tanh, "Tanh"),
    "Sigmoid": (lambda a: 1 / (1 + np.exp(-a)), "Sigmoid"),
    "Relu": (lambda a: np.maximum(a, 0), "Relu"),
}


def lower(graph: TfGraph, shape: Shape) -> tuple[Graph, Value]:
    """Lower a graph for one size of its image.

    Args:
        graph: as read.
        shape: of the image, (1, H, W, 3).

    Returns:
        The new graph, whose image is the tensor "image", and its result, (1, H, W, 3).

    Raises:
        SpecMismatch: an operation that is not known, or a size that the graph does not take.
    """
    made = Graph()
    values: dict[str, Value] = {graph.source: Value(shape, shape, None, "image")}
    for node in graph.nodes:
        if node.name in values:
            continue
        if node.op == "Const":
            values[node.name] = Value.known(graph.weights[node.name])
            continue
        try:
            with np.errstate(divide="ignore", invalid="ignore"):
                values[node.name] = _lowered(made, node, [values[name] for name in node.inputs])
        except (ValueError, IndexError) as error:
            size = f"{shape[2]} x {shape[1]}"
            raise SpecMismatch(
                f"the graph does not take images of {size} px: {node.op} '{node.name}': {error}"
            ) from error
    return made, made.full(values[graph.result])


def _lowered(graph: Graph, node: TfNode, inputs: list[Value]) -> Value:
    if node.op in _ELEMENTWISE:
        return _elementwise(graph, node.op, inputs)
    if node.op not in _OTHERS:
        raise SpecMismatch(f"the converter does not know the operation {node.op} ('{node.name}')")
    return _OTHERS[node.op](graph, node, inputs)


def _elementwise(graph: Graph, op: str, inputs: list[Value]) -> Value:
    """Work out what is known; else append, with a shorter way where there is one."""
    compute, name = _ELEMENTWISE[op]
    shape = np.broadcast_shapes(*(v.shape for v in inputs))
    held = np.broadcast_shapes(*(v.held for v in inputs))
    if all(v.array is not None for v in inputs):
        return Value.known(np.asarray(compute(*(v.array for v in inputs))), shape)
    if op == "Square":
        inputs, name = [inputs[0], inputs[0]], "Mul"
    if op == "Rsqrt":
        root = graph.add("Sqrt", (inputs[0],), held)
        inputs, name = [root], "Reciprocal"
    if not name:
        raise SpecMismatch(f"the converter knows {op} only of what does not depend on the image")
    result = fusing.shorter(graph, name, tuple(inputs), held)
    return Value(shape, result.held, None, result.name)


def _shape(graph: Graph, node: TfNode, inputs: list[Value]) -> Value:
    return Value.known(np.array(inputs[0].shape, node.attributes.get("out_type") or np.int32))


def _pack(graph: Graph, node: TfNode, inputs: list[Value]) -> Value:
    return Value.known(np.stack([v.full() for v in inputs], axis=node.attributes.get("axis") or 0))


def _range(graph: Graph, node: TfNode, inputs: list[Value]) -> Value:
    start, stop, step = (v.full().item() for v in inputs)
    return Value.known(np.arange(start, stop, step, dtype=inputs[0].full().dtype))


def _cast(graph: Graph, node: TfNode, inputs: list[Value]) -> Value:
    value, dtype = inputs[0], node.attributes["DstT"]
    if value.array is not None:
        return Value.known(value.array.astype(dtype), value.shape)
    if dtype != np.float32:
        raise SpecMismatch(f"the converter knows no Cast of the image's content to {dtype}")
    made = graph.add("Cast", (value,), value.held, {"to": 1})
    return Value(value.shape, made.held, None, made.name)


def _reshape(graph: Graph, node: TfNode, inputs: list[Value]) -> Value:
    return _reshaped(graph, inputs[0], inputs[1].ints())


def _expand_dims(graph: Graph, node: TfNode, inputs: list[Value]) -> Value:
    shape, (axis,) = list(inputs[0].shape), inputs[1].ints()
    shape.insert(axis if axis >= 0 else len(shape) + 1 + axis, 1)
    return _reshaped(graph, inputs[0], tuple(shape))


def _squeeze(graph: Graph, node: TfNode, inputs: list[Value]) -> Value:
    rank, axes = len(inputs[0].shape), node.attributes.get("squeeze_dims") or ()
    gone = {axis % rank for axis in axes} or {i for i, n in enumerate(inputs[0].shape) if n == 1}
    shape = tuple(n for i, n in enumerate(inputs[0].shape) if i not in gone)
    return _reshaped(graph, inputs[0], shape)


def _reshaped(graph: Graph, value: Value, target: Shape) -> Value:
    # NumPy knows what -1 means and whether the sizes agree; a broadcast of one number is no work.
    shape = np.broadcast_to(np.float32(0), value.shape).reshape(target).shape
    if value.array is not None:
        if value.array.size == 1:
            return Value.known(value.array.reshape((1,) * len(shape)), shape)
        return Value.known(value.full().reshape(shape))
    if shape == value.shape:
        return value
    target_value = Value.known(np.array(shape, np.int64))
    return graph.add("Reshape", (graph.full(value), target_value), shape)


def _broadcast(graph: Graph, node: TfNode, inputs: list[Value]) -> Value:
    shape = np.broadcast_shapes(inputs[0].shape, inputs[1].ints())
    return Value(shape, inputs[0].held, inputs[0].array, inputs[0].name)


def _transpose(graph: Graph, node: TfNode, inputs: list[Value]) -> Value:
    return graph.transposed(inputs[0], inputs[1].ints())


def _sum(graph: Graph, node: TfNode, inputs: list[Value]) -> Value:
    keep = bool(node.attributes.get("keep_dims"))
    rank = len(inputs[0].shape)
    axes = tuple(sorted(axis % rank for axis in inputs[1].ints()))
    if inputs[0].array is not None:
        return Value.known(np.asarray(inputs[0].full().sum(axis=axes, keepdims=keep)))
    kept = tuple(1 if i in axes else n for i, n in enumerate(inputs[0].shape))
    shape = kept if keep else tuple(n for i, n in enumerate(inputs[0].shape) if i not in axes)
    axes_value = Value.known(np.array(axes, np.int64))
    return graph.add(
        "ReduceSum", (graph.full(inputs[0]), axes_value), shape, {"keepdims": int(keep)}
    )


def _concat(graph: Graph, node: TfNode, inputs: list[Value]) -> Value:
    *parts, axis_value = inputs
    axis = axis_value.ints()[0] % len(parts[0].shape)
    if all(v.array is not None for v in parts):
        return Value.known(np.concatenate([v.full() for v in parts], axis=axis))
    shape = list(parts[0].shape)
    shape[axis] = sum(v.shape[axis] for v in parts)
    return graph.add("Concat", tuple(graph.full(v) for v in parts), tuple(shape), {"axis": axis})


def _strided_slice(graph: Graph, node: TfNode, inputs: list[Value]) -> Value:
    value, masks = inputs[0], node.attributes
    if masks.get("new_axis_mask") or masks.get("ellipsis_mask"):
        raise SpecMismatch(f"the converter knows no slices with new axes or '...' ('{node.name}')")
    slices: list[slice | int] = []
    for i, (start, stop, step) in enumerate(zip(*(v.ints() for v in inputs[1:4]), strict=True)):
        if masks.get("shrink_axis_mask", 0) >> i & 1:
            slices.append(start)
            continue
        first = None if masks.get("begin_mask", 0) >> i & 1 else start
        last = None if masks.get("end_mask", 0) >> i & 1 else stop
        slices.append(slice(first, last, step))
    if value.array is not None:
        return Value.known(np.asarray(value.full()[tuple(slices)]))
    if not all(isinstance(s, slice) and s.step == 1 for s in slices):
        raise SpecMismatch(f"the converter knows only plain slices of the image ('{node.name}')")
    spans = [s.indices(n)[:2] for s, n in zip(slices, value.shape, strict=False)]  # type: ignore[union-attr]
    shape = tuple(stop - start for start, stop in spans) + value.shape[len(spans) :]
    ends = [Value.known(np.array(side, np.int64)) for side in zip(*spans, strict=True)]
    return graph.add("Slice", (graph.full(value), *ends), shape)


def _gather(graph: Graph, node: TfNode, inputs: list[Value]) -> Value:
    value, places, axis = inputs[0], inputs[1].full(), inputs[2].ints()[0]
    shape = value.shape[:axis] + places.shape + value.shape[axis + 1 :]
    if value.array is not None:
        return Value.known(np.take(value.full(), places, axis=axis))
    index = Value.known(np.ascontiguousarray(places, np.int64))
    return graph.add("Gather", (graph.full(value), index), shape, {"axis": axis})


def _identity(graph: Graph, node: TfNode, inputs: list[Value]) -> Value:
    return inputs[0]


_OTHERS: dict[str, Callable[[Graph, TfNode, list[Value]], Value]] = {
    "Shape": _shape,
    "Pack": _pack,
    "Range": _range,
    "Cast": _cast,
    "Reshape": _reshape,
    "ExpandDims": _expand_dims,
    "Squeeze": _squeeze,
    "BroadcastTo": _broadcast,
    "Transpose": _transpose,
    "Sum": _sum,
    "ConcatV2": _concat,
    "StridedSlice": _strided_slice,
    "GatherV2": _gather,
    "Identity": _identity,
    "Conv2D": convolve,
    "Conv2DBackpropInput": convolve_back,
    "Einsum": einsum,
}
