"""Light domains: the sRGB transfer curve, luma and quantisation.

Nothing else in the package may hold 2.4 or 0.04045. Blur happens in linear light, people
judge pictures (and metrics score them) in sRGB.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

SRGB_SLOPE = 12.92
"""Slope of sRGB's encoding at black."""

SRGB_EXPONENT = 2.4
"""Exponent of sRGB's curve above its linear toe."""

SRGB_PARAMETRIC = (SRGB_EXPONENT, 1 / 1.055, 0.055 / 1.055, 1 / SRGB_SLOPE, 0.04045)
"""The curve as ICC's parametric type 3 takes it: g, a, b, c, d."""

LUMA_WEIGHTS = (0.2126, 0.7152, 0.0722)
"""Rec. 709 luminance weights for linear R, G, B."""


def srgb_to_linear(srgb: FloatArray) -> FloatArray:
    """Return linear light of sRGB-encoded values.

    Args:
        srgb: any shape, float32, nominally in [0, 1]; values below 0 follow the linear toe.

    Returns:
        New float32 array of the same shape.

    Reference:
        IEC 61966-2-1:1999.
    """
    x = np.asarray(srgb, dtype=np.float32)
    high = np.power((np.maximum(x, 0.04045) + np.float32(0.055)) / np.float32(1.055), 2.4)
    return np.where(x <= 0.04045, x / np.float32(12.92), high).astype(np.float32, copy=False)


def linear_to_srgb(linear: FloatArray) -> FloatArray:
    """Return the sRGB encoding of linear light; inverse of :func:`srgb_to_linear`.

    Args:
        linear: any shape, float32, nominally in [0, 1]; values below 0 follow the linear toe.

    Returns:
        New float32 array of the same shape.
    """
    x = np.asarray(linear, dtype=np.float32)
    root = np.power(np.maximum(x, 0.0031308), np.float32(1 / 2.4))
    high = np.float32(1.055) * root - np.float32(0.055)
    return np.where(x <= 0.0031308, x * np.float32(12.92), high).astype(np.float32, copy=False)


def luma(linear_rgb: FloatArray) -> FloatArray:
    """Return the luminance of a linear image.

    Args:
        linear_rgb: (H, W, C) float32, linear light, C is 1 (returned as it is) or 3.

    Returns:
        (H, W) float32.
    """
    if linear_rgb.shape[-1] == 1:
        return linear_rgb[..., 0]
    weights = np.asarray(LUMA_WEIGHTS, dtype=np.float32)
    return np.asarray(linear_rgb @ weights, dtype=np.float32)


def as_rgb(image: NDArray[Any]) -> NDArray[Any]:
    """Return (H, W, 3) of (H, W, 1) or (H, W, 3): grey is repeated, colour returned as it is."""
    return np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image


def to_float(samples: NDArray[Any]) -> FloatArray:
    """Return integer or float samples as float32 in [0, 1].

    Args:
        samples: uint8 (divided by 255), uint16 (by 65535) or floating (taken as it is).
    """
    if samples.dtype == np.uint8:
        return samples.astype(np.float32) / np.float32(255)
    if samples.dtype == np.uint16:
        return samples.astype(np.float32) / np.float32(65535)
    return samples.astype(np.float32)


def quantise(values: FloatArray, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return float values in [0, 1] as samples of the given dtype, rounded and clipped.

    Args:
        values: any shape, float32.
        dtype: uint8, uint16 or a floating type (which is neither rounded nor clipped).
    """
    if dtype == np.uint8:
        return (np.clip(values, 0, 1) * np.float32(255) + np.float32(0.5)).astype(np.uint8)
    if dtype == np.uint16:
        return (np.clip(values, 0, 1).astype(np.float64) * 65535 + 0.5).astype(np.uint16)
    return values.astype(dtype)


SCREEN_PX = 1024
"""Side of the middle part that shows whether a picture is screened."""
_FULL_STEP, _FULL_STEPS = 0.7, 0.8
"""Of pictures made by error diffusion, ordered dither and screens, also after JPEG of quality 75,
85 % and more of all change between neighbours is by 0.7 of the range and more, along both axes; of
black and white shapes that moved by 5 px and more, even if saturated afterwards, 42 % at most along
one of them, of photos hardly any."""

_TONES, _CONTRAST = (0.02, 0.98), 0.25


def is_screened(brightness: FloatArray) -> bool:
    """Return whether a picture is of two tones, dot by dot: dithered, screened, or a scan of 1 bit.

    Its dots were made after the exposure: no motion of the camera leaves full steps from one pixel
    to the next in every direction. To an eye for blur they look like anything.

    Args:
        brightness: (H, W) in any light; of a large picture the middle is looked at.
    """
    starts = [max(0, side - SCREEN_PX) // 2 for side in brightness.shape]
    part = brightness[starts[0] :, starts[1] :][:SCREEN_PX, :SCREEN_PX]
    dark, bright = np.quantile(part, _TONES)
    if bright - dark < _CONTRAST:
        return False
    levels = np.clip((part - dark) / (bright - dark), 0, 1)
    shares = []
    for axis in (0, 1):
        steps = np.abs(np.diff(levels, axis=axis))
        shares.append(steps[steps > _FULL_STEP].sum() / max(float(steps.sum()), 1e-9))
    return bool(min(shares) >= _FULL_STEPS)
