"""Help from a sharper frame: of a frame beside it that was shaken less, laid on a shaken one.

A clip that is filmed by hand blurs in bursts. The frames before and after then show the same scene
as it should be, and laid on the blurred one to a fraction of a pixel they are nearer to it than
anything that is made of the blurred frame alone. How near is told by three things, place by place:
what two sharper frames differ by tells the error of their mean; what a sharper frame, blurred along
the way, leaves of this frame tells whether it shows the same; and what is left of this frame's own
error is what both differ by, less the other's error. The share is that of least squares for
independent errors.

Reference:
    The idea of Cho, Wang and Lee, Video deblurring for hand-held cameras using patch-based
    synthesis, ACM Transactions on Graphics 2012, doi:10.1145/2185520.2185561; own, simpler form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from unblur.blocks import halve
from unblur.color import FloatArray
from unblur.video.alignment import BLOCK_PX, Shifts, copies
from unblur.video.blurred import Detail
from unblur.video.cells import brightness
from unblur.video.evidence import fetched, places_along, refined

HELPS, HELPS_FULLY = 1.3, 1.6
"""How many times this frame's detail another must have to help it, and to help it fully."""

_NEAR_PX = 13
"""Side of the neighbourhood over which errors are measured."""

_LENGTHS = (0.0, 0.3, 0.6, 1.0)
"""Of the way from frame to frame, along which a sharper frame is blurred to be compared: as long as
the shutter may have been open."""

_STEPS = 9
"""Of which each such blur is the mean."""

_TWO = (0.5, 0.9)
_ONE = (0.2, 0.5)
"""Of what a sharper frame differs by, what is still left after blurring it: up to the first it is
taken for the same scene, from the second on not; where there are two such frames, and one. These
and the next were chosen on 8 made-up bursts, 16 validation clips and the real frames of
docs/video.md."""

_ERROR_OF_ONE = np.float32(3.0)
"""Error, mean square, of one sharper frame by itself, of what is left after blurring it."""

_LEAST = np.float32(1e-6)
"""Mean square difference at which frames are alike: a quarter of a grey level."""


@dataclass(frozen=True, eq=False)
class Neighbour:
    """A frame beside the one in question.

    Attributes:
        frame: (H, W, 3) float32 sRGB in [0, 1].
        shifts: where the frame's blocks lie in it, found on cells.
        detail: of it.
    """

    frame: FloatArray
    shifts: Shifts
    detail: Detail


@dataclass(frozen=True, eq=False)
class _Laid:
    """A sharper frame laid on the one in question, and how far it counts, (H, W)."""

    frame: FloatArray
    weight: FloatArray


def with_sharper(
    restored: FloatArray,
    frame: FloatArray,
    detail: Detail,
    way: NDArray[Any],
    beside: Sequence[Neighbour],
) -> FloatArray:
    """Return a restored frame with what sharper ones show of it.

    Args:
        restored: (H, W, 3) float32 sRGB.
        frame: the same, as filmed.
        detail: of the frame as filmed.
        way: how far each of its blocks goes in a frame interval, (rows, columns, 2) px.
        beside: one or two frames, of either side.

    Returns:
        The same array where none is sharper, a new one otherwise.
    """
    grey = brightness(frame)
    laid = [_laid_on(x, grey, counts) for x in beside if (counts := _counts(x, detail)) > 0]
    if not laid:
        return restored
    weights = np.sum([x.weight for x in laid], axis=0) + _LEAST
    other = np.sum([x.frame * (x.weight / weights)[..., None] for x in laid], axis=0)
    other_grey = brightness(other)
    left = _left(other_grey, grey, way)
    unlike = left / (_near((other_grey - grey) ** 2) + _LEAST)
    error, same = _ERROR_OF_ONE * left, _falling(unlike, *_ONE)
    if len(laid) == 2:
        both = np.minimum(laid[0].weight, laid[1].weight)
        apart = brightness(laid[0].frame) - brightness(laid[1].frame)
        error += both * (_near(apart**2) / 4 - error)
        same += both * (_falling(unlike, *_TWO) - same)
    differs = _near((other_grey - brightness(restored)) ** 2)
    share = np.clip((differs - error) / (differs + _LEAST), 0, 1) * same * np.minimum(weights, 1)
    return np.asarray(restored + share[..., None] * (other - restored), np.float32)


def _counts(neighbour: Neighbour, detail: Detail) -> float:
    """Return how far a frame beside another counts as a sharper one, 0 to 1."""
    sharper = neighbour.detail.sharper_than(detail)
    return min(max((sharper - HELPS) / (HELPS_FULLY - HELPS), 0.0), 1.0)


def _laid_on(neighbour: Neighbour, grey: FloatArray, counts: float) -> _Laid:
    """Return a frame laid on another of this brightness.

    Shifts are refined at half the size, and colours less brightness are fetched linearly: both is
    as exact, and takes a third of the time.
    """
    other = brightness(neighbour.frame)
    half = refined(halve(other), halve(grey), neighbour.shifts / 2, side=BLOCK_PX // 2)
    places, inside = places_along(2 * half, grey.shape)
    laid = fetched(other, places, order=3)
    red, blue = (fetched(neighbour.frame[..., k] - other, places, order=1) for k in (0, 2))
    planes = [laid + red, laid - (red + blue) / 2, laid + blue]
    return _Laid(np.clip(np.stack(planes, axis=2), 0, 1), inside * np.float32(counts))


def _left(other: FloatArray, grey: FloatArray, way: NDArray[Any]) -> FloatArray:
    """Return what another frame, blurred along the way, differs by at least, mean square nearby."""
    found = (_near((_blurred(other, way * length) - grey) ** 2) for length in _LENGTHS)
    return np.asarray(np.min(list(found), axis=0), np.float32)


def _blurred(grey: FloatArray, way: NDArray[Any]) -> FloatArray:
    """Return a frame's brightness blurred along a way, block by block."""
    if not way.any():
        return grey
    total = np.zeros_like(grey)
    for share in (np.arange(_STEPS) + 0.5) / _STEPS - 0.5:
        moved = np.array(grey)
        for to, of in copies(np.round(way * share).astype(int), grey.shape, BLOCK_PX):
            moved[to] = grey[of]
        total += moved
    return total / np.float32(_STEPS)


def _near(squares: FloatArray) -> FloatArray:
    return np.asarray(ndimage.uniform_filter(squares, _NEAR_PX, mode="nearest"), np.float32)


def _falling(values: FloatArray, most: float, none: float) -> FloatArray:
    """Return 1 up to the first bound, 0 from the second on."""
    return np.asarray(np.clip((none - values) / (none - most), 0, 1), np.float32)
