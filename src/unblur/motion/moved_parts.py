"""What moved by itself before a still background: the regions that MapNet's map shows.

Of each region two things matter. Its *core* is what moved alone: the rim of an object is a blurred
mix with what lies behind it, in which no motion explains what is seen. And its mean motion, as a
line, is a first guess that the search for the motion begins with.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from unblur.color import FloatArray
from unblur.motion.motion_map import MotionMap
from unblur.motion.windows import Mask


@dataclass(frozen=True)
class MovedPartParams:
    """When a region of a map stands out as moved.

    Attributes:
        may: share of a cell's light that moved from which on it may belong to a region.
        sure: the same of its surest cells ...
        sure_cells: ... of which a region has so many, at least.
        core, inner: share of the light from which on a pixel belongs to the core, and to its
            surest pixels.
        core_cells: least cells of the core.
        most: largest share of the photo that a region covers.
        still: what the median of the cells beside all regions must be below.
    """

    may: float = 0.5
    sure: float = 0.9
    sure_cells: int = 24
    core: float = 0.85
    inner: float = 0.92
    core_cells: int = 24
    most: float = 0.75
    still: float = 0.3


MOVED_PARTS = MovedPartParams()


@dataclass(frozen=True, eq=False)
class MovedPart:
    """A region that moved before a still background.

    Attributes:
        core: (H, W), px of the photo, nearly all of whose light is the region's.
        inner: (H, W), those of the core that are surest; empty where there are none.
        length_px, angle_deg: its mean motion, px of the photo, counter-clockwise as seen.
        moved: mean share of the light that moved in its core.
    """

    core: Mask
    inner: Mask
    length_px: float
    angle_deg: float
    moved: float


def moved_parts(
    told: MotionMap, shape: tuple[int, int], params: MovedPartParams = MOVED_PARTS
) -> Iterator[MovedPart]:
    """Yield what moved before a still background, the largest first; nothing if all of it moved.

    Args:
        told: the map of a photo.
        shape: (H, W) of the photo.
        params: what stands out.
    """
    cells, count = ndimage.label(told.moved >= params.may)
    sure = ndimage.sum_labels(told.moved >= params.sure, cells, np.arange(count + 1))
    sure[0] = 0
    rest = told.moved[cells == 0]
    if not rest.size or float(np.median(rest)) > params.still:
        return
    for number in np.argsort(-sure):
        region = cells == number
        if sure[number] < params.sure_cells:
            return
        if region.mean() > params.most or (told.moved * region >= params.core).sum() < (
            params.core_cells
        ):
            continue
        yield _part(told, region, shape, params)


def _part(
    told: MotionMap, region: Mask, shape: tuple[int, int], params: MovedPartParams
) -> MovedPart:
    inner = region & (told.moved >= params.core)
    weights = told.moved[inner] / np.square(told.spread[inner])
    octaves = float(np.average(np.log2(told.length_px[inner]), weights=weights))
    cosine, sine = (float(np.average(d[inner], weights=weights)) for d in told.direction)
    near = ndimage.binary_dilation(region, iterations=2)
    share = _enlarged(np.where(near, told.moved, 0), told.cell_px, shape)
    return MovedPart(
        core=largest(share >= params.core),
        inner=largest(share >= params.inner),
        length_px=2.0**octaves,
        angle_deg=float(np.rad2deg(np.arctan2(sine, cosine)) / 2 % 180),
        moved=float(told.moved[inner].mean()),
    )


def _enlarged(values: NDArray[np.floating], cell_px: int, shape: tuple[int, int]) -> FloatArray:
    """Return values of cells at the pixels of a photo of a shape, (H, W)."""
    size = (values.shape[1] * cell_px, values.shape[0] * cell_px)
    plane = Image.fromarray(np.asarray(values, np.float32))
    large = np.asarray(plane.resize(size, Image.Resampling.BILINEAR))
    missing = [(0, max(0, side - have)) for side, have in zip(shape, large.shape, strict=True)]
    return np.asarray(np.pad(large, missing, mode="edge")[: shape[0], : shape[1]], np.float32)


def largest(part: Mask) -> Mask:
    """Return the largest connected piece of a mask, with its holes."""
    pieces, _ = ndimage.label(part)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    piece = (pieces == int(np.argmax(sizes))) & part
    return np.asarray(ndimage.binary_fill_holes(piece), bool)
