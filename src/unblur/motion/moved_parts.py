"""What stands out from a photo's map of what moved: regions that moved before a still background.

The map ranks the cells of a photo nearly always rightly, but how sure it is depends on what there
is to see: an object with little texture may have 0.4 of its light told as moved before a background
of 0.03, one before a background out of focus 0.99 before 0.6. So a region is not what exceeds a
bound. It is a connected level set that stands out from the ring around it: of the nested ones, the
one whose level lies midway between what is told inside and around.
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
        levels: log odds of having moved at which regions are cut out, lowest, highest and step.
        ring: from how many to how many cells beyond a region it is compared.
        cells: least cells of a region.
        most: largest share of the photo that a region covers.
        contrast: least difference between a region and its ring, log odds.
        straight: least length of the mean direction: 0.5 and more in nearly all that moved along a
            line, 0 to 0.5 in most of what a map doubts in a sharp photo.
        tried: most regions of a photo.
        likely, surely: what likely and what surely belongs to a region, as a share of the way from
            what is told around it to what is told inside ...
        smooth_px: ... in a map smoothed so much. In 58 composed scenes 0.5 took in 5 % of what
            stood still, 0.75 takes in 2 % and three quarters of what moved alone.
        margin: share of a region's cells and of its ring's that its border leaves out.
        least: log odds beyond which nothing is told.
    """

    levels: tuple[float, float, float] = (-2.5, 4.0, 0.5)
    ring: tuple[int, int] = (2, 6)
    cells: int = 24
    most: float = 0.6
    contrast: float = 1.5
    straight: float = 0.35
    tried: int = 3
    likely: float = 0.5
    surely: float = 0.75
    smooth_px: float = 3.0
    margin: float = 0.2
    least: float = 6.2


MOVED_PARTS = MovedPartParams()


@dataclass(frozen=True, eq=False)
class MovedPart:
    """A region that moved before a still background.

    Attributes:
        likely, surely: (H, W), px of the photo, what belongs to it, with its blurred rim.
        length_px, angle_deg: its mean motion, px of the photo, counter-clockwise as seen.
        straight: how much its cells agree on the direction, [0, 1].
        contrast: by how much it stands out from the ring around it, log odds.
        border: by how much nearly all of it stands out from nearly all of the ring.
    """

    likely: Mask
    surely: Mask
    length_px: float
    angle_deg: float
    straight: float
    contrast: float
    border: float


@dataclass(frozen=True, eq=False)
class _Region:
    """A connected level set of a map: its cells, and log odds inside and in the ring around."""

    cells: Mask
    level: float
    inside: float
    around: float
    border: float

    def contrast(self) -> float:
        return self.inside - self.around

    def fits(self) -> float:
        """Return how well it stands out, at a level midway."""
        return self.contrast() - abs(self.level - (self.inside + self.around) / 2)


def moved_parts(
    told: MotionMap, shape: tuple[int, int], params: MovedPartParams = MOVED_PARTS
) -> Iterator[MovedPart]:
    """Yield what moved before a still background, what stands out most first.

    Args:
        told: the map of a photo.
        shape: (H, W) of the photo.
        params: what stands out.
    """
    share = np.clip(told.moved.astype(np.float64), 1e-6, 1 - 1e-6)
    odds = np.clip(np.log(share / (1 - share)), -params.least, params.least)
    found = [one for one in _regions(odds, params) if one.contrast() >= params.contrast]
    found.sort(key=lambda one: -one.fits())
    taken = np.zeros(odds.shape, bool)
    tried = 0
    for region in found:
        if (taken & region.cells).any():
            continue
        taken |= region.cells
        part = _part(told, odds, region, shape, params)
        if part.straight >= params.straight and part.surely.any():
            yield part
            tried += 1
            if tried == params.tried:
                return


def _regions(odds: NDArray[np.float64], params: MovedPartParams) -> Iterator[_Region]:
    """Yield the connected level sets of a map that are neither too small nor too large."""
    low, high, step = params.levels
    smooth = ndimage.median_filter(odds, 3)
    first, last = params.ring
    for level in np.arange(low, high + step / 2, step):
        labels, _ = ndimage.label(ndimage.binary_opening(smooth >= level))
        for number, box in enumerate(ndimage.find_objects(labels), 1):
            y0, x0 = (max(0, side.start - last - 1) for side in box)
            near = slice(y0, box[0].stop + last + 1), slice(x0, box[1].stop + last + 1)
            region = ndimage.binary_fill_holes(labels[near] == number)
            size = int(region.sum())
            if size < params.cells or size > params.most * odds.size:
                continue
            inner = ndimage.binary_erosion(region, border_value=1)
            ring = ndimage.binary_dilation(region, iterations=last)
            ring &= ~ndimage.binary_dilation(region, iterations=first)
            if inner.sum() < params.cells / 3 or ring.sum() < params.cells / 3:
                continue
            cells = np.zeros(odds.shape, bool)
            cells[near] = region
            inside, around = (float(np.median(odds[near][part])) for part in (inner, ring))
            least = float(np.quantile(odds[near][inner], params.margin))
            border = least - float(np.quantile(odds[near][ring], 1 - params.margin))
            yield _Region(cells, float(level), inside, around, border)


def _part(
    told: MotionMap,
    odds: NDArray[np.float64],
    region: _Region,
    shape: tuple[int, int],
    params: MovedPartParams,
) -> MovedPart:
    inner = ndimage.binary_erosion(region.cells, border_value=1)
    weights = np.maximum(told.moved[inner], 0.05) / np.square(told.spread[inner])
    octaves = float(np.average(np.log2(told.length_px[inner]), weights=weights))
    cosine, sine = (float(np.average(d[inner], weights=weights)) for d in told.direction)
    near = ndimage.binary_dilation(region.cells, iterations=2)
    plane = _enlarged(np.where(near, odds, -params.least), told.cell_px, shape)
    plane = (ndimage.gaussian_filter(plane, params.smooth_px) - region.around) / region.contrast()
    return MovedPart(
        likely=largest(plane >= params.likely),
        surely=largest(plane >= params.surely),
        length_px=2.0**octaves,
        angle_deg=float(np.rad2deg(np.arctan2(sine, cosine)) / 2 % 180),
        straight=float(np.hypot(cosine, sine)),
        contrast=region.contrast(),
        border=region.border,
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
