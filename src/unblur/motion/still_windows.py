"""What stood still by the word of small windows, where edges are too soft to tell.

Three networks speak of each window, and go astray on different ones. KernelNet gives it a
probability of motion; JudgeNet tells what undoing the motion of the picture would gain there
(:mod:`unblur.motion.told_gain`); MapNet maps the share of its light that moved
(:mod:`unblur.motion.motion_map`). The sum of the first two,

    evidence = weight * log odds of motion + gain in dB,

is below -0.8 over something still, and above -0.8 nearly everywhere in a picture that moved as a
whole: windows of composed scenes are told apart with an area under the curve of 0.95 by it, 0.86 by
either alone. MapNet speaks only against motion, by the log odds of that share where it is below a
half. So a mixture of an object's motion and none behind it, which both others let pass, is found;
what MapNet alone calls still, on pages, is not. Windows are larger than the parts they show, so
only what all around it call moved surely moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from unblur.color import FloatArray
from unblur.motion.field import visibility
from unblur.motion.local import LocalEstimate
from unblur.motion.told_gain import mean_of_told
from unblur.motion.windows import Mask


@dataclass(frozen=True)
class StillParams:
    """When windows say that part of a picture stood still.

    Chosen on 16 composed panning scenes of training photos (``benchmarks/moved.py``) and 34
    validation photos that moved as a whole.

    Attributes:
        least_db: mean gain told of all windows below which a motion is not undone at all: 0.55 and
            more on 33 of the 34 photos (the other one is left alone anyway) and 1.9 and more on 8
            shakes, 0.1 and less where a mixture of motions was found in 3 of 16 photos with a moved
            object.
        doubt_db: gain told of a window below which KernelNet is asked as well: of all 9 scenes
            whose motion is 6 px or more, and of 13 of the 34 photos.
        visible: least of what a window must show to count (:func:`unblur.motion.field.visibility`).
        weight: of the log odds, dB.
        sure: log odds above which KernelNet is sure that a window moved, as JudgeNet is where it
            gains more than ``doubt_db``; its evidence is then not below 0. Over still parts of 4
            scenes they are below 2.2 in at least two windows; in a photo of waves that moved as a
            whole one window has 0.6, the next 6.
        mapped: share of a window's light that moved, as MapNet maps it, below which KernelNet is
            asked as well.
        lowest: windows that are asked, those of least evidence, each below 0 ...
        still: ... and their mean evidence below which something stood still: -0.8 to -2.7 in 6 of
            9 scenes, -0.7 or more in 33 of 34 photos; the other one is left alone anyway. Of 34
            photos of the test split, which moved as a whole, one is called still in part (0.01 dB).
        spread_px: standard deviation of the Gaussian with which a window's word spreads.
        moved: least evidence from which on a pixel surely moved ...
        share: ... and share of the way from the lowest of the picture to nearly the highest. Where
            even the lowest speaks for motion, nothing can be told apart.
        prior, prior_weight: evidence where no window says anything, and windows that this is worth.
        margin_px: by which what did not surely move is widened.
    """

    least_db: float = 0.2
    doubt_db: float = 0.5
    visible: float = 0.2
    weight: float = 0.5
    sure: float = 2.2
    mapped: float = 0.35
    lowest: int = 2
    still: float = -0.8
    spread_px: float = 40.0
    moved: float = 1.0
    share: float = 0.6
    prior: float = 2.0
    prior_weight: float = 0.3
    margin_px: int = 24


STILL = StillParams()

_LEAST = 2e-3
"""Probabilities nearer to 0 or 1 are not believed."""
_NEARLY_HIGHEST = 0.9
"""Quantile that stands for the highest evidence of a picture."""


def does_harm(gains_db: Sequence[float], params: StillParams = STILL) -> bool:
    """Return whether undoing a motion would do more harm than good, by the gains told of windows.

    Args:
        gains_db: of the windows; NaN where one shows nothing.
        params: how much is good.
    """
    mean_db = mean_of_told(gains_db)
    return mean_db is not None and mean_db < params.least_db


def doubtful(
    gains_db: Sequence[float], moved: Sequence[float], params: StillParams = STILL
) -> list[int]:
    """Return the windows that their gains, NaN for none, or the map do not call moved.

    Only these can have evidence below 0, so that they alone tell whether something stood still.
    """
    return [
        number
        for number, (gain, share) in enumerate(zip(gains_db, moved, strict=True))
        if gain <= params.doubt_db or (share < params.mapped and not np.isnan(gain))
    ]


def evidence_of_motion(
    found: Sequence[LocalEstimate],
    gains_db: Sequence[float],
    moved: Sequence[float],
    params: StillParams = STILL,
) -> FloatArray:
    """Return the evidence of each window, (N,); NaN where it shows nothing.

    Args:
        found: what KernelNet says of the windows.
        gains_db: what undoing the motion of the picture would gain in the same windows.
        moved: share of their light that moved, as it is mapped; 1 where nothing is.
        params: how they are summed.
    """
    said = np.array([one.estimate.blur_probability for one in found], np.float32)
    said = np.clip(said, _LEAST, 1 - _LEAST)
    odds = np.log(said / (1 - said))
    gains = np.asarray(gains_db, np.float32)
    evidence = params.weight * odds + gains
    surely = (odds > params.sure) | (gains > params.doubt_db)
    evidence = np.where(surely, np.maximum(evidence, 0), evidence)
    evidence = evidence + _against(moved)
    shown = np.array([visibility(one.estimate) >= params.visible for one in found], bool)
    return np.asarray(np.where(shown, evidence, np.nan), np.float32)


def evidence_of_short_motion(gains_db: Sequence[float], moved: Sequence[float]) -> FloatArray:
    """Return the evidence of each window, (N,), of a motion that KernelNet does not see in them.

    An object that moved before a still background may make a whole picture look as if it had moved
    a little: 4 of 14 composed scenes that were taken for moved as a whole. The map and the gain
    tell.

    Args:
        gains_db, moved: as for :func:`evidence_of_motion`.
    """
    return np.asarray(np.asarray(gains_db, np.float32) + _against(moved), np.float32)


def _against(moved: Sequence[float]) -> FloatArray:
    """Return the log odds of shares of light that moved, where they are below a half; else 0."""
    share = np.clip(np.asarray(moved, np.float32), _LEAST, 0.5)
    return np.asarray(np.log(share / (1 - share)), np.float32)


def stood_still(evidence: FloatArray, params: StillParams = STILL) -> bool:
    """Return whether windows of so much evidence, NaN for none, show something that stood still."""
    lowest = np.sort(evidence[~np.isnan(evidence)])[: params.lowest]
    if lowest.size < params.lowest:
        return False
    return float(lowest[-1]) < 0 and float(lowest.mean()) < params.still


def not_surely_moved(
    found: Sequence[LocalEstimate],
    evidence: FloatArray,
    shape: tuple[int, int],
    params: StillParams = STILL,
) -> Mask:
    """Return what windows do not surely call moved, (H, W), with its margin.

    Args:
        found, evidence: of the windows, and of what each says.
        shape: (H, W) of the picture.
        params: when a pixel surely moved.
    """
    said = _spread(found, evidence, shape, params)
    lowest, highest = float(said.min()), float(np.quantile(said, _NEARLY_HIGHEST))
    if lowest > 0:
        return np.ones(shape, bool)
    unsure = said < max(params.moved, lowest + params.share * (highest - lowest))
    return np.asarray(ndimage.distance_transform_edt(~unsure) <= params.margin_px)


def _spread(
    found: Sequence[LocalEstimate],
    evidence: FloatArray,
    shape: tuple[int, int],
    params: StillParams,
) -> FloatArray:
    """Return the evidence at each pixel, (H, W)."""
    boxes = np.array([one.box for one in found], np.float32)
    silent = np.isnan(evidence)
    weights = np.array([one.estimate.confidence for one in found], np.float32) * ~silent
    evidence = np.where(silent, 0, evidence)
    down, across = (
        _bells(boxes[:, axis] / 2 + boxes[:, axis + 2] / 2, side, params.spread_px)
        for axis, side in enumerate(shape)
    )
    said = np.float32(params.prior * params.prior_weight) + (down * (weights * evidence)) @ across.T
    return np.asarray(said / (np.float32(params.prior_weight) + (down * weights) @ across.T))


def _bells(middles: NDArray[Any], side: int, sigma: float) -> FloatArray:
    """Return Gaussians about middles along a side, (side, N)."""
    place = np.arange(side, dtype=np.float32)[:, None] + np.float32(0.5)
    return np.asarray(np.exp(-0.5 * np.square((place - middles) / np.float32(sigma))), np.float32)
