"""What stood still by the word of small windows, where edges are too soft to tell.

KernelNet gives each small window a probability of motion. In a photo that moved as a whole hardly
one is below a half; over a subject that the camera followed, soft or hard, some are far below.
Windows are larger than the parts they show, so only what all around it call moved surely moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from unblur.color import FloatArray
from unblur.motion.features import noise_sigma
from unblur.motion.field import visibility
from unblur.motion.local import LocalEstimate
from unblur.motion.psf_estimate import PsfEstimate
from unblur.motion.windows import Box, Mask


@dataclass(frozen=True)
class StillParams:
    """When windows say that part of a picture stood still.

    Chosen on composed scenes of training photos (``benchmarks/moved.py``).

    Attributes:
        doubt: probability of motion below which a window makes a closer look worthwhile.
        visible: least of what a window must show to count (:func:`unblur.motion.field.visibility`)
            ...
        contrast: ... and least strength of its structures, in units of its noise: 24 to 65 over
            still subjects but a dark one (6), 2 to 7 over dark or grainy ground that looks sharp.
        lowest, lowest_share: windows of the closer look that are asked, those that moved least:
            so many, or that share of them if it is more. Of the thousand windows of a large photo
            that moved as a whole some always look still ...
        still: ... and log odds of motion below which their mean is for something still: -0.9 to
            -7 in 15 of 20 pictures with a still subject, -0.6 or more in 45 of 47 without; the
            other two show grainy ground that looks sharp.
        spread_px: standard deviation of the Gaussian with which a window's word spreads.
        moved: least log odds from which on a pixel surely moved ...
        share: ... and share of the way from the lowest of the picture to nearly the highest. Where
            even the lowest speaks for motion, nothing can be told apart.
        prior, prior_weight: log odds where no window says anything, and windows these are worth.
        margin_px: by which what did not surely move is widened.
    """

    doubt: float = 0.5
    visible: float = 0.2
    contrast: float = 8.0
    lowest: int = 3
    lowest_share: float = 0.05
    still: float = -0.7
    spread_px: float = 40.0
    moved: float = 2.0
    share: float = 0.6
    prior: float = 3.0
    prior_weight: float = 0.3
    margin_px: int = 24


STILL = StillParams()

_LEAST = 2e-3
"""Probabilities nearer to 0 or 1 are not believed."""
_STRUCTURES_PX = 1.5, 6.0
"""Standard deviations of the Gaussians between which structures lie."""
_STRONG = 0.95
"""Quantile that stands for their strength."""
_NEARLY_HIGHEST = 0.9
"""Quantile that stands for the highest log odds of a picture."""


def may_have_stood_still(found: Sequence[LocalEstimate], params: StillParams = STILL) -> bool:
    """Return whether a window makes a closer look worthwhile."""
    odds = _visible_odds(found, params)
    return bool(odds.size) and float(odds.min()) < np.log(params.doubt / (1 - params.doubt))


def stood_still(found: Sequence[LocalEstimate], params: StillParams = STILL) -> bool:
    """Return whether windows of a closer look show something that stood still."""
    said = np.sort(_visible_odds(found, params))
    odds = said[: max(params.lowest, round(params.lowest_share * len(said)))]
    return bool(odds.size) and float(odds.mean()) < params.still


def telling(
    found: Sequence[LocalEstimate], luma: FloatArray, params: StillParams = STILL
) -> list[LocalEstimate]:
    """Return the windows whose structures stand out from their noise: noise is never blurred.

    Args:
        found: in windows of a picture.
        luma: (H, W) float32, linear light, of the picture.
        params: how far they must.
    """
    return [one for one in found if _contrast(luma, one.box) >= params.contrast]


def _contrast(luma: FloatArray, box: Box) -> float:
    y0, x0, y1, x1 = box
    window = luma[y0:y1, x0:x1]
    fine, coarse = (ndimage.gaussian_filter(window, sigma) for sigma in _STRUCTURES_PX)
    strength = float(np.quantile(np.abs(fine - coarse), _STRONG))
    return strength / max(noise_sigma(window), 1e-6)


def not_surely_moved(
    found: Sequence[LocalEstimate], shape: tuple[int, int], params: StillParams = STILL
) -> Mask:
    """Return what windows do not surely call moved, (H, W), with its margin.

    Args:
        found: of a closer look.
        shape: (H, W) of the picture.
        params: when a pixel surely moved.
    """
    odds = _spread_odds(found, shape, params)
    lowest, highest = float(odds.min()), float(np.quantile(odds, _NEARLY_HIGHEST))
    if lowest > 0:
        return np.ones(shape, bool)
    unsure = odds < max(params.moved, lowest + params.share * (highest - lowest))
    return np.asarray(ndimage.distance_transform_edt(~unsure) <= params.margin_px)


def _visible_odds(found: Sequence[LocalEstimate], params: StillParams) -> FloatArray:
    """Return the log odds of windows that show something."""
    return _odds([one.estimate for one in found if visibility(one.estimate) >= params.visible])


def _odds(estimates: Sequence[PsfEstimate]) -> FloatArray:
    """Return the log odds of motion, (N,)."""
    said = np.array([one.blur_probability for one in estimates], np.float32)
    said = np.clip(said, _LEAST, 1 - _LEAST)
    return np.asarray(np.log(said / (1 - said)), np.float32)


def _spread_odds(
    found: Sequence[LocalEstimate], shape: tuple[int, int], params: StillParams
) -> FloatArray:
    """Return the log odds of motion at each pixel, (H, W)."""
    boxes = np.array([one.box for one in found], np.float32)
    weights = np.array([one.estimate.confidence for one in found], np.float32)
    odds = _odds([one.estimate for one in found])
    down, across = (
        _bells(boxes[:, axis] / 2 + boxes[:, axis + 2] / 2, side, params.spread_px)
        for axis, side in enumerate(shape)
    )
    said = np.float32(params.prior * params.prior_weight) + (down * (weights * odds)) @ across.T
    return np.asarray(said / (np.float32(params.prior_weight) + (down * weights) @ across.T))


def _bells(middles: NDArray[Any], side: int, sigma: float) -> FloatArray:
    """Return Gaussians about middles along a side, (side, N)."""
    place = np.arange(side, dtype=np.float32)[:, None] + np.float32(0.5)
    return np.asarray(np.exp(-0.5 * np.square((place - middles) / np.float32(sigma))), np.float32)
