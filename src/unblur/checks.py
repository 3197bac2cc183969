"""The only validators of arrays: what was got, what was expected, what to do."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unblur.errors import BadPsf, BadValue, ShapeMismatch


def check_image(image: NDArray[Any], *, name: str = "image") -> None:
    """Raise unless the array is a finite float image (H, W, C) with C 1 or 3."""
    if image.ndim != 3 or image.shape[2] not in (1, 3):
        raise ShapeMismatch(
            f"{name} must have shape (H, W, 1) or (H, W, 3), got {image.shape}; "
            "add or drop an axis first"
        )
    if min(image.shape) == 0:
        raise ShapeMismatch(f"{name} must hold at least one pixel, got shape {image.shape}")
    if not np.issubdtype(image.dtype, np.floating):
        raise BadValue(f"{name} must be floating point in [0, 1], got {image.dtype}")
    if not np.isfinite(image).all():
        raise BadValue(f"{name} holds NaN or infinite values; replace them first")


def check_pair(restored: NDArray[Any], sharp: NDArray[Any]) -> None:
    """Raise unless two arrays have one shape."""
    if restored.shape != sharp.shape:
        raise ShapeMismatch(
            f"the two images must have one shape, got {restored.shape} and {sharp.shape}; "
            "crop both to the same region"
        )


def check_range(data_range: float) -> None:
    """Raise unless a data range is a possible one."""
    if not data_range > 0:
        raise BadValue(f"data_range must be above 0, as 1.0 or 255, got {data_range}")


def check_psf_array(array: NDArray[Any]) -> None:
    """Raise unless the array can be a PSF: 2-D, real, odd sides, finite, non-negative, sum > 0."""
    if array.dtype.kind not in "buif":
        raise BadPsf(
            f"a PSF must hold real numbers, got {array.dtype}; an OTF is its Fourier transform, "
            "transform it back first"
        )
    if array.ndim != 2:
        raise BadPsf(f"a PSF must be 2-D, got shape {array.shape}")
    if array.shape[0] % 2 == 0 or array.shape[1] % 2 == 0:
        raise BadPsf(
            f"a PSF must have odd sides, so that its centre is a pixel, got {array.shape}; "
            "pad it with one row or column of zeros"
        )
    if not np.isfinite(array).all():
        raise BadPsf("a PSF must be finite, got NaN or infinite values")
    if array.min() < 0:
        raise BadPsf(f"a PSF must be non-negative, got a minimum of {array.min():.3g}")
    if array.sum() <= 0:
        raise BadPsf("a PSF must have a positive sum, got all zeros")
