"""Results of a graph's operations while it is lowered: known arrays, or tensors of the new graph.

Both may be held smaller than they are meant: what was broadcast stays small until an operation
comes that does not broadcast by itself. A bias "broadcast" to an image would else be stored as one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unblur.errors import SpecMismatch

Shape = tuple[int, ...]
Attributes = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Value:
    """The result of one operation.

    Attributes:
        shape: what it is meant to be.
        held: what it is stored as; broadcasts to ``shape``.
        array: the numbers, of shape ``held``, where they are known; else None.
        name: of the tensor, of shape ``held``, where they are not.
    """

    shape: Shape
    held: Shape
    array: NDArray[Any] | None = None
    name: str = ""

    @staticmethod
    def known(array: NDArray[Any], shape: Shape | None = None) -> Value:
        """Return a constant; ``shape`` if it is to be broadcast."""
        return Value(array.shape if shape is None else shape, array.shape, array)

    def full(self) -> NDArray[Any]:
        """Return the numbers in full size.

        Raises:
            SpecMismatch: they depend on the image.
        """
        if self.array is None:
            raise SpecMismatch(f"'{self.name}' must not depend on the image's content")
        return np.broadcast_to(self.array, self.shape)

    def ints(self) -> Shape:
        """Return the numbers as a tuple: a shape, axes, a permutation."""
        return tuple(int(v) for v in np.atleast_1d(self.full()))


@dataclass(frozen=True)
class Step:
    """One node of the graph that is being made."""

    op: str
    inputs: tuple[Value, ...]
    attributes: Attributes


@dataclass
class Graph:
    """An ONNX graph being made; nothing of the onnx package is needed until it is stored.

    Attributes:
        steps: by the name of their result, in order.
    """

    steps: dict[str, Step] = field(default_factory=dict)

    def add(
        self, op: str, inputs: tuple[Value, ...], shape: Shape, attributes: Attributes | None = None
    ) -> Value:
        """Append an operation whose result has this shape; inputs count as they are held."""
        name = f"t{len(self.steps)}"
        self.steps[name] = Step(op, inputs, attributes or {})
        return Value(shape, shape, None, name)

    def full(self, value: Value) -> Value:
        """Return a value that is held in the size it is meant."""
        if value.held == value.shape:
            return value
        if value.array is not None:
            return Value.known(np.ascontiguousarray(value.full()))
        target = Value.known(np.array(value.shape, np.int64))
        return self.add("Expand", (value, target), value.shape)

    def transposed(self, value: Value, order: tuple[int, ...]) -> Value:
        """Return a value with its axes in another order."""
        shape = tuple(value.shape[axis] for axis in order)
        if value.array is not None:
            return Value.known(np.transpose(value.full(), order))
        step = self.step(value)
        if step is not None and step.op == "Transpose" and value.held == value.shape:
            inner = tuple(step.attributes["perm"][axis] for axis in order)
            if inner == tuple(range(len(inner))):
                return step.inputs[0]
            return self.add("Transpose", step.inputs, shape, {"perm": inner})
        if order == tuple(range(len(order))):
            return value
        return self.add("Transpose", (self.full(value),), shape, {"perm": order})

    def step(self, value: Value) -> Step | None:
        """Return the operation that a value comes from, None for constants and the image."""
        return self.steps.get(value.name) if value.array is None else None

    def made_by(self, value: Value, op: str) -> tuple[Value, ...] | None:
        """Return the inputs of the operation that a value comes from, if it is this one."""
        step = self.step(value)
        return step.inputs if step is not None and step.op == op else None
