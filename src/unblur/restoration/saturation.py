"""From where on samples count as saturated, and when there are enough of them to matter.

A saturated sample says only that there was more light than it shows. Noise takes some of them below
white, so the threshold follows the noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unblur.color import FloatArray
from unblur.motion.windows import Mask


@dataclass(frozen=True)
class SaturationParams:
    """When samples are saturated; chosen on validation photos before 0.1.0.

    Attributes:
        white: samples from here on count as saturated ...
        deviations: ... or from so many standard deviations of the noise below 1, but
        least_white: not below this.
        least_share: share of saturated pixels below which they do not matter: noise on paper.
    """

    white: float = 0.985
    deviations: float = 2.7
    least_white: float = 0.9
    least_share: float = 2e-5


SATURATION = SaturationParams()


def saturated_samples(
    light: FloatArray, noise: float, params: SaturationParams = SATURATION
) -> Mask:
    """Return which samples are saturated, of the shape of ``light``.

    Args:
        light: linear light, 1 is white.
        noise: standard deviation of its luma's noise.
        params: when samples are saturated.
    """
    white = max(params.least_white, min(params.white, 1 - params.deviations * noise))
    return np.asarray(light >= white)


def any_channel(samples: Mask) -> Mask:
    """Return (H, W), where any of (H, W, 3) holds: a tenth of the time of ``any``."""
    return np.asarray(samples[..., 0] | samples[..., 1] | samples[..., 2])


def matter(saturated: Mask, params: SaturationParams = SATURATION) -> bool:
    """Return whether enough of a picture is saturated to be reckoned with."""
    return bool(saturated.mean() >= params.least_share)
