"""The one size rule: what sides a network takes, and images brought to them and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from unblur.color import FloatArray
from unblur.engines.base import Engine

Border = Literal["edge", "symmetric", "constant"]
"""What is invented beyond the image: its last pixels, its mirror image, or nothing (zeros)."""


@dataclass(frozen=True)
class SizeRequirements:
    """Which images a network takes.

    Attributes:
        multiple: both sides must be multiples of this, px.
        least: shortest side that it takes, px.
        fixed: (height, width) where it takes one size only.
    """

    multiple: int = 1
    least: int = 1
    fixed: tuple[int, int] | None = None

    def missing(self, height: int, width: int) -> tuple[int, int]:
        """Return the rows and columns that must be added to an image, at the far ends."""
        if self.fixed is not None:
            return self.fixed[0] - height, self.fixed[1] - width
        rows, columns = (self._side(side) for side in (height, width))
        return rows - height, columns - width

    def padded(self, planes: FloatArray, border: Border = "edge") -> FloatArray:
        """Return (C, H, W) planes on a size that the network takes, the image at its start.

        The very planes where they have such a size.
        """
        rows, columns = self.missing(*planes.shape[1:])
        if rows == columns == 0:
            return planes
        return np.pad(planes, ((0, 0), (0, rows), (0, columns)), mode=border)

    def run(self, engine: Engine, planes: FloatArray, border: Border = "edge") -> FloatArray:
        """Return what a network of one input and one output of its size makes of planes.

        Args:
            engine: runs the network.
            planes: (C, H, W) float32 of any size; not larger than ``fixed``.
            border: what is invented beyond.

        Returns:
            (C', H, W) float32.
        """
        (result,) = engine(self.padded(planes, border)[None])
        return result[0, :, : planes.shape[1], : planes.shape[2]]

    def _side(self, side: int) -> int:
        return -(-max(side, self.least) // self.multiple) * self.multiple
