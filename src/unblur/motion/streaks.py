"""Light streaks: small lamps at night draw the PSF into the photo themselves.

Networks and searches go by the edges of what is lit, which at night is next to nothing, and take
the streaks for things. But each lamp that is small beside the motion is the blur's picture of one
point, and all lamps draw the same. Bright, isolated specks that are alike are therefore believed,
if they are far brighter than the photo is on average, so that windows, letters and leaves by
daylight do not count; their mean, made thinner by what a lamp is wide, is the PSF.

Reference:
    Hu, Cho, Wang, Yang, Deblurring low-light images with light streaks, CVPR 2014 and TPAMI 2018,
    doi:10.1109/TPAMI.2017.2768365 (they choose one streak by fitting; here many have to agree).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from unblur.blur.psf import Psf
from unblur.color import FloatArray
from unblur.engines.base import Engine
from unblur.motion.frequency import GRID
from unblur.motion.fusion import aligned, fuse
from unblur.motion.kernel import clean_psf, see
from unblur.motion.pyramid import LumaReader

_NIGHT = 10.0
"""How many times brighter than the photo is on average lamps have to be. Of 102 sharp photos by
day and 102 blurred ones one group of specks each reached 7.5, none this."""

_LOOKED_PX, _SHOWN_PX = 1024, 512
"""Side of the part that is looked through for lamps, and of that which FuseNet is shown."""

_SMALLEST_PX, _LARGEST_PX = 5, GRID - 8
_RIM_PX = 4
_BRIGHTER = 4.0
"""Times the light around it from which on a speck counts as a lamp."""

_ALIKE, _LEAST_ALIKE, _FEWEST = 0.8, 0.88, 4
_MOST = 60
_LEAST_RMS_PX, _THICKEST = 2.7, 5.0
"""What lies closer about its middle is a lamp, as the rays and glow of lamps are (2.4 px at most of
1,000 sharp photos); what covers more pixels than so many times its length is a thing."""

_LAMP_PX, _THINNINGS = 1.5, 40
"""Gaussian that stands for a lamp and the glow around it, and steps in which it is undone."""


@dataclass(frozen=True, eq=False)
class _Speck:
    """One bright, isolated speck: its light on the grid, sum 1, peak brightness, and place."""

    grid: FloatArray
    peak: float
    place: tuple[int, int]


def lamps_psf(
    read: LumaReader, shape: tuple[int, int], fuse_engine: Engine | None = None
) -> Psf | None:
    """Return the PSF that the lamps of a photo have drawn.

    Args:
        read: returns luma (linear light, float32) of the picture's ``[y0:y1, x0:x1]``; its middle
            is looked through.
        shape: (H, W) of the picture.
        fuse_engine: runs FuseNet, which has the last word; without it the lamps have.

    Returns:
        The PSF, or None where no lamps agree: by daylight, in sharp photos, nearly always.
    """
    (y0, y1), (x0, x1) = (_middle(side, _LOOKED_PX) for side in shape)
    luma = read(y0, x0, y1, x1)
    mean = float(luma.mean())
    if mean * _NIGHT > 1.0:  # nothing can be so much brighter
        return None
    group = _agreed([s for s in _specks(luma) if s.peak > _NIGHT * mean])
    if group is None:
        return None
    psf = clean_psf(_thinned(_mean(group)))
    spread = 1 / float(np.square(psf.array).sum())
    if _rms_px(psf) < _LEAST_RMS_PX or spread > _THICKEST * psf.length_px():
        return None
    if fuse_engine is None:
        return psf
    place = np.median([s.place for s in group], axis=0)
    (top, bottom), (left, right) = (
        _around(int(p), side) for p, side in zip(place, luma.shape, strict=True)
    )
    seen = see(np.ascontiguousarray(luma[top:bottom, left:right]))
    return fuse(seen, psf, [psf] * 3, fuse_engine)


def _specks(luma: FloatArray) -> list[_Speck]:
    """Return the bright specks that nothing else is near to, the most light first."""
    soft = ndimage.minimum_filter(ndimage.gaussian_filter(luma, 1), size=15)
    above = luma - ndimage.gaussian_filter(soft, 8)
    bright = max(0.25 * float(np.percentile(luma, 99.5)), 0.04)
    labels, _ = ndimage.label(above > bright, structure=np.ones((3, 3)))
    found = []
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        sides = [s.stop - s.start for s in box]
        if not _SMALLEST_PX <= max(sides) <= _LARGEST_PX:
            continue
        rim = tuple(slice(s.start - _RIM_PX, s.stop + _RIM_PX) for s in box)
        if min(s.start for s in rim) < 0 or any(
            s.stop > n for s, n in zip(rim, luma.shape, strict=True)
        ):
            continue
        speck = _speck(luma[rim], labels[rim], number, (rim[0].start, rim[1].start))
        if speck is not None:
            found.append(speck)
    return sorted(found, key=lambda s: -s.peak)[:_MOST]


def _speck(
    part: FloatArray, labels: NDArray[Any], number: int, place: tuple[int, int]
) -> _Speck | None:
    """Return a speck's light above what is around it, if it is alone and much brighter."""
    own = labels == number
    if (labels[~own] > 0).any():
        return None
    near = ndimage.binary_dilation(own, iterations=2)
    around = part[~near]
    if not around.size:
        return None
    dark, peak = float(np.median(around)), float(np.percentile(part[own], 90))
    if peak < _BRIGHTER * (dark + 0.01):
        return None
    light = np.where(near, np.maximum(part - dark, 0), 0)
    grid = np.zeros((GRID, GRID), np.float32)
    grid[: part.shape[0], : part.shape[1]] = light / light.sum()
    y, x = ndimage.center_of_mass(grid)
    half = GRID // 2
    return _Speck(np.roll(grid, (half - round(y), half - round(x)), (0, 1)), peak, place)


def _agreed(specks: list[_Speck]) -> list[_Speck] | None:
    """Return the largest group of specks that are like one of them, that one first."""
    if len(specks) < _FEWEST:
        return None
    best: list[tuple[float, _Speck]] = []
    for one in specks:
        like = partial(_likeness, one.grid)
        group = [(like(other.grid), other) for other in specks]
        group = [pair for pair in group if pair[0] > _ALIKE]
        if len(group) > len(best):
            best = sorted(group, key=lambda pair: -pair[0])
    if len(best) < _FEWEST or np.mean([alike for alike, _ in best]) < _LEAST_ALIKE:
        return None
    return [speck for _, speck in best]


def _likeness(a: FloatArray, b: FloatArray) -> float:
    moved = aligned(b, a)
    return float((a * moved).sum() / np.sqrt(np.square(a).sum() * np.square(moved).sum()))


def _mean(group: list[_Speck]) -> FloatArray:
    grids = [aligned(s.grid, group[0].grid) for s in group]
    return np.asarray(np.mean(grids, axis=0), np.float32)


def _thinned(grid: FloatArray) -> FloatArray:
    """Undo what a lamp is wide.

    Reference:
        Richardson, Bayesian-based iterative method of image restoration, JOSA 1972; Lucy, 1974.
    """
    blurred = partial(ndimage.gaussian_filter, sigma=_LAMP_PX, mode="constant")
    guess = grid + 1e-9
    for _ in range(_THINNINGS):
        guess = guess * blurred(grid / (blurred(guess) + 1e-9))
    return np.asarray(guess / guess.sum(), np.float32)


def _rms_px(psf: Psf) -> float:
    """Return the mean distance of a PSF from its centroid, root of the mean square."""
    x, y = psf.centroid()
    rows, columns = (np.arange(side) - side // 2 for side in psf.shape)
    square = (rows[:, None] - y) ** 2 + (columns - x) ** 2
    return float(np.sqrt((psf.array * square).sum()))


def _middle(size: int, length: int) -> tuple[int, int]:
    first = max(0, size - length) // 2
    return first, min(size, first + length)


def _around(place: int, size: int) -> tuple[int, int]:
    first = min(max(0, place - _SHOWN_PX // 2), max(0, size - _SHOWN_PX))
    return first, min(size, first + _SHOWN_PX)
