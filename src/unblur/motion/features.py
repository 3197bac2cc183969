"""All motion features of one window, as the networks take them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unblur.color import FloatArray
from unblur.motion.frequency import frequency_maps
from unblur.motion.spatial import pooled_high_pass, quotient_maps

MAP_NAMES = (
    "autocorrelation_horizontal",
    "autocorrelation_vertical",
    "autocorrelation_falling",
    "autocorrelation_rising",
    "cepstrum",
    "whitened",
    "quotient_1_25",
    "quotient_1_6",
    "quotient_2_25",
    "quotient_2_6",
    "quotient_4_25",
    "quotient_4_6",
)


@dataclass(frozen=True, eq=False)
class MotionFeatures:
    """What a window shows of its motion.

    Attributes:
        maps: (12, GRID, GRID) float32, in the order of MAP_NAMES.
        pooled: (3, 8, 8) float32, pooled high-pass energy.
        noise: standard deviation of the noise, linear light.
    """

    maps: FloatArray
    pooled: FloatArray
    noise: float


def motion_features(window: FloatArray) -> MotionFeatures:
    """Return the features of one window.

    Args:
        window: (H, W) float32 luma, linear light, sides of WINDOW or so.
    """
    named = {**frequency_maps(window), **quotient_maps(window)}
    return MotionFeatures(
        maps=np.stack([named[name] for name in MAP_NAMES]),
        pooled=pooled_high_pass(window),
        noise=noise_sigma(window),
    )


def noise_sigma(plane: FloatArray) -> float:
    """Return the standard deviation of the noise of one plane.

    The median magnitude of a filter that cancels both constant and linear ramps, so that
    blurred structure hardly counts and a few sharp edges do not matter.

    Args:
        plane: (H, W) float32, any light domain; at least 3 x 3, smaller gives 0.

    Reference:
        Immerkaer, Fast noise variance estimation, CVIU 1996, doi:10.1006/cviu.1996.0060
        (the filter); Donoho and Johnstone 1994 (the median).
    """
    if min(plane.shape) < 3:
        return 0.0
    bent = plane[:-2] - 2 * plane[1:-1] + plane[2:]
    response = bent[:, :-2] - 2 * bent[:, 1:-1] + bent[:, 2:]
    return float(np.median(np.abs(response)) / (0.6745 * 6))
