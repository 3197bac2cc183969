"""Which blocks of a frame show blur along the way that the picture goes.

A clip is mostly sharp, and what is sharp need not be restored. Motion takes from the brightness
what is fine along its way: along it, a step of 2 px then changes hardly more than half of what one
of 4 px does, as on a slope; where edges are left it changes much more. So the mean squares of both
are compared, along the way from frame to frame, block by block with the blocks around. Whether a
lens or a codec took the detail instead cannot be told; such blocks are taken for blurred.
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
from unblur.video.alignment import BLOCK_PX, Shifts, around_blocks
from unblur.video.hints import share_in_motion, way_of

SHARP = 2.0
"""Ratio of both mean squares, each for a px, from which on a block is sharp: 1 on a slope. The
frames of 16 validation clips that are sharp so had a fiftieth of the gain of all 128, and none of
five real clips of sharp frames was blurred."""

FEW, MANY = 0.03, 0.06
"""Shares of a frame's blocks. Where fewer are blurred only they and those around them are restored:
single ones are mistaken. Where it is more the whole frame is, with what is blurred too little to be
seen so; between the two it fades in, lest frames flicker."""

_REACH_BLOCKS = 2
"""How far around blurred blocks a frame is restored where they are few."""

_QUIET = 0.05
"""Share of the blocks that show no more than noise."""

_LEAST = np.float32(1e-6)
"""Mean square of steps below which a block shows nothing that could be blurred: a quarter of a grey
level in 4 px."""

_FINE_PX, _COARSE_PX = 2, 4

_MUCH_LESS, _LESS = 0.25, 0.45
"""Of a frame's detail: what one beside it shows where it is left alone, and where it may be
restored."""

_MORE_ELSEWHERE = 0.3
"""By how much more another frame shows that speaks for restoring this one all the same."""

_RESTS_PX = 1.0
"""Way up to which a block may as well rest: what rests is sharp, whatever moves before it."""

_MORE = np.float32(6)
"""By how much more a block counts than in sums over it and those around: as much as all eight, so
that a part of 2 x 2 blocks that is blurred is found in a sharp frame."""


@dataclass(frozen=True, eq=False)
class Detail:
    """Mean squares of the steps of a frame's brightness, without those of noise.

    Attributes:
        fine: of means over 2 px, (3, rows, columns): down, along, and their product.
        coarse: of means over 4 px.
    """

    fine: FloatArray
    coarse: FloatArray

    def sharper_than(self, other: Detail) -> float:
        """Return how many times the fine detail of another frame it has."""
        mine, theirs = (
            max(float(np.maximum(x.fine[:2], 0).sum(axis=0).mean()), float(_LEAST))
            for x in (self, other)
        )
        return mine / theirs


def detail_of(grey: FloatArray) -> Detail:
    """Return the detail of a frame.

    Args:
        grey: (H, W) float32 sRGB, its brightness, sides multiples of 16.
    """
    halved = halve(grey)
    noise = _noise(grey)
    fine, coarse = (
        _without_noise(_squares(plane, side), noise / side**2)
        for plane, side in ((halved, _FINE_PX), (halve(halved), _COARSE_PX))
    )
    return Detail(fine, coarse)


def share_to_restore(
    detail: Detail, before: Shifts | None, after: Shifts | None, beside: Sequence[Detail]
) -> FloatArray:
    """Return where a frame is restored, for each block: what moves and is blurred.

    Args:
        detail: of the frame.
        before, after: where its blocks lie in the frames beside it; None where there is none.
        beside: detail of these.
    """
    way = way_of(before, after)
    if way is None:
        return np.zeros((1, 1), np.float32)
    moving = share_in_motion(before, after)
    if moving.any():
        moving = moving * share_blurred(detail, way, moving > 0)
    return moving * np.float32(share_not_sharpest([x.sharper_than(detail) for x in beside]))


def share_not_sharpest(ratios: Sequence[float]) -> float:
    """Return how far a frame is restored beside others, 0 to 1.

    The sharp frame beside a shaken one has nothing to gain, and FrameRNN, which has seen few such,
    takes over its blur.

    Args:
        ratios: how much more detail than it each frame beside it shows.
    """
    alike = (min(ratios) - _MUCH_LESS) / (_LESS - _MUCH_LESS)
    return min(max(alike, (max(ratios) - 1) / _MORE_ELSEWHERE, 0.0), 1.0)


def share_blurred(detail: Detail, way: NDArray[Any], moves: NDArray[np.bool_]) -> FloatArray:
    """Return where a frame is to be restored.

    Args:
        detail: of the frame.
        way: how far each block goes in a frame interval, (rows, columns, 2) px.
        moves: (rows, columns), whether it moves at all.

    Returns:
        (rows, columns) float32 in [0, 1]; 0 everywhere if the frame is sharp.
    """
    found = _without_single(blurred_blocks(detail, way) & moves)
    share = float(found.mean())
    everywhere = min(max((share - FEW) / (MANY - FEW), 0.0), 1.0)
    reach = np.ones((2 * _REACH_BLOCKS + 1,) * 2, bool)
    nearby = ndimage.binary_dilation(found, reach)
    return np.where(nearby, 1.0, everywhere).astype(np.float32)


def blurred_blocks(detail: Detail, way: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which blocks (rows, columns) are blurred along the way; see :func:`share_blurred`."""
    length = np.hypot(way[..., 0], way[..., 1])
    moved = (length > _RESTS_PX).astype(np.float32)
    down, along = (way[..., k] / np.maximum(length, _RESTS_PX) for k in (0, 1))
    fine, coarse = (
        squares[0] * down**2 + squares[1] * along**2 + 2 * squares[2] * down * along
        for squares in (_around(detail.fine, moved), _around(detail.coarse, moved))
    )
    sharp = (_COARSE_PX / _FINE_PX) ** 2 * fine >= SHARP * coarse
    return np.asarray((coarse > _LEAST) & ~sharp)


def _around(squares: FloatArray, moved: FloatArray) -> FloatArray:
    """Return means over each block and those around it, of those that moved."""
    sums, counts = (around_blocks(a) + _MORE * a for a in (squares * moved, moved[None]))
    return np.asarray(sums / np.maximum(counts, 1))


def _without_single(found: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return those of the blocks that lie in a square of 2 x 2 of them."""
    return np.asarray(ndimage.binary_opening(found, np.ones((2, 2), bool)))


def _noise(grey: FloatArray) -> float:
    """Return the mean square of a pixel's steps in blocks that show little else."""
    # A fourth of the steps is enough.
    down = _block_means(np.diff(grey[:, ::4], axis=0) ** 2, (BLOCK_PX, BLOCK_PX // 4))
    along = _block_means(np.diff(grey[::4], axis=1) ** 2, (BLOCK_PX // 4, BLOCK_PX))
    return float(np.quantile(np.minimum(down, along), _QUIET))


def _squares(plane: FloatArray, side: int) -> FloatArray:
    """Return the mean squares of steps over each block, (3, rows, columns).

    Args:
        plane: of means over ``side`` px.
        side: px.
    """
    down, along = plane[1:, :-1] - plane[:-1, :-1], plane[:-1, 1:] - plane[:-1, :-1]
    size = BLOCK_PX // side, BLOCK_PX // side
    return np.stack([_block_means(a, size) for a in (down * down, along * along, down * along)])


def _without_noise(squares: FloatArray, noise: float) -> FloatArray:
    """Return the mean squares less what noise adds to them."""
    squares[:2] -= np.float32(noise)
    return squares


def _block_means(plane: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Return the means over blocks; one at an end that is incomplete counts what it has."""
    starts = [np.arange(0, n, step) for n, step in zip(plane.shape, size, strict=True)]
    # Rows first, whole ones at a time.
    sums = np.add.reduceat(np.add.reduceat(plane, starts[0], axis=0), starts[1], axis=1)
    counts = [np.diff(np.append(s, n)) for s, n in zip(starts, plane.shape, strict=True)]
    return np.asarray(sums / np.outer(*counts), np.float32)
