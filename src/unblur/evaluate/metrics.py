"""Figures of merit: SSIM, similarity of PSFs; PSNR is :func:`unblur.psnr.psnr_db`.

Pure functions of two images; the data range is always asked for, cropping is the caller's and
explicit. A mean over photos is the mean of the photos' figures, never a figure of pooled errors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from unblur.blur.psf import Psf
from unblur.checks import check_pair, check_range
from unblur.errors import BadValue, ShapeMismatch

Image = NDArray[Any]

_SSIM_SIGMA, _SSIM_REACH = 1.5, 5


def ssim(restored: Image, sharp: Image, *, data_range: float) -> float:
    """Return the structural similarity, mean over pixels and channels; see :func:`ssim_map`."""
    return float(ssim_map(restored, sharp, data_range=data_range).mean())


def ssim_map(restored: Image, sharp: Image, *, data_range: float) -> NDArray[np.float64]:
    """Return the structural similarity of each pixel and channel.

    Gaussian window (sigma 1.5, 11 x 11), K1 = 0.01, K2 = 0.03, population variances; the five
    outermost pixels, where the window does not fit, are left out.

    Args:
        restored, sharp: (H, W, C), one shape, sides >= 11.
        data_range: largest possible value, as 1.0 or 255.

    Returns:
        (H - 10, W - 10, C).

    Reference:
        Wang, Bovik, Sheikh, Simoncelli, Image quality assessment, IEEE TIP 2004,
        doi:10.1109/TIP.2003.819861.
    """
    luminance, contrast = ssim_terms(restored, sharp, data_range=data_range)
    return luminance * contrast


def ssim_terms(
    restored: Image, sharp: Image, *, data_range: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the two factors of :func:`ssim_map`: luminance, and contrast with structure."""
    check_pair(restored, sharp)
    check_range(data_range)
    side = 2 * _SSIM_REACH + 1
    if restored.ndim != 3 or min(restored.shape[:2]) < side:
        raise ShapeMismatch(f"SSIM needs (H, W, C) with sides >= {side}, got {restored.shape}")
    x, y = restored.astype(np.float64), sharp.astype(np.float64)

    def mean(values: Image) -> Image:
        blurred = ndimage.gaussian_filter(
            values, (_SSIM_SIGMA, _SSIM_SIGMA, 0), radius=(_SSIM_REACH, _SSIM_REACH, 0)
        )
        return np.asarray(blurred[_SSIM_REACH:-_SSIM_REACH, _SSIM_REACH:-_SSIM_REACH])

    mu_x, mu_y = mean(x), mean(y)
    var_x, var_y = mean(x * x) - mu_x**2, mean(y * y) - mu_y**2
    cov = mean(x * y) - mu_x * mu_y
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    luminance = (2 * mu_x * mu_y + c1) / (mu_x**2 + mu_y**2 + c1)
    return luminance, (2 * cov + c2) / (var_x + var_y + c2)


def cropped(image: Image, px: int) -> Image:
    """Return the image without ``px`` pixels on each side.

    Args:
        image: (H, W, ...), any dtype.
        px: at least 0.

    Returns:
        (H - 2 px, W - 2 px, ...), a view.

    Raises:
        BadValue: ``px`` is negative.
        ShapeMismatch: nothing would be left.
    """
    if px < 0:
        raise BadValue(f"pixels to crop must be >= 0, got {px}")
    if px == 0:
        return image
    if min(image.shape[:2]) <= 2 * px:
        raise ShapeMismatch(f"cannot crop {px} px on each side of {image.shape[:2]}")
    return image[px:-px, px:-px]


def kernel_similarity(estimated: Psf, true: Psf) -> float:
    """Return the largest normalised cross-correlation of two PSFs over all shifts, in [0, 1].

    Reference:
        Hu and Yang, Good regions to deblur, ECCV 2012.
    """
    side = sum(max(p.shape) for p in (estimated, true))
    a, b = (p.array.astype(np.float64) for p in (estimated, true))
    spectrum = fft.rfft2(a, s=(side, side)) * np.conj(fft.rfft2(b, s=(side, side)))
    best = fft.irfft2(spectrum, s=(side, side)).max()
    return float(min(1.0, best / np.sqrt(np.square(a).sum() * np.square(b).sum())))
