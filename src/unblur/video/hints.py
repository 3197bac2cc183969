"""What the frames beside a frame tell of it: where the picture came from and went, what is there.

Between two frames the shutter is open for a part of the time, so the way of the picture from one
frame to the next tells how it moved during the exposure. Along that way a frame is *tapped*: its
brightness at fractions of the way to both sides, less its own. However fast and in whatever
direction a part moved, its blur lies along the taps in the same manner, so that one network of
small filters can undo it. Beside them stand the next frame, laid on this one, and the ways
themselves. All of it is a matter of copying blocks; training uses the same functions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from unblur.color import FloatArray
from unblur.video.alignment import BLOCK_PX, CELL_PX, Shifts
from unblur.video.cells import brightness, cells_of_frame, fetch

TAPS = (-1.0, -0.75, -0.5, -0.25, 0.25, 0.5, 0.75, 1.0)
"""Where a frame is tapped, as shares of the way from frame to frame."""

FACTS = 6
"""Ways from the frame before and to the next one, (y, x) each; whether there are such frames."""

UNIT_PX = 16.0
"""Way that counts as 1 among the facts; at most MOST_UNITS are told."""

MOST_UNITS = 4.0

FOLLOWED_PX, LOST_PX = 32.0, 48.0
"""Ways to a frame beside it up to which, and from which on no longer, a block is restored: longer
ones are seldom found right, and training had hardly any. On validation clips three of the five
frames that lost more than 0.05 dB lost it there."""

_PIXELS = CELL_PX**2
CHANNELS = len(TAPS) * _PIXELS + 3 * _PIXELS + FACTS


def hints_of(
    frame: FloatArray,
    before: Shifts | None,
    after: Shifts | None,
    following: FloatArray | None,
    *,
    cells: FloatArray | None = None,
    out: FloatArray | None = None,
) -> FloatArray:
    """Return the hints of one frame as FrameRNN takes them.

    Args:
        frame: (H, W, 3) float32 sRGB in [0, 1]; sides multiples of 4.
        before: where its blocks lie in the frame before; None where there is none.
        after: where they lie in the next frame; None where there is none.
        following: (H, W, 3), the next frame; given with ``after``.
        cells: (48, H / 4, W / 4), the frame in cells, if they are there already.
        out: written to; a new array if there is none.

    Returns:
        (CHANNELS, H / 4, W / 4) float32: the taps, the next frame laid on this one (this one
        itself where it shows nothing of it), and the facts.
    """
    if cells is None:
        cells = cells_of_frame(frame)
    if out is None:
        out = np.empty((CHANNELS, *cells.shape[1:]), np.float32)
    taps, next_to, facts = np.split(out, np.cumsum([len(TAPS) * _PIXELS, 3 * _PIXELS]))
    way = way_of(before, after)
    if way is not None and way.any():
        tap(frame, way, taps)
    else:
        taps[:] = 0
    if after is not None and following is not None:
        fetch(following, after, frame, next_to)
    else:
        next_to[:] = cells
    facts[:] = 0
    for number, shifts in enumerate((before, after)):
        if shifts is not None:
            told = np.clip(shifts / UNIT_PX, -MOST_UNITS, MOST_UNITS).astype(np.float32)
            facts[2 * number : 2 * number + 2] = over_cells(told, facts.shape[1:])
            facts[4 + number] = 1
    return out


def way_of(before: Shifts | None, after: Shifts | None) -> NDArray[np.float64] | None:
    """Return how far each block goes in a frame interval, (rows, columns, 2) px.

    Args:
        before, after: as for :func:`hints_of`; one tells as much as both if it is alone.
    """
    if before is None:
        return None if after is None else after.astype(np.float64)
    return -before.astype(np.float64) if after is None else (after - before.astype(np.float64)) / 2


def tap(frame: FloatArray, way: NDArray[np.float64], taps: FloatArray) -> None:
    """Write a frame's brightness along its way, less its own.

    Args:
        frame: (H, W, 3) float32 sRGB, sides multiples of 4.
        way: of each block, px; fetched to the pixel, 0 where it leads outside.
        taps: (TAPS * 16, H / 4, W / 4), in cells, written to.
    """
    grey = brightness(frame)[..., None]
    own = cells_of_frame(grey)
    for share, one in zip(TAPS, np.split(taps, len(TAPS)), strict=True):
        fetch(grey, np.round(way * share), grey, one)
        one -= own


def share_in_motion(before: Shifts | None, after: Shifts | None) -> FloatArray:
    """Return where a frame may be restored, for each block, (rows, columns) float32 in [0, 1].

    The shutter is open for a frame interval at most: what rests from frame to frame, its
    surroundings too, was not blurred by any length of motion. A way of up to one px may be
    rounding, and would blur nothing; two count fully. What lies further off in a frame beside it
    than such blocks can be followed is left alone as well.

    Args:
        before, after: as for :func:`hints_of`, not both None.
    """
    way = way_of(before, after)
    assert way is not None
    longest = ndimage.maximum_filter(_lengths(way), 3, mode="nearest")
    farthest = np.max([_lengths(x) for x in (before, after) if x is not None], axis=0)
    followed = np.clip((LOST_PX - farthest) / (LOST_PX - FOLLOWED_PX), 0, 1)
    return np.asarray(np.clip(longest - 1, 0, 1) * followed, np.float32)


def _lengths(vectors: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(np.hypot(vectors[..., 0].astype(np.float64), vectors[..., 1]))


def over_cells(blocks: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """Return values of blocks (rows, columns, C) as (C, H / 4, W / 4), each over its cells."""
    side = BLOCK_PX // CELL_PX
    wide = np.moveaxis(blocks, -1, 0).repeat(side, axis=1).repeat(side, axis=2)
    return np.asarray(wide[:, : shape[0], : shape[1]], np.float32)
