"""Light motion features: those that are cheap enough to look at thousands of photos a minute.

All features of the frequency domain (one Fourier transform serves them all), the pooled
high-pass, and the quotients at half size only, which cost a quarter of those at full size.
"""

from __future__ import annotations

import numpy as np

from unblur.color import FloatArray
from unblur.motion.features import MAP_NAMES, MotionFeatures, noise_sigma
from unblur.motion.frequency import frequency_maps
from unblur.motion.spatial import pooled_high_pass, quotient_maps

LIGHT_NAMES = (*MAP_NAMES[:6], "quotient_2_25", "quotient_2_6")


def light_features(window: FloatArray) -> MotionFeatures:
    """Return the light features of one window.

    Args:
        window: (H, W) float32 luma, linear light, sides of WINDOW or so.

    Returns:
        Features whose maps are (8, GRID, GRID), in the order of LIGHT_NAMES.
    """
    named = {**frequency_maps(window), **quotient_maps(window, scales=(2,))}
    return MotionFeatures(
        maps=np.stack([named[name] for name in LIGHT_NAMES]),
        pooled=pooled_high_pass(window),
        noise=noise_sigma(window),
    )
