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
from scipy import fft, ndimage

from unblur.blur.psf import Psf
from unblur.color import FloatArray
from unblur.motion.frequency import GRID
from unblur.motion.fusion import aligned
from unblur.motion.kernel import clean_psf
from unblur.motion.pyramid import LumaReader
from unblur.motion.windows import span

_NIGHT = 10.0
"""How many times brighter than the photo is on average lamps have to be. Of 102 sharp photos by
day and 102 blurred ones one group of specks each reached 7.5, none this."""

_LOOKED_PX = 1024
"""Side of the part that is looked through for lamps."""

_SMALLEST_PX, _LARGEST_PX = 5, GRID - 8
"""Sides of what may be a streak; smaller is a lamp that stood still."""
_RIM_PX = 4
_BRIGHTER = 4.0
"""Times the light around it from which on a speck counts as a lamp."""

_ALIKE, _LEAST_ALIKE, _FEWEST, _LEAST_SHARE = 0.8, 0.86, 4, 0.3
"""Likeness to one speck that makes a group of it, mean likeness, number, and share of all streaks
that it takes to be believed."""
_MOST = 60
_CLIPPED, _CLIPPED_SHARE = 0.97, 0.2
"""Light from which on a pixel is clipped, and the share of such that makes a streak a poor one."""
_LEAST_RMS_PX, _THICKEST = 2.7, 5.0
"""What lies closer about its middle is a lamp, as the rays and glow of lamps are (2.4 px at most of
1,000 sharp photos); what covers more pixels than so many times its length is a thing."""

_LAMP_PX, _THINNINGS = 1.5, 40
"""Gaussian that stands for a lamp and the glow around it, and steps in which it is undone."""


@dataclass(frozen=True, eq=False)
class _Speck:
    """One bright, isolated speck: its light on the grid, sum 1, and what is known of it."""

    grid: FloatArray
    peak: float
    clipped: float


def lamps_psf(read: LumaReader, shape: tuple[int, int]) -> Psf | None:
    """Return the PSF that the lamps of a photo have drawn.

    Args:
        read: returns luma (linear light, float32) of the picture's ``[y0:y1, x0:x1]``; its middle
            is looked through.
        shape: (H, W) of the picture.

    Returns:
        The PSF, or None where no lamps agree: by daylight, and in sharp photos.
    """
    (y0, y1), (x0, x1) = (span(side // 2, side, _LOOKED_PX) for side in shape)
    luma = read(y0, x0, y1, x1)
    mean = float(luma.mean())
    if mean * _NIGHT > 1.0:  # nothing can be so much brighter
        return None
    streaks, still = _specks(luma, _NIGHT * mean)
    group = _agreed(streaks)
    if group is None or still >= len(group):
        return None
    psf = clean_psf(_thinned(_mean(group)))
    spread = 1 / float(np.square(psf.array).sum())
    if _rms_px(psf) < _LEAST_RMS_PX or spread > _THICKEST * psf.length_px():
        return None
    return psf


def _specks(luma: FloatArray, least: float) -> tuple[list[_Speck], int]:
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
        rim = tuple(slice(s.start - _RIM_PX, s.stop + _RIM_PX) for s in box)
        inside = all(s.start >= 0 and s.stop <= n for s, n in zip(rim, luma.shape, strict=True))
        if side > _LARGEST_PX or not inside:
            continue
        speck = _speck(luma[rim], labels[rim], number)
        if speck is None or speck.peak < least:
            continue
        if side < _SMALLEST_PX:
            still += 1
        else:
            found.append(speck)
    return sorted(found, key=lambda s: -s.peak)[:_MOST], still


def _speck(part: FloatArray, labels: NDArray[Any], number: int) -> _Speck | None:
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
    y, x = (round(c) for c in ndimage.center_of_mass(light))
    half = GRID // 2
    if max(y, x, part.shape[0] - y, part.shape[1] - x) >= half:
        return None  # so lopsided that it would leave the grid
    grid = np.zeros((GRID, GRID), np.float32)
    grid[half - y : half - y + part.shape[0], half - x : half - x + part.shape[1]] = light
    return _Speck(grid / grid.sum(), peak, float((part[own] > _CLIPPED).mean()))


def _agreed(specks: list[_Speck]) -> list[_Speck] | None:
    """Return the largest group of specks that are like one of them; unclipped ones if enough."""
    if len(specks) < _FEWEST:
        return None
    alike = _likenesses([s.grid for s in specks])
    chosen = int(np.argmax((alike > _ALIKE).sum(axis=1)))
    group = np.flatnonzero(alike[chosen] > _ALIKE)
    others = group[group != chosen]
    if len(group) < max(_FEWEST, _LEAST_SHARE * len(specks)):
        return None
    if alike[chosen, others].mean() < _LEAST_ALIKE:
        return None
    whole = [i for i in group if specks[i].clipped < _CLIPPED_SHARE]
    kept = whole if len(whole) >= _FEWEST else [chosen, *others]
    return [specks[i] for i in kept]


def _likenesses(grids: list[FloatArray]) -> NDArray[np.float64]:
    """Return the largest normalised cross-correlations of all pairs."""
    unit = [grid / np.sqrt(np.square(grid).sum()) for grid in grids]
    spectra = [fft.rfft2(grid, s=(2 * GRID, 2 * GRID)) for grid in unit]
    alike = np.eye(len(grids))
    for i, a in enumerate(spectra):
        for j, b in enumerate(spectra[:i]):
            alike[i, j] = alike[j, i] = fft.irfft2(a * np.conj(b)).max()
    return alike


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
