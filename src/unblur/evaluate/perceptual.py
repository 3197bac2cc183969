"""Figures of merit that follow the eye better than PSNR, and need no learned weights.

Learned ones (LPIPS, DISTS) need networks that no package carries with it; these do not. Pure
functions of two images on one scale; see :mod:`unblur.evaluate.metrics` for PSNR and SSIM.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, signal, special

from unblur.blocks import halve
from unblur.checks import check_pair
from unblur.errors import BadValue, ShapeMismatch
from unblur.evaluate.metrics import ssim_terms

Image = NDArray[Any]
Plane = NDArray[np.float64]

MS_SSIM_LEAST = 176
"""Shortest side that MS-SSIM takes: an 11 x 11 window on the fifth scale."""

_MS_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_LUMA = (0.299, 0.587, 0.114)
_YIQ = np.array([_LUMA, (0.596, -0.274, -0.322), (0.211, -0.523, 0.312)])


def ms_ssim(restored: Image, sharp: Image, *, data_range: float) -> float:
    """Return the multi-scale structural similarity, 1 for equal images.

    Five scales, each the mean of 2 x 2 pixels of the one before; the product of the mean
    contrast terms of the first four and of the mean similarity of the last, to the powers of the
    paper. Means are over pixels and channels together; a negative mean counts as 0.

    Args:
        restored, sharp: (H, W, C), one shape, sides at least 176.
        data_range: largest possible value, as 1.0 or 255.

    Reference:
        Wang, Simoncelli, Bovik, Multiscale structural similarity for image quality assessment,
        Asilomar 2003, doi:10.1109/ACSSC.2003.1292216.
    """
    check_pair(restored, sharp)
    if restored.ndim != 3 or min(restored.shape[:2]) < MS_SSIM_LEAST:
        raise ShapeMismatch(
            f"MS-SSIM needs (H, W, C) with sides >= {MS_SSIM_LEAST}, got {restored.shape}"
        )
    x, y = restored.astype(np.float64), sharp.astype(np.float64)
    product = 1.0
    for scale, power in enumerate(_MS_WEIGHTS):
        if scale:
            x, y = halve(x), halve(y)
        luminance, contrast = ssim_terms(x, y, data_range=data_range)
        last = scale == len(_MS_WEIGHTS) - 1
        value = float((luminance * contrast if last else contrast).mean())
        product *= max(value, 0.0) ** power
    return product


def gmsd(restored: Image, sharp: Image, *, data_range: float) -> float:
    """Return the deviation of the similarity of gradient magnitudes; 0 for equal images.

    On luma, halved: Prewitt gradients (0 outside), similarity with the constant 170 (of the range
    0 to 255), sample standard deviation over all pixels.

    Args:
        restored, sharp: (H, W, C), one shape.
        data_range: largest possible value.

    Reference:
        Xue, Zhang, Mou, Bovik, Gradient magnitude similarity deviation, IEEE TIP 2014,
        arXiv:1308.3052.
    """
    a, b = (_gradient(_halved_same(plane)) for plane in _luma_pair(restored, sharp, data_range))
    constant = 170.0
    similarity = (2 * a * b + constant) / (a**2 + b**2 + constant)
    return float(similarity.std(ddof=1))


def haarpsi(restored: Image, sharp: Image, *, data_range: float) -> float:
    """Return the Haar wavelet-based perceptual similarity, in [0, 1], 1 for equal images.

    Of two scales of Haar coefficients of luma, and of the means of I and Q of colour images,
    weighted by the coefficients of a third scale; constants C = 30 and alpha = 4.2. It has no
    learned weights; its two constants were fitted to people's votes, and its rank correlation
    with them is near that of learned measures.

    Args:
        restored, sharp: (H, W, C), one shape, sides at least 16.
        data_range: largest possible value.

    Reference:
        Reisenhofer, Bosse, Kutyniok, Wiegand, A Haar wavelet-based perceptual similarity index
        for image quality assessment, Signal Processing: Image Communication 2018,
        arXiv:1607.06140.
    """
    check_pair(restored, sharp)
    if restored.ndim != 3 or min(restored.shape[:2]) < 16:
        raise ShapeMismatch(f"HaarPSI needs (H, W, C) with sides >= 16, got {restored.shape}")
    channels = [_yiq(image, data_range) for image in (restored, sharp)]
    a, b = ([_halved_same(plane) for plane in image] for image in channels)
    similarity, weights = [], []
    for transposed in (False, True):
        pairs = [(_haar(a[0], s, transposed), _haar(b[0], s, transposed)) for s in (1, 2, 3)]
        similarity.append(np.mean([_alike(*pair) for pair in pairs[:2]], axis=0))
        weights.append(np.maximum(*pairs[2]))
    if len(a) == 3:
        means = [(np.abs(_mean_2x2(a[c])), np.abs(_mean_2x2(b[c]))) for c in (1, 2)]
        similarity.append(np.mean([_alike(*pair) for pair in means], axis=0))
        weights.append(np.mean(weights, axis=0))
    total = float(np.sum(weights))
    if total == 0:
        return 1.0
    alpha = 4.2
    mean = float(np.sum(special.expit(alpha * np.stack(similarity)) * np.stack(weights)) / total)
    return float((special.logit(mean) / alpha) ** 2)


def vif(restored: Image, sharp: Image, *, data_range: float) -> float:
    """Return the pixel-domain visual information fidelity; 1 for equal images.

    How much of the information that the sharp image gives a noisy eye, the restored one still
    gives: four scales, Gaussian windows of 17, 9, 5, 3 px, noise variance 2 (of the range 0 to
    255); mean of the channels. Above 1 where contrast is enhanced.

    Args:
        restored, sharp: (H, W, C), one shape, sides at least 41.
        data_range: largest possible value.

    Reference:
        Sheikh and Bovik, Image information and visual quality, IEEE TIP 2006,
        doi:10.1109/TIP.2005.859378; the authors' pixel-domain version.
    """
    check_pair(restored, sharp)
    if restored.ndim != 3 or min(restored.shape[:2]) < 41:
        raise ShapeMismatch(f"VIF needs (H, W, C) with sides >= 41, got {restored.shape}")
    factor = 255 / _positive(data_range)
    x, y = (image.astype(np.float64) * factor for image in (restored, sharp))
    return float(np.mean([_vif_plane(x[..., c], y[..., c]) for c in range(x.shape[2])]))


def _vif_plane(distorted: Plane, reference: Plane, *, noise: float = 2.0) -> float:
    tiny, told, given = 1e-10, 0.0, 0.0
    for scale in range(4):
        window = _gaussian(2 ** (4 - scale) + 1)
        if scale:
            reference, distorted = (_valid(p, window)[::2, ::2] for p in (reference, distorted))
        mu_r, mu_d = _valid(reference, window), _valid(distorted, window)
        var_r = np.maximum(_valid(reference**2, window) - mu_r**2, 0)
        var_d = np.maximum(_valid(distorted**2, window) - mu_d**2, 0)
        cov = _valid(reference * distorted, window) - mu_r * mu_d
        gain = cov / (var_r + tiny)
        left = var_d - gain * cov
        flat_r, flat_d = var_r < tiny, var_d < tiny
        gain = np.where(flat_r | flat_d, 0, gain)
        left = np.where(flat_r, var_d, np.where(flat_d, 0, left))
        var_r = np.where(flat_r, 0, var_r)
        left = np.where(gain < 0, var_d, left)
        gain = np.maximum(gain, 0)
        left = np.maximum(left, tiny)
        told += float(np.log10(1 + gain**2 * var_r / (left + noise)).sum())
        given += float(np.log10(1 + var_r / noise).sum())
    return told / given if given > 0 else 1.0


def _gaussian(side: int) -> Plane:
    at = np.arange(side) - side // 2
    values = np.exp(-(at**2) / (2 * (side / 5) ** 2))
    return np.asarray(values / values.sum())


def _valid(plane: Plane, window: Plane) -> Plane:
    rows = signal.oaconvolve(plane, window[:, None], mode="valid")
    return np.asarray(signal.oaconvolve(rows, window[None], mode="valid"))


def _luma_pair(restored: Image, sharp: Image, data_range: float) -> Sequence[Plane]:
    check_pair(restored, sharp)
    if restored.ndim != 3 or min(restored.shape[:2]) < 6:
        raise ShapeMismatch(f"this measure needs (H, W, C) with sides >= 6, got {restored.shape}")
    return [_yiq(image, data_range)[0] for image in (restored, sharp)]


def _yiq(image: Image, data_range: float) -> list[Plane]:
    """Return Y, I, Q (Y alone of grey images), of the range 0 to 255."""
    values = image.astype(np.float64) * (255 / _positive(data_range))
    if image.shape[2] == 1:
        return [values[..., 0]]
    return [values @ weights for weights in _YIQ]


def _gradient(plane: Plane) -> Plane:
    slopes = (ndimage.prewitt(plane, axis=axis, mode="constant") / 3 for axis in (0, 1))
    return np.asarray(np.hypot(*slopes))


def _mean_2x2(plane: Plane) -> Plane:
    """Return the mean of each pixel, its right, lower and lower right neighbour; 0 outside."""
    padded = np.pad(plane, ((0, 1), (0, 1)))
    return np.asarray((padded[:-1, :-1] + padded[1:, :-1] + padded[:-1, 1:] + padded[1:, 1:]) / 4)


def _halved_same(plane: Plane) -> Plane:
    """Return the means of 2 x 2 pixels, 0 outside."""
    height, width = plane.shape
    return halve(np.pad(plane, ((0, height % 2), (0, width % 2))))


def _haar(plane: Plane, scale: int, transposed: bool) -> Plane:
    """Return the magnitudes of the Haar coefficients of a scale, of the plane's size."""
    side = 2**scale
    kernel = np.full((side, side), 2.0**-scale)
    kernel[: side // 2] *= -1
    kernel = kernel.T if transposed else kernel
    full = signal.oaconvolve(plane, kernel, mode="full")
    # MATLAB's "same" of even kernels, which the authors' code uses, not SciPy's.
    reach, (height, width) = side // 2, plane.shape
    return np.asarray(np.abs(full[reach : reach + height, reach : reach + width]))


def _alike(a: Plane, b: Plane, constant: float = 30.0) -> Plane:
    return (2 * a * b + constant) / (a**2 + b**2 + constant)


def _positive(data_range: float) -> float:
    if not data_range > 0:
        raise BadValue(f"data_range must be above 0, as 1.0 or 255, got {data_range}")
    return data_range
