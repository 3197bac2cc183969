"""Masks of parts of a picture: grown, filled out, at another size."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage

from unblur.motion.windows import Mask

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
