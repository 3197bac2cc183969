"""A photo at halved sizes, and the windows in which its motion is looked at."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from unblur.blocks import halve
from unblur.color import FloatArray
from unblur.motion.windows import WINDOW, even_starts

LumaReader = Callable[[int, int, int, int], FloatArray]
"""Returns luma, linear light, float32, of a picture's ``[y0:y1, x0:x1]``."""

_HOP = 160
_MAX_LEVEL = 3


class Pyramid:
    """Luma of a photo at halved sizes; the photo itself is only ever read in pieces.

    Args:
        read: reads the photo.
        shape: (H, W) of the photo.
    """

    def __init__(self, read: LumaReader, shape: tuple[int, int]) -> None:
        self._read, self._shape = read, shape
        self._planes: dict[int, FloatArray] = {}
        self.levels = 1
        while self.levels <= _MAX_LEVEL and min(shape) >> self.levels >= WINDOW:
            self.levels += 1

    def shape(self, level: int) -> tuple[int, int]:
        """Return the (H, W) of a level: 0 is the photo, each next one half of it."""
        return self._shape[0] >> level, self._shape[1] >> level

    def window_sides(self, level: int) -> tuple[int, int]:
        """Return the sides of a level's windows."""
        height, width = self.shape(level)
        return min(WINDOW, height), min(WINDOW, width)

    def windows(self, level: int, rows: list[int], columns: list[int]) -> list[list[FloatArray]]:
        """Return rows of windows, by the first row and column of each."""
        height, width = self.window_sides(level)
        return [[self.luma(level, y, x, y + height, x + width) for x in columns] for y in rows]

    def luma(self, level: int, y0: int, x0: int, y1: int, x1: int) -> FloatArray:
        """Return a piece of a level, as LumaReader does."""
        if level == 0:
            return self._read(y0, x0, y1, x1)
        return self._plane(level)[y0:y1, x0:x1]

    def _plane(self, level: int) -> FloatArray:
        if level not in self._planes:
            if level > 1:
                self._planes[level] = halve(self._plane(level - 1))
            else:
                height, width = self._shape
                strips = [
                    halve(self._read(y, 0, min(y + 256, height // 2 * 2), width))
                    for y in range(0, height // 2 * 2, 256)
                ]
                self._planes[level] = np.concatenate(strips)
        return self._planes[level]


def window_starts(shape: tuple[int, int], most: int) -> tuple[list[int], list[int]]:
    """Return first rows and columns of windows spread evenly over a picture.

    Args:
        shape: (H, W) of the picture.
        most: windows along the shorter side; along the other up to twice as many.
    """
    wide = min(2 * most, max(1, round(most * max(1.0, shape[1] / shape[0]))))
    tall = min(2 * most, max(1, round(most * max(1.0, shape[0] / shape[1]))))
    rows, columns = (
        even_starts(side, WINDOW, _HOP, limit)
        for side, limit in zip(shape, (tall, wide), strict=True)
    )
    return rows, columns
