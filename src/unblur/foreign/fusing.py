"""Groups of elementwise operations that ONNX Runtime has as one: shorter, quicker, less memory.

Each is recognised when its last operation is appended, by looking back at where its inputs come
from. What is no longer used is left out when the graph is stored.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unblur.foreign.convolving import TO_NCHW, TO_NHWC
from unblur.foreign.values import Graph, Shape, Value


def shorter(graph: Graph, op: str, inputs: tuple[Value, ...], held: Shape) -> Value:
    """Append an elementwise operation, or what it completes."""
    finders = {
        "Add": (_layer_norm, _bias),
        "Mul": (_gelu,),
        "Reciprocal": (_sigmoid,),
        "Max": (_relu,),
        "Where": (_leaky_relu,),
    }
    for find in finders.get(op, ()):
        found = find(graph, inputs)
        if found is not None:
            return found
    return graph.add(op, inputs, held)


def _relu(graph: Graph, inputs: tuple[Value, ...]) -> Value | None:
    for value, other in (inputs, inputs[::-1]):
        if value.array is None and _is(other, 0):
            return graph.add("Relu", (value,), value.held)
    return None


def _leaky_relu(graph: Graph, inputs: tuple[Value, ...]) -> Value | None:
    """where(x >= 0, x, slope * x)."""
    test, positive, negative = inputs
    compared = graph.made_by(test, "GreaterOrEqual")
    scaled = _product(graph, negative)
    if compared is None or scaled is None or not _is(compared[1], 0):
        return None
    slope, value = scaled
    if not _same(compared[0], positive) or not _same(value, positive) or slope.size != 1:
        return None
    return graph.add("LeakyRelu", (positive,), positive.held, {"alpha": float(slope.item())})


def _sigmoid(graph: Graph, inputs: tuple[Value, ...]) -> Value | None:
    """1 / (1 + exp(-x))."""
    added = _sum(graph, inputs[0])
    grown = None if added is None or not _all(added[0], 1) else graph.made_by(added[1], "Exp")
    turned = None if grown is None else graph.made_by(grown[0], "Neg")
    return None if turned is None else graph.add("Sigmoid", (turned[0],), turned[0].held)


def _gelu(graph: Graph, inputs: tuple[Value, ...]) -> Value | None:
    """(0.5 x) * (1 + tanh(sqrt(2 / pi) * (x + (0.044715 x) * x^2)))."""
    for half, gate in (inputs, inputs[::-1]):
        halved, added = _product(graph, half), _sum(graph, gate)
        if halved is None or added is None or not (_all(halved[0], 0.5) and _all(added[0], 1)):
            continue
        value = halved[1]
        bent = graph.made_by(added[1], "Tanh")
        scaled = None if bent is None else _product(graph, bent[0])
        if scaled is not None and _all(scaled[0], np.sqrt(2 / np.pi)):
            sums = graph.made_by(scaled[1], "Add")
            if sums is not None and _is_cubic(graph, sums, value):
                return graph.add("Gelu", (value,), value.held, {"approximate": "tanh"})
    return None


def _is_cubic(graph: Graph, sums: tuple[Value, ...], value: Value) -> bool:
    for plain, cubic in (sums, sums[::-1]):
        factors = graph.made_by(cubic, "Mul")
        if not _same(plain, value) or factors is None:
            continue
        for weighed, square in (factors, factors[::-1]):
            scaled, squared = _product(graph, weighed), graph.made_by(square, "Mul")
            if scaled is None or squared is None or not _all(scaled[0], 0.044715):
                continue
            if _same(scaled[1], value) and all(_same(v, value) for v in squared):
                return True
    return False


def _layer_norm(graph: Graph, inputs: tuple[Value, ...]) -> Value | None:
    """(x - mean) * (rsqrt(max(0, mean of squares - mean^2) + eps) * scale) + bias, last axis."""
    added = _sum_of(graph, inputs)
    factors = None if added is None else graph.made_by(added[1], "Mul")
    if added is None or factors is None:
        return None
    for centred, weighed in (factors, factors[::-1]):
        differs, scaled = graph.made_by(centred, "Sub"), _product(graph, weighed)
        if differs is None or scaled is None:
            continue
        value, mean = differs
        size = value.shape[-1]
        epsilon = _epsilon(graph, scaled[1], value, mean)
        if epsilon is None or scaled[0].size != size or added[0].size != size:
            continue
        known = [
            Value.known(np.asarray(a, np.float32).reshape(size)) for a in (scaled[0], added[0])
        ]
        attributes = {"axis": -1, "epsilon": epsilon}
        return graph.add("LayerNormalization", (value, *known), value.held, attributes)
    return None


def _epsilon(graph: Graph, inverse: Value, value: Value, mean: Value) -> float | None:
    """Return eps, if ``inverse`` is 1 / sqrt(variance of value + eps)."""
    root = graph.made_by(inverse, "Reciprocal")
    inner = None if root is None else graph.made_by(root[0], "Sqrt")
    added = None if inner is None else _sum(graph, inner[0])
    if added is None or added[0].size != 1:
        return None
    clipped = graph.made_by(_unshaped(graph, added[1]), "Relu")
    apart = None if clipped is None else graph.made_by(clipped[0], "Sub")
    if apart is None:
        return None
    squares = _mean(graph, apart[0])
    squared, means = graph.made_by(apart[1], "Mul"), _mean(graph, _unshaped(graph, mean))
    if squares is None or squared is None or means is None:
        return None
    factors = graph.made_by(squares, "Mul")
    right = (
        factors is not None
        and all(_same(v, value) for v in factors)
        and all(_same(v, _unshaped(graph, mean)) for v in squared)
        and _same(means, value)
    )
    return float(added[0].item()) if right else None


def _mean(graph: Graph, value: Value) -> Value | None:
    """Return x, if a value is its mean over the last axis, as a sum times 1 / n."""
    scaled = _product(graph, value)
    summed = None if scaled is None else graph.made_by(scaled[1], "ReduceSum")
    if scaled is None or summed is None:
        return None
    last = len(summed[0].shape) - 1
    whole = summed[1].ints() == (last,) and _all(scaled[0], 1 / summed[0].shape[-1])
    return summed[0] if whole else None


def _unshaped(graph: Graph, value: Value) -> Value:
    made = graph.made_by(value, "Reshape")
    return value if made is None else made[0]


def _bias(graph: Graph, inputs: tuple[Value, ...]) -> Value | None:
    """Put a constant per channel into the convolution that it follows."""
    added = _sum_of(graph, inputs)
    turned = None if added is None else graph.step(added[1])
    if added is None or turned is None or turned.op != "Transpose":
        return None
    step, channels = graph.step(turned.inputs[0]), added[1].shape[-1]
    right = turned.attributes["perm"] == TO_NHWC and added[0].size == channels
    if step is None or not right or added[0].shape[-1] != channels:
        return None
    if step.op not in ("Conv", "ConvTranspose") or len(step.inputs) != 2:
        return None
    shape = tuple(added[1].shape[axis] for axis in TO_NCHW)
    return graph.transposed(
        graph.add(step.op, (*step.inputs, _row(added[0])), shape, step.attributes), TO_NHWC
    )


def _row(array: NDArray[Any]) -> Value:
    return Value.known(np.asarray(array, np.float32).reshape(-1))


def _sum(graph: Graph, value: Value) -> tuple[NDArray[Any], Value] | None:
    """Return (constant, other), if a value is their sum."""
    made = graph.made_by(value, "Add")
    return None if made is None else _sum_of(graph, made)


def _product(graph: Graph, value: Value) -> tuple[NDArray[Any], Value] | None:
    """Return (constant, other), if a value is their product."""
    made = graph.made_by(value, "Mul")
    return None if made is None else _sum_of(graph, made)


def _sum_of(graph: Graph, inputs: tuple[Value, ...]) -> tuple[NDArray[Any], Value] | None:
    for known, other in (inputs, inputs[::-1]):
        if known.array is not None and other.array is None and other.held == other.shape:
            return known.array, other
    return None


def _same(a: Value, b: Value) -> bool:
    return a.array is None and a.name == b.name


def _is(value: Value, number: float) -> bool:
    return value.array is not None and _all(value.array, number)


def _all(array: NDArray[Any], number: float) -> bool:
    return bool(np.allclose(array, number, rtol=1e-5, atol=1e-8))
