"""Light features: those that are cheap enough to look at thousands of photos a minute.

All features of the frequency domain (one Fourier transform serves them all), the pooled
high-pass, the quotients at half size only, which cost a quarter of those at full size; and the
window itself, for what only the eye sees there: whether an edge is thin, whether a light drew a
line.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unblur.color import FloatArray
from unblur.motion.features import MAP_NAMES
from unblur.motion.frequency import frequency_maps
from unblur.motion.spatial import pooled_high_pass, quotient_maps

LIGHT_NAMES = (*MAP_NAMES[:6], "quotient_2_25", "quotient_2_6")

_FLOOR = 0.02
"""Added to the contrast that a window is divided by, so that a flat one stays flat."""


@dataclass(frozen=True, eq=False)
class LightFeatures:
    """What a window shows at a glance.

    Attributes:
        maps: (8, GRID, GRID) float32, in the order of LIGHT_NAMES.
        pooled: (3, 8, 8) float32, pooled high-pass energy.
        pixels: (1, H, W) float32, the window at zero mean and unit contrast.
    """

    maps: FloatArray
    pooled: FloatArray
    pixels: FloatArray


def light_features(window: FloatArray) -> LightFeatures:
    """Return the light features of one window.

    Args:
        window: (H, W) float32 luma, linear light, sides of WINDOW or so.
    """
    named = {**frequency_maps(window), **quotient_maps(window, scales=(2,))}
    return LightFeatures(
        maps=np.stack([named[name] for name in LIGHT_NAMES]),
        pooled=pooled_high_pass(window),
        pixels=standardised(window)[None],
    )


def standardised(window: FloatArray) -> FloatArray:
    """Return a window as the eye sees it, at zero mean and unit contrast.

    Args:
        window: (H, W) float32 luma, linear light.

    Returns:
        (H, W) float32: its square root, which is near to sRGB and cheaper.
    """
    seen = np.sqrt(np.maximum(window, np.float32(0)))
    seen -= seen.mean()
    return np.asarray(seen / (seen.std() + np.float32(_FLOOR)), dtype=np.float32)
