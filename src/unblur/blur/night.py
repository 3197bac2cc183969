"""Night scenes: little light, and lamps that outshine it."""

from __future__ import annotations

import numpy as np

from unblur.color import FloatArray
from unblur.errors import ShapeMismatch

_LIGHT = (0.08, 0.4)
_LAMPS = (8, 30)
_SIGMA_PX = (0.6, 1.8)
_BRIGHTNESS = (3.0, 60.0)
_REACH_PX = 8


def at_night(light: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return a scene as it might be lit at night.

    Args:
        light: (H, W, C) float32, linear light, C 1 or 3.
        rng: source of randomness: how dark it is, where the 8 to 29 lamps are, how wide (Gaussians
            of 0.6 to 1.8 px), how bright (3 to 60 times white) and how yellow.

    Returns:
        New array of the same shape, above 1 at the lamps.

    Raises:
        ShapeMismatch: a side has no more than 16 px.
    """
    if min(light.shape[:2]) <= 2 * _REACH_PX:
        raise ShapeMismatch(f"lamps need sides above {2 * _REACH_PX} px, got {light.shape[:2]}")
    dark = light * np.float32(rng.uniform(*_LIGHT))
    ys, xs = np.mgrid[-_REACH_PX : _REACH_PX + 1, -_REACH_PX : _REACH_PX + 1]
    for _ in range(int(rng.integers(*_LAMPS))):
        y, x = (int(rng.integers(_REACH_PX, side - _REACH_PX)) for side in light.shape[:2])
        glow = np.exp(-(ys**2 + xs**2) / (2 * rng.uniform(*_SIGMA_PX) ** 2))
        brightness = np.exp(rng.uniform(*np.log(_BRIGHTNESS)))
        colour = np.array([1.0, rng.uniform(0.7, 1.0), rng.uniform(0.4, 1.0)])[: light.shape[2]]
        where = (
            slice(y - _REACH_PX, y + _REACH_PX + 1),
            slice(x - _REACH_PX, x + _REACH_PX + 1),
        )
        dark[where] += (brightness * glow[..., None] * colour).astype(np.float32)
    return dark
