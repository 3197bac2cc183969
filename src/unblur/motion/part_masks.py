"""Masks of parts of a picture: grown, filled out, at another size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from unblur.color import FloatArray
from unblur.motion.windows import Box, Mask


@dataclass(frozen=True)
class MaskParams:
    """How parts are widened and faded, and boxes laid around them.

    Attributes:
        margin_px, least_px: about what a mask wants, and least side of the box around it.
        rim_px: by which the part is widened before the motion is undone up to it.
        fade_px: over which the correction fades in beyond.
    """

    margin_px: int = 16
    least_px: int = 160
    rim_px: int = 2
    fade_px: int = 6


MASKS = MaskParams()

_BAY_PX = 24
"""Width of bays of a part that belong to it."""


def grown(sure: Mask, reach: Mask, least: float) -> Mask | None:
    """Return the connected parts of ``reach`` that hold enough of ``sure``; None for none.

    Args:
        sure, reach: (H, W).
        least: share of all pixels that must be sure in one part.
    """
    parts, count = ndimage.label(reach)
    held = ndimage.sum_labels(sure, parts, np.arange(count + 1))
    held[0] = 0
    enough = held >= least * sure.size
    if not enough.any():
        return None
    return whole(enough[parts])


def whole(part: Mask) -> Mask:
    """Return a part, (H, W), with its bays and holes."""
    framed = np.pad(part, _BAY_PX, mode="edge")
    closed = ndimage.binary_closing(framed, _round(_BAY_PX // 2))
    inner = closed[_BAY_PX:-_BAY_PX, _BAY_PX:-_BAY_PX]
    holes, count = ndimage.label(~inner)
    sizes = ndimage.sum_labels(~inner, holes, np.arange(count + 1))
    return np.asarray(inner | (sizes < _BAY_PX**2)[holes])


def _round(radius: int) -> Mask:
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return np.asarray(y * y + x * x <= radius * radius)


def enlarged(mask: Mask, shape: tuple[int, int], scale: int) -> Mask:
    """Return a mask of a picture shrunk by a whole factor at the picture's own size."""
    if scale == 1:
        return mask
    size = (mask.shape[1] * scale, mask.shape[0] * scale)
    plane = Image.fromarray(mask.astype(np.float32)).resize(size, Image.Resampling.BILINEAR)
    large = np.asarray(plane) > 0.25
    missing = [(0, max(0, side - have)) for side, have in zip(shape, large.shape, strict=True)]
    return np.asarray(np.pad(large, missing, mode="edge")[: shape[0], : shape[1]])


def box_around(mask: NDArray[Any], params: MaskParams = MASKS) -> Box | None:
    """Return the box of what a mask wants, with a margin; None where it wants nothing.

    Args:
        mask: (H, W), wanted where above 0.
        params: margin and least sides.
    """
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return None
    ends = []
    for used, side in zip((rows, columns), mask.shape, strict=True):
        first, stop = int(used[0]), int(used[-1]) + 1
        more = max(params.margin_px, (params.least_px - (stop - first) + 1) // 2)
        ends.append((max(0, first - more), min(side, stop + more)))
    (y0, y1), (x0, x1) = ends
    return y0, x0, y1, x1


def fading(away: Mask, params: MaskParams = MASKS) -> tuple[Mask, FloatArray]:
    """Return a part widened by its rim, and weights that rise from 0 there to 1 beyond it.

    Args:
        away: (H, W), the part.
        params: rim and fade.
    """
    wide = np.asarray(ndimage.binary_dilation(away, iterations=params.rim_px))
    far = ndimage.distance_transform_edt(~wide)
    return wide, np.asarray(np.clip(far / params.fade_px, 0, 1), np.float32)
