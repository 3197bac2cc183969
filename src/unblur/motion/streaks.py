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
from unblur.motion.frequency import GRID
from unblur.motion.params import STREAKS, StreakParams
from unblur.motion.psf_tools import aligned, clean_psf, likenesses
from unblur.motion.pyramid import LumaReader, Pyramid
from unblur.motion.windows import span


@dataclass(frozen=True, eq=False)
class _Speck:
    """One bright, isolated speck: its light on the grid, sum 1, and what is known of it."""

    grid: FloatArray
    peak: float
    clipped: float


def streak_psf(
    read: LumaReader, shape: tuple[int, int], params: StreakParams = STREAKS
) -> Psf | None:
    """Return the PSF that the lamps of a photo have drawn.

    Args:
        read: returns luma (linear light, float32) of the picture's ``[y0:y1, x0:x1]``; its middle
            is looked through.
        shape: (H, W) of the picture.
        params: what is a streak, and when streaks are believed.

    Returns:
        The PSF, or None where no lamps agree: by daylight, and in sharp photos.
    """
    (y0, y1), (x0, x1) = (span(side // 2, side, params.searched_px) for side in shape)
    luma = read(y0, x0, y1, x1)
    mean = float(luma.mean())
    if mean * params.night > 1.0:  # nothing can be so much brighter
        return None
    streaks, still = _specks(luma, params.night * mean, params)
    group = _agreed(streaks, params)
    if group is None or still >= len(group):
        return None
    psf = clean_psf(_thinned(_mean(group), params))
    spread = 1 / float(np.square(psf.array).sum())
    if _rms_px(psf) < params.least_rms_px or spread > params.thickest * psf.length_px():
        return None
    return psf


def drawn_by_streaks(pyramid: Pyramid, params: StreakParams) -> tuple[Psf, int] | None:
    """Return the PSF that light streaks have drawn, and the finest level on which they have.

    Estimates are no guide to the level: at night they see little of the motion. It is looked for
    from the smallest picture on, until it is found no more.

    Args:
        pyramid: the picture at its sizes.
        params: which specks are light streaks.
    """
    found = None
    for level in reversed(range(pyramid.levels)):
        psf = streak_psf(partial(pyramid.luma, level), pyramid.shape(level), params)
        if psf is not None:
            found = psf, level
        elif found is not None:
            break
    return found


def _specks(luma: FloatArray, least: float, params: StreakParams) -> tuple[list[_Speck], int]:
    """Return the specks brighter than ``least`` that nothing else is near to, brightest first.

    Returns:
        Those large enough to be streaks, and the number of those that are not.
    """
    soft = ndimage.minimum_filter(ndimage.gaussian_filter(luma, 1), size=15)
    above = luma - ndimage.gaussian_filter(soft, 8)
    bright = max(0.25 * float(np.percentile(luma, 99.5)), 0.04)
    labels, _ = ndimage.label(above > bright, structure=np.ones((3, 3)))
    found, still = [], 0
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        side = max(s.stop - s.start for s in box)
        rim = tuple(slice(s.start - params.rim_px, s.stop + params.rim_px) for s in box)
        inside = all(s.start >= 0 and s.stop <= n for s, n in zip(rim, luma.shape, strict=True))
        if side > params.largest_px or not inside:
            continue
        speck = _speck(luma[rim], labels[rim], number, params)
        if speck is None or speck.peak < least:
            continue
        if side < params.smallest_px:
            still += 1
        else:
            found.append(speck)
    return sorted(found, key=lambda s: -s.peak)[: params.most], still


def _speck(
    part: FloatArray, labels: NDArray[Any], number: int, params: StreakParams
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
    if peak < params.brighter * (dark + 0.01):
        return None
    light = np.where(near, np.maximum(part - dark, 0), 0)
    y, x = (round(c) for c in ndimage.center_of_mass(light))
    half = GRID // 2
    if max(y, x, part.shape[0] - y, part.shape[1] - x) >= half:
        return None  # so lopsided that it would leave the grid
    grid = np.zeros((GRID, GRID), np.float32)
    grid[half - y : half - y + part.shape[0], half - x : half - x + part.shape[1]] = light
    return _Speck(grid / grid.sum(), peak, float((part[own] > params.clipped).mean()))


def _agreed(specks: list[_Speck], params: StreakParams) -> list[_Speck] | None:
    """Return the largest group of specks that are like one of them; unclipped ones if enough."""
    if len(specks) < params.fewest:
        return None
    alike = likenesses([s.grid for s in specks])
    chosen = int(np.argmax((alike > params.alike).sum(axis=1)))
    group = np.flatnonzero(alike[chosen] > params.alike)
    others = group[group != chosen]
    if len(group) < max(params.fewest, params.least_share * len(specks)):
        return None
    if alike[chosen, others].mean() < params.least_alike:
        return None
    whole = [i for i in group if specks[i].clipped < params.clipped_share]
    kept = whole if len(whole) >= params.fewest else [chosen, *others]
    return [specks[i] for i in kept]


def _mean(group: list[_Speck]) -> FloatArray:
    grids = [aligned(s.grid, group[0].grid) for s in group]
    return np.asarray(np.mean(grids, axis=0), np.float32)


def _thinned(grid: FloatArray, params: StreakParams) -> FloatArray:
    """Undo what a lamp is wide.

    Reference:
        Richardson, Bayesian-based iterative method of image restoration, JOSA 1972; Lucy, 1974.
    """
    blurred = partial(ndimage.gaussian_filter, sigma=params.lamp_px, mode="constant")
    guess = grid + 1e-9
    for _ in range(params.thinnings):
        guess = guess * blurred(grid / (blurred(guess) + 1e-9))
    return np.asarray(guess / guess.sum(), np.float32)


def _rms_px(psf: Psf) -> float:
    """Return the mean distance of a PSF from its centroid, root of the mean square."""
    x, y = psf.centroid()
    rows, columns = (np.arange(side) - side // 2 for side in psf.shape)
    square = (rows[:, None] - y) ** 2 + (columns - x) ** 2
    return float(np.sqrt((psf.array * square).sum()))
