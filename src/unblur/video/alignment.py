"""Where the picture went between two frames, and a memory that goes along with it.

Motion is searched on cells of 4 px: first one shift of the whole picture, then one for each
block of 32 px near to it. That is coarse on purpose: it takes a few milliseconds, and the
network that reads the memory mends what is left. Training aligns with the same shifts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from unblur.blocks import block_means
from unblur.color import FloatArray
from unblur.tapers import hann

CELL_PX = 4
"""Side of the cells on which motion is searched, and of those the memory is stored in."""

BLOCK_PX = 32
"""Side of the blocks that move as one."""

Shifts = NDArray[np.int16]
"""(rows, columns, 2): for each block the offset (y, x) in px at which the frame before shows
what the frame now shows there."""

_BLOCK_CELLS = BLOCK_PX // CELL_PX
_REACH_CELLS = 3
_SMOOTH_CELLS = 9
_FARTHEST = 0.4
"""Share of a side beyond which a shift of the whole picture is not believed."""


def cells_of(frame: FloatArray) -> FloatArray:
    """Return the high-passed brightness of a frame's cells.

    Args:
        frame: (3, H, W) float32 sRGB in [0, 1], sides multiples of 4.

    Returns:
        (H / 4, W / 4) float32, mean about 0.
    """
    return cells_of_grey(frame[0] * 0.25 + frame[1] * 0.5 + frame[2] * 0.25)


def cells_of_grey(grey: FloatArray) -> FloatArray:
    """Return the same of a frame's brightness, (H, W) float32: green counts twice."""
    cells = block_means(grey, CELL_PX)
    smooth = ndimage.uniform_filter(cells, _SMOOTH_CELLS, mode="nearest")
    return np.asarray(cells - smooth, dtype=np.float32)


def block_shifts(before: FloatArray, now: FloatArray) -> Shifts:
    """Return how far back each block of the frame now lies in the frame before.

    Args:
        before: cells of the frame before, see :func:`cells_of`.
        now: cells of the frame now, the same shape.

    Returns:
        A shift for each block; the last row and column of blocks may be incomplete.
    """
    centre = _whole_shift(before, now)
    steps = range(-_REACH_CELLS, _REACH_CELLS + 1)
    side = len(steps)
    shifts = [(centre[0] + y, centre[1] + x) for y in steps for x in steps]
    costs = _block_costs(before, now, shifts)
    best = costs.argmin(axis=0)
    costs = costs.reshape(side, side, *best.shape)
    rows, columns = np.divmod(best, side)
    fine = np.empty((*best.shape, 2), np.float64)
    fine[..., 0] = centre[0] - _REACH_CELLS + rows + _vertex(costs, rows, columns, axis=0)
    fine[..., 1] = centre[1] - _REACH_CELLS + columns + _vertex(costs, rows, columns, axis=1)
    return np.asarray(np.round(fine * CELL_PX), dtype=np.int16)


def moved_along(planes: FloatArray, shifts: Shifts, fill: FloatArray, *, unit: int) -> FloatArray:
    """Return planes fetched block by block from where the picture came from.

    Args:
        planes: (C, rows, columns) of the frame before.
        shifts: of the blocks, px.
        fill: taken where the source lies outside of the picture, the same shape.
        unit: side of a place in px: 1 for pixels, 4 for cells.

    Returns:
        A new array of the same shape.
    """
    out = np.array(fill)
    for to, of in copies(np.round(shifts / unit).astype(int), planes.shape[1:], BLOCK_PX // unit):
        out[(slice(None), *to)] = planes[(slice(None), *of)]
    return out


Rectangle = tuple[slice, slice]


def copies(
    offsets: NDArray[Any], size: tuple[int, ...], side: int
) -> Iterator[tuple[Rectangle, Rectangle]]:
    """Yield where each rectangle of a moved picture is copied to, and where from.

    Neighbours in a row of blocks that move alike are one rectangle; what would come from outside
    of the picture is left out.

    Args:
        offsets: (rows, columns, 2), whole numbers.
        size: of the picture.
        side: of a block.
    """
    begins = np.ones(offsets.shape[:2], bool)
    begins[:, 1:] = (offsets[:, 1:] != offsets[:, :-1]).any(axis=2)
    row, first = np.nonzero(begins)
    end = np.where(np.append(np.diff(row), 1) > 0, offsets.shape[1], np.append(first[1:], 0))
    y, x = offsets[row, first].T
    top, left = np.maximum(row * side, -y), np.maximum(first * side, -x)
    bottom = np.minimum((row + 1) * side, size[0] - np.maximum(y, 0))
    right = np.minimum(end * side, size[1] - np.maximum(x, 0))
    inside = (bottom > top) & (right > left)
    table = np.stack([top, bottom, left, right, y, x])[:, inside]
    for y0, y1, x0, x1, down, along in table.T.tolist():
        to = slice(y0, y1), slice(x0, x1)
        yield to, (slice(y0 + down, y1 + down), slice(x0 + along, x1 + along))


def block_sums(planes: FloatArray, *, side: int = BLOCK_PX) -> FloatArray:
    """Return sums over each block and its neighbours, the block itself counted twice.

    Args:
        planes: (C, H, W) float32; blocks at the ends may be incomplete.
        side: of the blocks.

    Returns:
        (C, rows, columns) float32.
    """
    count, height, width = planes.shape
    rows, columns = -(-height // side), -(-width // side)
    whole = np.zeros((count, rows * side, columns * side), np.float32)
    whole[:, :height, :width] = planes
    parts = whole.reshape(count, rows, side, columns, side)
    return around_blocks(parts.sum(axis=2).sum(axis=3))


def around_blocks(blocks: FloatArray) -> FloatArray:
    """Return sums over each of (C, rows, columns) and its 8 neighbours, itself counted twice."""
    padded = np.pad(blocks, ((0, 0), (1, 1), (1, 1)))
    rows = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    return np.asarray(rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:] + blocks)


def _whole_shift(before: FloatArray, now: FloatArray) -> tuple[int, int]:
    """Return the shift (y, x) in cells of the whole picture, by cross-correlation."""
    shape = now.shape
    window = hann(*shape).astype(np.float32)
    size = tuple(fft.next_fast_len(n, real=True) for n in shape)
    a, b = (fft.rfft2(x * window, s=size) for x in (before, now))
    cross = a * np.conj(b)
    # Half-whitened: sharper than plain correlation, calmer than phase correlation in noise.
    surface = fft.irfft2(cross / (np.sqrt(np.abs(cross)) + 1e-6), s=size)
    for axis, n in enumerate(shape):
        reach = int(n * _FARTHEST)
        index = [slice(None), slice(None)]
        index[axis] = slice(reach + 1, size[axis] - reach)
        surface[tuple(index)] = -np.inf
    y, x = np.unravel_index(int(surface.argmax()), surface.shape)
    return _signed(int(y), size[0]), _signed(int(x), size[1])


def _signed(index: int, size: int) -> int:
    return index - size if index > size // 2 else index


def _block_costs(before: FloatArray, now: FloatArray, shifts: list[tuple[int, int]]) -> FloatArray:
    """Return the mean squared difference about each block, (shifts, rows, columns of blocks)."""
    rows, columns = now.shape
    blocks = -(-rows // _BLOCK_CELLS), -(-columns // _BLOCK_CELLS)
    sums, counts = (np.empty((len(shifts), *blocks), np.float32) for _ in range(2))
    for k, (y, x) in enumerate(shifts):
        (y0, y1), (x0, x1) = _overlap(y, rows), _overlap(x, columns)
        difference = now[y0:y1, x0:x1] - before[y0 + y : y1 + y, x0 + x : x1 + x]
        squares = np.zeros((blocks[0] * _BLOCK_CELLS, blocks[1] * _BLOCK_CELLS), np.float32)
        np.multiply(difference, difference, out=squares[y0:y1, x0:x1])
        parts = squares.reshape(blocks[0], _BLOCK_CELLS, blocks[1], _BLOCK_CELLS)
        sums[k] = parts.sum(axis=1).sum(axis=2)
        counts[k] = np.outer(_counts(y0, y1, blocks[0]), _counts(x0, x1, blocks[1]))
    # A block that the shift leads outside has nothing to compare: dear, but not infinitely.
    nothing = np.float32(_BLOCK_CELLS**2 * 0.05)
    sums, counts = around_blocks(sums), around_blocks(counts)
    return np.asarray((sums + np.float32(1e-4) * nothing) / (counts + nothing))


def _overlap(shift: int, size: int) -> tuple[int, int]:
    return min(size, max(0, -shift)), max(0, min(size, size - shift))


def _counts(start: int, end: int, blocks: int) -> FloatArray:
    flags = np.zeros(blocks * _BLOCK_CELLS, np.float32)
    flags[start:end] = 1
    return np.asarray(flags.reshape(blocks, _BLOCK_CELLS).sum(axis=1))


def _vertex(
    costs: FloatArray, rows: NDArray[np.intp], columns: NDArray[np.intp], *, axis: int
) -> NDArray[np.float64]:
    """Return the offset of the parabola's vertex through the best cost and its neighbours."""
    side = costs.shape[0]
    i, j = np.indices(rows.shape)
    where = [rows, columns]
    at = [np.clip(where[axis] + step, 0, side - 1) for step in (-1, 0, 1)]
    low, mid, high = (
        costs[place, columns, i, j] if axis == 0 else costs[rows, place, i, j] for place in at
    )
    bend = low - 2 * mid + high
    offset = np.where(bend > 1e-12, 0.5 * (low - high) / np.maximum(bend, 1e-12), 0.0)
    edge = (where[axis] == 0) | (where[axis] == side - 1)
    return np.where(edge, 0.0, np.clip(offset, -0.5, 0.5))
