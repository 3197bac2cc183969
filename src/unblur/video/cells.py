"""Frames in cells: 4 x 4 px become one place with a channel for each pixel and colour.

That is how FrameRNN sees a frame, and everything that is worked out for it is written into cells
at once: pixels that lie side by side in cells lie four apart in a frame, and arithmetic on such
takes several times as long.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unblur.color import FloatArray
from unblur.video.alignment import BLOCK_PX, CELL_PX, copies

_GREEN_HEAVY = np.array([0.25, 0.5, 0.25], np.float32)


def brightness(pixels: FloatArray) -> FloatArray:
    """Return the brightness (H, W) of a frame (H, W, 3), on which motion is searched."""
    return np.asarray(pixels @ _GREEN_HEAVY, np.float32)


def cells_of_frame(pixels: FloatArray) -> FloatArray:
    """Return a frame (H, W, C) in cells, (16 C, H / 4, W / 4)."""
    height, width, colours = pixels.shape
    shape = colours * CELL_PX**2, height // CELL_PX, width // CELL_PX
    cells = np.empty(shape, np.float32)
    into_cells(pixels, cells)
    return cells


def into_cells(pixels: NDArray[Any], cells: NDArray[Any]) -> None:
    """Write a frame (H, W, C) into cells (16 C, H / 4, W / 4), as pixel_unshuffle does."""
    _split(cells)[:] = _pixels(pixels)


def from_cells(cells: NDArray[Any], pixels: NDArray[Any]) -> None:
    """Write cells (16 C, H / 4, W / 4) into a frame (H, W, C), as pixel_shuffle does."""
    _pixels(pixels)[:] = _split(cells)


def fetch(pixels: FloatArray, offsets: NDArray[Any], fill: FloatArray, cells: FloatArray) -> None:
    """Write cells of a frame fetched block by block from where the picture came from.

    Args:
        pixels: (H, W, C) float32, the frame to fetch from; sides multiples of 4.
        offsets: (rows, columns, 2), for each block how far off (y, x) it is fetched, whole px.
        fill: the same shape, taken where the source lies outside of the picture.
        cells: (16 C, H / 4, W / 4), written to.
    """
    moved = np.array(fill)
    for to, of in copies(np.asarray(offsets, int), pixels.shape[:2], BLOCK_PX):
        moved[to] = pixels[of]
    into_cells(moved, cells)


def without_steps(change: FloatArray) -> None:
    """Take away the steps of a change to a frame at the borders of cells.

    The network decides cell by cell, and may decide otherwise in the next one. A step at a border
    counts as far as it exceeds the slopes on both sides, and what there are of steps two pixels
    further inside, so that texture stays; it is spread over two pixels on each side.

    Args:
        change: (16 C, H / 4, W / 4) float32, in cells, written to.
    """
    width = change.shape[2]
    for colour in change.reshape(-1, CELL_PX, CELL_PX, change[0].size):
        # Rows one after the other: from the last cell of one to the first of the next is no step.
        here, beyond = colour[..., :-1], colour[..., 1:]
        _spread_steps([*here.swapaxes(0, 1)], [*beyond.swapaxes(0, 1)], ends=width)
        here, beyond = colour[..., :-width], colour[..., width:]
        _spread_steps([*here], [*beyond])


def _spread_steps(
    here: list[FloatArray], beyond: list[FloatArray], *, ends: int | None = None
) -> None:
    """Do so along one axis, in place and with few arrays: most of the time is that of memory.

    Args:
        here: the pixels of cells along the axis, four of (4, cells).
        beyond: the same of the cells next to them.
        ends: there is no next cell after each so many.
    """
    (a, b, c, d), (e, f, g, h) = here, beyond
    left, right, step = d - c, f - e, e - d
    slopes = left + right
    slopes *= np.float32(0.5)
    step -= slopes
    inside = np.maximum(_bend(b - a, c - b, left), _bend(h - g, g - f, right))
    within = np.maximum(step, -inside, out=left)
    step -= np.minimum(within, inside, out=within)
    if ends is not None:
        step[:, ends - 1 :: ends] = 0
    step *= np.float32(0.125)
    c += step
    f -= step
    step *= np.float32(3)
    d += step
    e -= step


def _bend(before: FloatArray, step: FloatArray, after: FloatArray) -> FloatArray:
    """Return by how much a step exceeds the mean of those beside it; ``before`` is used up."""
    before += after
    before *= np.float32(0.5)
    step = np.subtract(step, before, out=before)
    return np.asarray(np.abs(step, out=step))


def _split(cells: NDArray[Any]) -> NDArray[Any]:
    """Return cells (16 C, rows, columns) as (C, 4, 4, rows, columns), the same memory."""
    return cells.reshape(-1, CELL_PX, CELL_PX, *cells.shape[1:])


def _pixels(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return a frame (H, W, C) as (C, 4, 4, H / 4, W / 4), the same memory."""
    height, width, colours = pixels.shape
    parts = pixels.reshape(height // CELL_PX, CELL_PX, width // CELL_PX, CELL_PX, colours)
    return parts.transpose(4, 1, 3, 0, 2)
