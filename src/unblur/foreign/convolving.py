"""Convolutions and dense layers of TensorFlow graphs, (1, H, W, C), as ONNX operations."""

from __future__ import annotations

import numpy as np

from unblur.errors import SpecMismatch
from unblur.foreign.tfjs import TfNode
from unblur.foreign.values import Graph, Value

TO_NCHW, TO_NHWC = (0, 3, 1, 2), (0, 2, 3, 1)


def convolve(graph: Graph, node: TfNode, inputs: list[Value]) -> Value:
    """Append a convolution; one of a single pixel is a product of matrices and needs no turning.

    TensorFlow's "SAME" puts the odd pixel of padding at the end, and none where the stride has it.
    """
    image, weights = inputs[0], inputs[1].full()
    strides, dilations = (_pair(node, key) for key in ("strides", "dilations"))
    height, width, _, channels = weights.shape
    _, rows, columns, _ = image.shape
    pads, sides = [], []
    for side, size, stride, dilation in zip(
        (rows, columns), (height, width), strides, dilations, strict=True
    ):
        reach = (size - 1) * dilation + 1
        if node.attributes["padding"] == "SAME":
            out = -(-side // stride)
            total = max(0, (out - 1) * stride + reach - side)
        elif node.attributes["padding"] == "VALID":
            out, total = (side - reach) // stride + 1, 0
        else:
            raise SpecMismatch(f"the converter knows no padding {node.attributes['padding']}")
        if out < 1:
            raise SpecMismatch(f"the image is smaller than a convolution of it ('{node.name}')")
        pads.append((total // 2, total - total // 2))
        sides.append(out)
    shape = (image.shape[0], *sides, channels)
    if (height, width) == (1, 1) and strides == (1, 1):
        return graph.add("MatMul", (graph.full(image), Value.known(weights[0, 0])), shape)
    attributes = {
        "pads": (pads[0][0], pads[1][0], pads[0][1], pads[1][1]),
        "strides": strides,
        "dilations": dilations,
    }
    turned = Value.known(np.ascontiguousarray(weights.transpose(3, 2, 0, 1)))
    inner = (graph.transposed(image, TO_NCHW), turned)
    made = graph.add("Conv", inner, (shape[0], channels, *sides), attributes)
    return graph.transposed(made, TO_NHWC)


def convolve_back(graph: Graph, node: TfNode, inputs: list[Value]) -> Value:
    """Append a transposed convolution, the gradient of a convolution by its input."""
    shape, weights, image = inputs[0].ints(), inputs[1].full(), inputs[2]
    strides = _pair(node, "strides")
    pads, more = [], []
    for i in (0, 1):
        grown = (image.shape[1 + i] - 1) * strides[i] + weights.shape[i]
        surplus = grown - shape[1 + i]
        # Rows of the larger image that no window reached stay empty, at the end.
        pads.append((max(surplus, 0) // 2, max(surplus, 0) - max(surplus, 0) // 2))
        more.append(max(-surplus, 0))
    attributes = {
        "pads": (pads[0][0], pads[1][0], pads[0][1], pads[1][1]),
        "strides": strides,
        "output_padding": tuple(more),
    }
    turned = Value.known(np.ascontiguousarray(weights.transpose(3, 2, 0, 1)))
    inner = (graph.transposed(image, TO_NCHW), turned)
    made = graph.add("ConvTranspose", inner, (shape[0], shape[3], *shape[1:3]), attributes)
    return graph.transposed(made, TO_NHWC)


def einsum(graph: Graph, node: TfNode, inputs: list[Value]) -> Value:
    """Append a sum over one axis of an image with a constant matrix, as turn, product, turn."""
    equation = node.attributes["equation"].replace(" ", "")
    terms, result = equation.split("->")
    labels = terms.split(",")
    if all(v.array is not None for v in inputs):
        return Value.known(np.einsum(equation, *(v.full() for v in inputs)))
    pairs = sorted(zip(labels, inputs, strict=True), key=lambda pair: pair[1].array is not None)
    if len(pairs) == 2 and pairs[1][1].array is not None:
        (image_labels, image), (matrix_labels, matrix) = pairs
        summed = (set(image_labels) & set(matrix_labels)) - set(result)
        fresh = set(matrix_labels) - summed
        if len(matrix_labels) == 2 and len(summed) == len(fresh) == 1:
            return _along(graph, image, (image_labels, matrix_labels, result), matrix)
    raise SpecMismatch(f"the converter knows no sum '{equation}' of these inputs ('{node.name}')")


def _along(graph: Graph, image: Value, labels: tuple[str, str, str], matrix: Value) -> Value:
    ours, theirs, result = labels
    (summed,) = (set(ours) & set(theirs)) - set(result)
    fresh = theirs.replace(summed, "")
    weights = matrix.full() if theirs[0] == summed else matrix.full().T
    last = ours.replace(summed, "") + summed
    turned = graph.transposed(image, tuple(ours.index(label) for label in last))
    shape = (*turned.shape[:-1], weights.shape[1])
    known = Value.known(np.ascontiguousarray(weights))
    made = graph.add("MatMul", (graph.full(turned), known), shape)
    have = last[:-1] + fresh
    return graph.transposed(made, tuple(have.index(label) for label in result))


def _pair(node: TfNode, key: str) -> tuple[int, int]:
    values = node.attributes.get(key) or (1, 1, 1, 1)
    if node.attributes.get("data_format", "NHWC") != "NHWC":
        raise SpecMismatch(f"the converter knows only NHWC convolutions ('{node.name}')")
    return values[1], values[2]
