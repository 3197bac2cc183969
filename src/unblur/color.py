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
