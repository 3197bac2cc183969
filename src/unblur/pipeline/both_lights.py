"""A photo whose light cannot be told: restored in either, and both averaged.

Undone in the wrong light, motion leaves ringing, and a photo may lose several decibels by a
probability that is wrong by a hundredth. Where both lights are about as likely, the mean of both
restorations, each counted by its probability, is the estimate of least expected squared error; what
ringing only one of them has is halved.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unblur.pipeline.outcome import Result
from unblur.tone import LINEAR, SRGB, Tone, ToneCurve


@dataclass(frozen=True)
class BothLightsParams:
    """When both lights count.

    Attributes:
        least, most: probability of linear light between which they do. On 180 windows of
            validation photos in either light PLACEHOLDER
    """

    least: float = 0.3
    most: float = 0.6


BOTH_LIGHTS = BothLightsParams()

_ROWS = 256
"""Rows that are averaged at the same time, which bounds memory."""


def other_light(tone: Tone | None, params: BothLightsParams = BOTH_LIGHTS) -> ToneCurve | None:
    """Return the light that counts besides an estimated one; None where that is sure enough.

    Args:
        tone: as estimated; None where it was known.
        params: when it is sure.
    """
    if tone is None:
        return None
    linear = _linear_probability(tone)
    if not params.least <= linear <= params.most:
        return None
    return SRGB if tone.curve.is_linear else LINEAR


def mean_of_lights(first: Result, other: Result) -> Result:
    """Return the mean of a photo's restorations in either light.

    Args:
        first: in the light that was estimated, with its probability; changed.
        other: in the other one.
    """
    if first.tone is None or not other.report.changed:
        return first
    share = first.tone.probability
    samples = np.empty_like(first.samples)
    for y in range(0, len(samples), _ROWS):
        rows = slice(y, y + _ROWS)
        samples[rows] = _mean(first.samples[rows], other.samples[rows], share)
    seconds = {
        name: round(spent + other.report.seconds.get(name, 0.0), 3)
        for name, spent in first.report.seconds.items()
    }
    note = (
        "its light cannot be told for sure (linear with a probability of "
        f"{100 * _linear_probability(first.tone):.0f} %): the photo was restored in either light, "
        "and the mean was taken"
    )
    report = replace(first.report, seconds=seconds, notes=(*first.report.notes, note))
    return replace(first, samples=samples, report=report)


def _linear_probability(tone: Tone) -> float:
    return tone.probability if tone.curve.is_linear else 1 - tone.probability


def _mean(a: NDArray[Any], b: NDArray[Any], share: float) -> NDArray[Any]:
    mean = np.float32(share) * a + np.float32(1 - share) * b
    return np.asarray(np.rint(mean) if np.issubdtype(a.dtype, np.integer) else mean, a.dtype)
