"""Colours of the pictures: numbers in, light out; no plotting library needed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unblur.color import FloatArray

Picture = NDArray[np.uint8]

INK = (14, 17, 23)
"""Background of the pictures."""

PAPER = (232, 235, 240)
"""Text."""

FAINT = (140, 148, 160)
"""Text that matters less."""

_GLOW = (
    (0.02, 0.02, 0.07),
    (0.25, 0.06, 0.42),
    (0.72, 0.17, 0.42),
    (0.97, 0.55, 0.20),
    (1, 0.97, 0.75),
)
_BALANCE = (
    (0.35, 0.80, 1.0),
    (0.10, 0.32, 0.60),
    (0.05, 0.06, 0.09),
    (0.62, 0.25, 0.08),
    (1.0, 0.78, 0.40),
)


def glow(values: FloatArray, low: float, high: float) -> FloatArray:
    """Return colours from dark violet to light yellow.

    Args:
        values: any shape.
        low, high: shown as the first and the last colour.

    Returns:
        (..., 3) float32 in [0, 1], sRGB.
    """
    return _ramp((values - low) / max(high - low, 1e-12), _GLOW)


def balance(values: FloatArray, most: float) -> FloatArray:
    """Return colours of signed values: blue below 0, dark at 0, gold above.

    Args:
        values: any shape.
        most: magnitude of the last colours.
    """
    return _ramp(values / max(2 * most, 1e-12) + 0.5, _BALANCE)


def direction(angle_deg: FloatArray) -> FloatArray:
    """Return colours of directions modulo 180 degrees; near angles are near in colour.

    Args:
        angle_deg: any shape.

    Returns:
        (..., 3) float32 in [0, 1], sRGB, all about equally light.
    """
    turn = (
        2
        * np.pi
        * (np.asarray(angle_deg, np.float64)[..., None] / 180 - np.array([0.06, 0.4, 0.72]))
    )
    return np.asarray(0.60 + 0.40 * np.cos(turn), dtype=np.float32)


def to_picture(colours: FloatArray) -> Picture:
    """Return (H, W, 3) float colours as 8 bits."""
    return (np.clip(colours, 0, 1) * 255 + 0.5).astype(np.uint8)


def resized(colours: FloatArray, shape: tuple[int, int], *, smooth: bool = True) -> FloatArray:
    """Return (H, W) or (H, W, C) float values at another size.

    Args:
        colours: float32.
        shape: (H, W) wanted.
        smooth: bicubic; otherwise every pixel becomes a square.
    """
    kind = Image.Resampling.BICUBIC if smooth else Image.Resampling.NEAREST
    planes = colours[..., None] if colours.ndim == 2 else colours
    out = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(planes[..., c], np.float32)).resize(
                (shape[1], shape[0]), kind
            )
        )
        for c in range(planes.shape[2])
    ]
    return out[0] if colours.ndim == 2 else np.stack(out, axis=2)


def _ramp(share: FloatArray, anchors: tuple[tuple[float, float, float], ...]) -> FloatArray:
    place = np.clip(share, 0, 1) * (len(anchors) - 1)
    knots = np.arange(len(anchors))
    channels = [np.interp(place, knots, [a[c] for a in anchors]) for c in range(3)]
    return np.stack(channels, axis=-1).astype(np.float32)
