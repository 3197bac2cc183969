"""What RestoreNet sees, assembled alike in training and in use."""

from __future__ import annotations

import numpy as np

from unblur.color import FloatArray, linear_to_srgb
from unblur.restoration.wiener import NOISE_SPAN, STRENGTHS

CHANNELS = 3 + 3 * len(STRENGTHS) + 2
"""Blurry RGB, the bank's RGBs, confidence and noise level."""


def network_input(
    blurry_srgb: FloatArray, bank: FloatArray, confidence: FloatArray | float, noise: float
) -> FloatArray:
    """Return the input of RestoreNet for one image.

    Args:
        blurry_srgb: (H, W, 3) float32 in [0, 1], sRGB.
        bank: (S, H, W, 3) float32, linear light, as from the Wiener bank.
        confidence: trust in the PSF, in [0, 1]: a number or (H, W).
        noise: standard deviation of the noise, linear light.

    Returns:
        (CHANNELS, H, W) float32; solutions are clipped to [0, 1] and sRGB-encoded, the noise
        is a logarithm scaled to about [0, 1].
    """
    height, width = blurry_srgb.shape[:2]
    out = np.empty((CHANNELS, height, width), np.float32)
    out[:3] = np.moveaxis(blurry_srgb, 2, 0)
    solutions = linear_to_srgb(np.clip(bank, 0, 1))
    out[3:-2] = np.moveaxis(solutions, 3, 1).reshape(-1, height, width)
    out[-2] = confidence
    out[-1] = noise_level(noise)
    return out


def noise_level(noise: float) -> float:
    """Return the noise on a logarithmic scale: 0 for the least that counts, 1 for the most."""
    low, high = np.log(NOISE_SPAN[0]), np.log(NOISE_SPAN[1])
    return float((np.log(np.clip(noise, *NOISE_SPAN)) - low) / (high - low))
