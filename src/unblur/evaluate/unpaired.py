"""Figures of merit where nobody knows the sharp photo.

Each can be fooled, and says how. None is a substitute for truth.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from unblur.blur.formation import apply_psf
from unblur.blur.psf import Psf
from unblur.checks import check_pair
from unblur.color import as_rgb, linear_to_srgb, luma, srgb_to_linear, to_float
from unblur.errors import ShapeMismatch
from unblur.psnr import psnr_db
from unblur.tapers import hann

Image = NDArray[Any]

_REACH_PX = 31
_SOFTNESS = 1e-3


def blur_effect(grey: Image) -> float:
    """Return how blurred a photo looks, in [0, 1]: how little a further blur changes it.

    A photo that is already blurred loses few of its neighbouring differences when it is blurred
    again (mean of 11 px in one direction); the worse of the two directions counts. Noise and
    ringing look like sharpness to it.

    Args:
        grey: (H, W), any real dtype, sides at least 12.

    Reference:
        Crété, Dolmière, Ladret, Nicolas, The blur effect: perception and estimation with a new
        no-reference perceptual blur metric, SPIE 2007, doi:10.1117/12.702790.
    """
    if grey.ndim != 2 or min(grey.shape) < 12:
        raise ShapeMismatch(f"the blur effect needs (H, W) with sides >= 12, got {grey.shape}")
    values = grey.astype(np.float64)
    found = []
    for axis in (0, 1):
        softer = ndimage.uniform_filter1d(values, 11, axis=axis)
        sharp, soft = (np.abs(_slope(plane, axis)) for plane in (values, softer))
        lost = np.maximum(sharp - soft, 0)[2:-1, 2:-1].sum()
        whole = sharp[2:-1, 2:-1].sum()
        found.append(1.0 if whole == 0 else float((whole - lost) / whole))
    return max(found)


def reblur_psnr_db(restored: Image, blurry: Image) -> float:
    """Return how well one PSF makes the blurry photo out of the restored one, as PSNR in dB.

    The PSF (63 x 63) is fitted to the two photos by least squares in linear light, made
    non-negative and of sum 1, and applied; the PSNR is of sRGB, the outermost 31 px left out. If
    the restored photo as it is comes closer to the blurry one, that counts. High
    where the result explains the photo; low where something was invented, displaced or rings.
    A photo that is returned as it was explains itself perfectly, so this says nothing without a
    measure of sharpness beside it; varying blur lowers it for the best of results.

    Args:
        restored, blurry: (H, W, C) sRGB, uint8 or float in [0, 1], one shape, sides above 96.

    Raises:
        ShapeMismatch: the shapes differ, or a side is too short.
    """
    check_pair(restored, blurry)
    if restored.ndim != 3 or min(restored.shape[:2]) <= 3 * _REACH_PX:
        raise ShapeMismatch(f"reblurring needs (H, W, C) with sides > 93, got {restored.shape}")
    linear = srgb_to_linear(to_float(restored))
    target = to_float(blurry)
    psf = fitted_psf(luma(linear), luma(srgb_to_linear(target)))
    again = np.clip(linear_to_srgb(apply_psf(linear, psf, border="reflect")), 0, 1)
    edge = slice(_REACH_PX, -_REACH_PX)
    found = (
        psnr_db(i[edge, edge], target[edge, edge], data_range=1)
        for i in (again, to_float(restored))
    )
    return max(found)


def fitted_psf(sharp: NDArray[np.float32], blurry: NDArray[np.float32]) -> Psf:
    """Return the PSF that best makes one luma plane out of another.

    Args:
        sharp, blurry: (H, W) float32, linear light, one shape.
    """
    taper = hann(*sharp.shape)
    x, y = (fft.rfft2((plane - plane.mean()) * taper) for plane in (sharp, blurry))
    # Differences count, not brightness: without the weight the lowest frequencies decide alone.
    rows, columns = fft.fftfreq(sharp.shape[0])[:, None], fft.rfftfreq(sharp.shape[1])
    weight = np.sin(np.pi * rows) ** 2 + np.sin(np.pi * columns) ** 2
    power = weight * np.abs(x) ** 2
    quotient = weight * np.conj(x) * y / (power + _SOFTNESS * power.mean() + 1e-12)
    wide = np.roll(fft.irfft2(quotient, s=sharp.shape), (_REACH_PX, _REACH_PX), axis=(0, 1))
    kernel = np.maximum(wide[: 2 * _REACH_PX + 1, : 2 * _REACH_PX + 1], 0)
    kernel[kernel < 0.05 * kernel.max()] = 0
    if not kernel.any():
        return Psf.delta()
    return Psf(kernel.astype(np.float32))


def grey8(image: Image) -> NDArray[np.float64]:
    """Return the mean of R, G and B, of the range 0 to 255.

    Args:
        image: (H, W, C), uint8 or float in [0, 1].
    """
    return np.asarray(as_rgb(to_float(image)).astype(np.float64).mean(axis=2) * 255)


def _slope(plane: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Return the Sobel slope with the weights summing to 1."""
    return np.asarray(ndimage.sobel(plane, axis=axis, mode="reflect") / 8)
