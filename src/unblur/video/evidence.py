"""The gate of a clip: how much of a frame's restoration the frames beside it bear out.

What undoing the blur adds to a frame is either there in the scene, and then its neighbours show
it too, each through a blur and a restoration of its own; or it is an error of this frame's PSF,
and then they do not. With ``c`` what is added, ``y`` the blurry frame and ``n`` a neighbour,
restored by itself and laid on the frame, the share of ``c`` that comes nearest to the neighbours
is ``<c, n - y> / <c, c>``: least squares, block by block, with nothing to be chosen. Errors of the
neighbours that do not depend on this frame's, and errors of laying them on it, can only lower it.

What cannot be seen so is an error that all neighbours share. Against the commonest of them, blur
that is seen where there is none (soft lenses, compression), stands the way from frame to frame:
the shutter is open for a frame interval at most, so a part of the picture that rests from one frame
to the next was not blurred by any length of motion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from unblur.color import FloatArray
from unblur.video.alignment import BLOCK_PX, Shifts, block_sums

_GREY = np.array([0.25, 0.5, 0.25], np.float32)

_DETAIL_PX = 13
"""Detail is what a mean over so many px takes off: of longer structures blur takes nothing."""

_SMOOTH_PX = 1.0
"""Standard deviation of the smoothing before shifts are refined: gradients of noise mislead."""

_TURNS = 3
"""Times that shifts are refined; each goes at most a pixel and begins within half of one."""

_FLAT = np.float32(1e-5)
"""Mean square of gradients below which a block tells no shift: a third of a grey level a px."""

_WAY_PX = 1.0
"""What ways between frames may be wrong by, and a still pixel is wide."""

_LEAST = np.float32(1e-6)
"""Mean square below which a correction needs no evidence: a quarter of a grey level."""


@dataclass(frozen=True, eq=False)
class Laid:
    """A frame beside the one in question, restored by itself and laid on it.

    Attributes:
        grey: (H, W) float32 sRGB, its brightness.
        inside: (H, W) float32, 1 where it shows the picture, 0 elsewhere.
        offsets: (rows, columns, 2) float32, px: how far each block lies off in it.
    """

    grey: FloatArray
    inside: FloatArray
    offsets: FloatArray


def laid_on_frame(
    blurry: FloatArray, restored: FloatArray, shifts: Shifts, frame: FloatArray
) -> Laid:
    """Return a neighbour laid on a frame.

    Args:
        blurry, restored: (H, W) float32 sRGB, the neighbour's brightness, as filmed and restored.
        shifts: where the frame's blocks lie in it, found on cells.
        frame: (H, W), the frame's brightness as filmed.
    """
    offsets = refined(blurry, frame, shifts)
    return Laid(*laid_along(restored, offsets), offsets)


def share_moved(length_px: float, beside: list[Laid], shape: tuple[int, ...]) -> FloatArray:
    """Return where the picture moved far enough between frames for a blur of so many px.

    Args:
        length_px: of the blur that is to be undone.
        beside: the neighbours, one or more.
        shape: (H, W).

    Returns:
        (H, W) float32 in [0, 1]: 1 where the longer way to a neighbour is that of the blur, 0
        where it is half of it or less.
    """
    ways = np.max([np.hypot(*np.moveaxis(laid.offsets, -1, 0)) for laid in beside], axis=0)
    enough = (ways + _WAY_PX) / max(length_px, _WAY_PX)
    return over_pixels(np.clip(2 * enough - 1, 0, 1), shape)


def share_shown(
    before: FloatArray, after: FloatArray, beside: list[Laid], *, detail: bool = True
) -> FloatArray:
    """Return how much of a change to a frame its neighbours bear out.

    Args:
        before, after: (H, W) float32 sRGB, the frame's brightness without and with the change.
        beside: the neighbours; none bear out nothing.
        detail: whether the change is one of detail, so that light that changed tells nothing.

    Returns:
        (H, W) float32 in [0, 1]; 0 everywhere if they speak against the change as a whole.
    """
    seen = _detail if detail else np.asarray
    added = seen(after - before)
    borne, whole = np.zeros((2, *block_sums(added[None]).shape[1:]), np.float32)
    for laid in beside:
        counted = added * laid.inside
        wanted = seen(laid.grey - before)
        sums = block_sums(np.stack([counted * wanted, counted * added]))
        borne += sums[0]
        whole += sums[1]
    if borne.sum() <= 0:
        return np.zeros_like(before)
    nothing = _LEAST * np.float32(len(beside) * BLOCK_PX**2)
    return over_pixels(np.clip(borne / (whole + nothing), 0, 1), before.shape)


def refined(
    before: FloatArray, now: FloatArray, shifts: NDArray[Any], *, side: int = BLOCK_PX
) -> FloatArray:
    """Return shifts of blocks to fractions of a pixel.

    Args:
        before, now: (H, W) float32, brightness of another frame and of the frame now.
        shifts: as found on cells, px.
        side: of the blocks.

    Returns:
        (rows, columns, 2) float32.

    Reference:
        Lucas and Kanade, An iterative image registration technique, IJCAI 1981.
    """
    # Neighbours a cell's rounding apart would pull at each other.
    offsets = ndimage.median_filter(np.asarray(shifts, np.float32), (3, 3, 1), mode="nearest")
    other, here = (ndimage.gaussian_filter(plane, _SMOOTH_PX) for plane in (before, now))
    for _ in range(_TURNS):
        moved, inside = laid_along(other, offsets, order=1, side=side)
        down, right = np.gradient(0.5 * (moved + here))
        apart = (here - moved) * inside
        yy, xx, yx, y, x = block_sums(
            np.stack([down * down, right * right, down * right, down * apart, right * apart]),
            side=side,
        )
        flat = _FLAT * np.float32(side**2)
        yy, xx = yy + flat, xx + flat
        whole = yy * xx - yx * yx
        step = np.stack([xx * y - yx * x, yy * x - yx * y], axis=-1) / whole[..., None]
        offsets = offsets + np.clip(step, -1, 1)
    return offsets


def laid_along(
    plane: FloatArray, offsets: FloatArray, *, order: Literal[1, 3] = 3, side: int = BLOCK_PX
) -> tuple[FloatArray, FloatArray]:
    """Return a plane fetched from where the picture came from, smoothly between blocks.

    Args:
        plane: (H, W) float32.
        offsets: (rows, columns, 2) of the blocks, px.
        order: of the spline between pixels.
        side: of the blocks.

    Returns:
        The plane (H, W), and 1 where its source lies inside, 0 elsewhere.
    """
    places, inside = places_along(offsets, plane.shape, side=side)
    return fetched(plane, places, order=order), inside


def places_along(
    offsets: FloatArray, shape: tuple[int, ...], *, side: int = BLOCK_PX
) -> tuple[FloatArray, FloatArray]:
    """Return where each pixel came from, (2, H, W) px, and 1 where that lies inside, else 0."""
    height, width = shape
    y = over_pixels(offsets[..., 0], shape, side=side)
    x = over_pixels(offsets[..., 1], shape, side=side)
    y += np.arange(height, dtype=np.float32)[:, None]
    x += np.arange(width, dtype=np.float32)
    inside = (y >= 0) & (y <= height - 1) & (x >= 0) & (x <= width - 1)
    return np.stack([y, x]), inside.astype(np.float32)


def fetched(plane: FloatArray, places: FloatArray, *, order: Literal[1, 3]) -> FloatArray:
    """Return a plane (H, W) at places (2, H, W), by a spline of an order between pixels."""
    laid = ndimage.map_coordinates(plane, places, order=order, mode="nearest")
    return np.asarray(laid, np.float32)


def over_pixels(blocks: FloatArray, shape: tuple[int, ...], *, side: int = BLOCK_PX) -> FloatArray:
    """Return values of blocks (rows, columns) as (H, W), linear between the blocks' middles."""
    down, along = (_between(n, size, side) for n, size in zip(blocks.shape, shape, strict=True))
    # Not by ``@``: OpenBLAS wakes its threads for so small a product, which takes ten times longer.
    rows = np.einsum("yi,ij->yj", down, blocks.astype(np.float32))
    return np.asarray(np.einsum("yj,jx->yx", rows, np.ascontiguousarray(along.T)), np.float32)


def _between(count: int, size: int, side: int) -> FloatArray:
    """Return the weights (size, count) of linear interpolation."""
    places = np.clip((np.arange(size) + 0.5) / side - 0.5, 0, count - 1)
    apart = np.abs(places[:, None] - np.arange(count))
    return np.asarray(np.maximum(1 - apart, 0), np.float32)


def grey_of(planes: FloatArray) -> FloatArray:
    """Return the brightness (H, W) of planes (3, H, W)."""
    return np.asarray(np.tensordot(_GREY, planes, axes=1), np.float32)


def _detail(plane: FloatArray) -> FloatArray:
    smooth = ndimage.uniform_filter(plane, _DETAIL_PX, mode="nearest")
    return np.asarray(plane - smooth, np.float32)
