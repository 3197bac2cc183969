"""Where to look in a picture: spans, the windows that tell most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unblur.blocks import halve
from unblur.color import FloatArray
from unblur.errors import ShapeMismatch
from unblur.motion.spatial import gradients

WINDOW = 256
"""Side in px of an analysis window."""


Box = tuple[int, int, int, int]
"""(y0, x0, y1, x1), half-open, px."""

Mask = NDArray[np.bool_]
"""(H, W), a part of a picture."""


@dataclass(frozen=True)
class LeastSize:
    """How large a picture must be for an estimate.

    Attributes:
        side_px: least length of the shorter side.
        area_px: least number of pixels.
    """

    side_px: int
    area_px: int = 1

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Return whether a picture of a shape (H, W) is large enough."""
        return min(shape) >= self.side_px and shape[0] * shape[1] >= self.area_px

    def check(self, shape: tuple[int, ...]) -> None:
        """Raise unless a picture of a shape (H, W) is large enough.

        Raises:
            ShapeMismatch: it is too small.
        """
        if not self.fits(shape):
            raise ShapeMismatch(
                f"motion can be estimated in pictures with {self}, got {shape[1]} x {shape[0]}"
            )

    def __str__(self) -> str:
        sides = f"sides of at least {self.side_px} px"
        return sides if self.area_px == 1 else f"{sides} and {self.area_px} px in all"


TELLING = LeastSize(64, 96 * 96)
"""The least size for motion and blur. Shorter sides hold no search; of squares of 64 and 80 px one
in eight lost 2 to 4 dB, of 160 x 64, 200 x 80, 96 x 96 px and larger ones none did
(benchmarks/small.py, 8 pictures of each size)."""

_HOP = 128
"""Steps in which telling windows are looked for, px, twice."""
_QUARTERS = 2
"""Parts of a picture, along each side, of which each gives a telling window."""
_DARK, _STEEPEST = 0.02, 0.5
"""Structure is counted relative to the brightness plus so much, or the brightest part wins, and
is capped, or one lamp does."""


def span(middle: int, size: int, length: int) -> tuple[int, int]:
    """Return a span of a line, of a length at most, about its middle if there is room."""
    first = min(max(0, middle - length // 2), max(0, size - length))
    return first, min(size, first + length)


def structure(window: FloatArray) -> float:
    """Return how much a window shows, relative to its brightness."""
    steps = np.abs(np.diff(window, axis=0)).mean()
    return float(steps / (window.mean() + _DARK))


def telling_window(flat: FloatArray) -> tuple[int, int, int, int]:
    """Return ``(y0, x0, y1, x1)`` of the part of a frame's luma with the most detail.

    Args:
        flat: (H, W) float32, linear light.

    Returns:
        A window of 256 px a side, less where the frame is smaller.
    """
    sides = tuple(min(side, WINDOW) for side in flat.shape)
    steps = np.abs(np.diff(flat[::2], axis=1))
    starts = [
        sorted({round(k * (full - side) / 2) for k in range(3)})
        for full, side in zip(flat.shape, sides, strict=True)
    ]
    places = [(y, x) for y in starts[0] for x in starts[1]]
    # The middle comes first among equals: that is where people aim.
    places.sort(key=lambda p: abs(p[0] - starts[0][-1] / 2) + abs(p[1] - starts[1][-1] / 2))
    detail = [
        float(steps[y // 2 : (y + sides[0]) // 2, x : x + sides[1]].mean()) for y, x in places
    ]
    y, x = places[int(np.argmax(detail))]
    return y, x, y + sides[0], x + sides[1]


def telling_windows(luma: FloatArray) -> list[tuple[int, int]]:
    """Return first row and column of the window with most structure in each quarter of a photo.

    Args:
        luma: (H, W) float32, linear light.
    """
    quarter = halve(halve(luma))
    slopes = np.abs(np.diff(quarter, axis=1))[:-1] + np.abs(np.diff(quarter, axis=0))[:, :-1]
    slopes = np.minimum(slopes / (quarter[:-1, :-1] + _DARK), _STEEPEST)
    sums = np.pad(slopes.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    chosen: dict[tuple[int, int], None] = {}
    for rows in np.array_split(_starts(luma.shape[0]), _QUARTERS):
        for columns in np.array_split(_starts(luma.shape[1]), _QUARTERS):
            places = [(int(y), int(x)) for y in rows for x in columns]
            if places:
                chosen[max(places, key=lambda place: _energy(sums, place))] = None
    return list(chosen)


def _starts(side: int) -> NDArray[np.intp]:
    room = max(0, side - WINDOW)
    return np.unique(np.linspace(0, room, -(-room // (_HOP // 2)) + 1).round()).astype(np.intp)


def _energy(sums: NDArray[Any], place: tuple[int, int]) -> float:
    (y0, x0), last = (p // 4 for p in place), np.array(sums.shape) - 1
    y1, x1 = min(y0 + WINDOW // 4, last[0]), min(x0 + WINDOW // 4, last[1])
    return float(sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0])


def most_structured(luma: FloatArray, side: int) -> FloatArray:
    """Return the part of a picture with the largest sum of gradients.

    Args:
        luma: (H, W) float32, linear light.
        side: longest side of the part.

    Returns:
        A view of (min(side, H), min(side, W)).
    """
    if max(luma.shape) <= side:
        return luma
    y, x, height, width = place_of_most_structure(luma, side)
    return luma[y : y + height, x : x + width]


def place_of_most_structure(
    plane: FloatArray, side: int, *, known: tuple[int, ...] | None = None
) -> tuple[int, int, int, int]:
    """Return (y, x, height, width) of what :func:`most_structured` returns.

    Args:
        plane, side: as there.
        known: (y0, x0, y1, x1), a part of the plane whose structure does not count; None for none.
    """
    height, width = (min(side, length) for length in plane.shape)
    slopes = np.abs(gradients(plane)).sum(axis=0)
    slopes = np.minimum(slopes / (plane + np.float32(_DARK)), _STEEPEST)
    if known is not None:
        slopes[known[0] : known[2], known[1] : known[3]] = 0
    sums = np.pad(slopes.cumsum(0, dtype=np.float64).cumsum(1), ((1, 0), (1, 0)))
    tall = sums[height:] - sums[:-height]
    totals = tall[:, width:] - tall[:, :-width]
    y, x = np.unravel_index(int(np.argmax(totals)), totals.shape)
    return int(y), int(x), height, width


def even_starts(side: int, window_px: int, hop_px: int, most: int) -> list[int]:
    """Return where windows begin that are spread evenly over a side.

    Args:
        side: length that is covered, px.
        window_px: of a window.
        hop_px: distance of neighbours, at most, but for ``most``.
        most: windows.
    """
    room = max(0, side - window_px)
    count = min(most, -(-room // hop_px) + 1)
    return [round(s) for s in np.linspace(0, room, count)]
