"""A photo whose light is unsure: assessed in either, and if it still is, restored in either.

Undone in the wrong light, motion leaves ringing, and a photo may lose several decibels by a
probability that is wrong by a hundredth. Where the first estimate is unsure, the motion is refined
in both lights, and what undoing it would gain in each tells more. Where both are still about as
likely, the mean of both restorations, each counted by its probability, is the estimate of least
expected squared error: ringing that only one of them has is halved.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unblur.motion.estimator import MotionEstimator
from unblur.motion.psf_tools import matched
from unblur.motion.told_gain import mean_gain
from unblur.pipeline.outcome import Assessment, Result, seconds_of_both
from unblur.tone import LINEAR, SRGB, Evidence, Tone, ToneCurve, is_unsure


@dataclass(frozen=True)
class BothLightsParams:
    """When both lights count.

    Attributes:
        first: what the first estimate counts for: its logarithmic odds times so much ...
        bias: ... plus this ...
        per_db: ... plus so much for each dB by which linear light would gain more. A logistic
            regression on 21 unsure windows of training photos gave 0 for the first (area under the
            curve 0.57 among the unsure ones), -0.6 and 1.0 (0.78); the first counts half, and the
            bias half, since files that say nothing are linear more often than every second time.
        sure: probability from which on the other light does not count.
    """

    first: float = 0.5
    bias: float = -0.3
    per_db: float = 1.0
    sure: float = 0.85


BOTH_LIGHTS = BothLightsParams()

_ROWS = 256
"""Rows that are averaged at the same time, which bounds memory."""


def other_light(found: Assessment) -> ToneCurve | None:
    """Return the light that a photo is to be assessed in as well; None where the first is sure.

    Args:
        found: in the first light. Where the photo is sharp, or part of it stood still, the other
            light is not looked at.
    """
    if found.tone is None or found.verdict.sharp or found.moved is not None:
        return None
    if not is_unsure(found.tone.linear_probability):
        return None
    return SRGB if found.tone.curve.is_linear else LINEAR


def weighed(
    first: Assessment,
    other: Assessment,
    estimator: MotionEstimator,
    params: BothLightsParams = BOTH_LIGHTS,
) -> Assessment:
    """Return the likelier of two assessments, with the other one.

    Args:
        first: in the light of its tone.
        other: in the other one.
        estimator: asked what undoing the motion would gain in each, if it can be.
        params: what that counts for.
    """
    if first.tone is None or other.verdict.reason or other.moved is not None:
        return first
    if first.verdict.reason:  # in its light, the motion could not be undone without harm
        curve = other.picture.tone
        evidence: Evidence = "estimate" if curve.is_linear else "assumed"
        return replace(other, tone=Tone(curve, evidence, max(1 - first.tone.probability, 0.5)))
    probability = first.tone.linear_probability
    told, also = (_with_gain(found, estimator) for found in (first, other))
    linear, srgb = (told, also) if first.tone.curve.is_linear else (also, told)
    if linear.gain_db is not None and srgb.gain_db is not None:
        more = linear.gain_db - srgb.gain_db
        odds = params.first * np.log(probability / (1 - probability))
        probability = float(1 / (1 + np.exp(-(odds + params.bias + params.per_db * more))))
    if probability >= 0.5:
        likelier, less, tone = linear, srgb, Tone(LINEAR, "estimate", probability)
    else:
        likelier, less, tone = srgb, linear, Tone(SRGB, "assumed", 1 - probability)
    return replace(likelier, tone=tone, other=_in_step(less, likelier))


def _in_step(found: Assessment, other: Assessment) -> Assessment:
    """Return an assessment whose motion lies where that of another one does.

    Whole pixels by which centroids were rounded differently would blur the mean of both.
    """
    own, reference = found.motion, other.motion
    if own is None or reference is None or own.scale != reference.scale:
        return found
    if not (own.uniform and reference.uniform):
        return found
    psf = matched(own.windows[0][0].psf, reference.windows[0][0].psf)
    windows = tuple(tuple(replace(w, psf=psf) for w in row) for row in own.windows)
    return replace(found, motion=replace(own, windows=windows))


def _with_gain(found: Assessment, estimator: MotionEstimator) -> Assessment:
    if found.motion is None or found.gain_db is not None:
        return found
    return replace(found, gain_db=mean_gain(found.picture, found.motion, estimator))


def also_counts(found: Assessment, params: BothLightsParams = BOTH_LIGHTS) -> Assessment | None:
    """Return the assessment in the other light, if that is nearly as likely.

    Args:
        found: in the likelier light.
        params: what is sure.
    """
    sure = found.tone is not None and found.tone.probability >= params.sure
    return None if sure else found.other


def mean_of_lights(first: Result, other: Result) -> Result:
    """Return the mean of a photo's restorations in either light.

    Args:
        first: in the likelier light, with its probability; changed.
        other: in the other one.
    """
    if first.tone is None or not other.report.changed:
        return first
    share = first.tone.probability
    samples = np.empty_like(first.samples)
    for y in range(0, len(samples), _ROWS):
        rows = slice(y, y + _ROWS)
        samples[rows] = _mean(first.samples[rows], other.samples[rows], share)
    note = (
        "its light cannot be told for sure (linear with a probability of "
        f"{100 * first.tone.linear_probability:.0f} %): the photo was restored in either light, "
        "and the mean was taken"
    )
    report = replace(
        first.report, seconds=seconds_of_both(first, other), notes=(*first.report.notes, note)
    )
    return replace(first, samples=samples, report=report)


def _mean(a: NDArray[Any], b: NDArray[Any], share: float) -> NDArray[Any]:
    mean = np.float32(share) * a + np.float32(1 - share) * b
    return np.asarray(np.rint(mean) if np.issubdtype(a.dtype, np.integer) else mean, a.dtype)
