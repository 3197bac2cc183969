"""RealBlur and RSBlur: intensity scale, homography, and only what both pictures show."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from unblur.errors import BadValue, ShapeMismatch
from unblur.evaluate.cases import Case
from unblur.evaluate.metrics import ssim_map
from unblur.evaluate.protocols.base import Protocol, Scores
from unblur.evaluate.protocols.ecc import find_homography, is_inside, places, sample_cubic
from unblur.evaluate.protocols.koehler import LUMA
from unblur.evaluate.samples import Samples, as_uint8
from unblur.psnr import psnr_db

Array = NDArray[np.float64]

_GREY = np.array(LUMA)
_SSIM_EDGE = 5


def score_aligned(restored: Samples, case: Case, *, clip: bool) -> Scores:
    """Return ``psnr_db``, ``ssim`` and ``aligned`` after an alignment by intensity and homography.

    With the 8-bit result z and the sharp picture x in [0, 1]: z is scaled by
    ``sum(x z) / sum(z z)``; aligned by the homography of
    :func:`~unblur.evaluate.protocols.ecc.find_homography`, found on grey (0.299 R + 0.587 G +
    0.114 B); sampled bicubically. Both are set to 0 where z shows nothing. PSNR (peak 1) is of
    the squared errors over the number of pixels that z shows; SSIM (as in the plain protocol,
    on the pictures with the zeros) is the mean over these pixels, five at each edge left out,
    then over the channels.

    ``aligned`` is 1, or 0 where the two do not correlate and are compared as they lie (the
    published script stops with an error there).

    Args:
        restored, case: what is compared.
        clip: whether the aligned result is clipped to [0, 1]: RSBlur does, RealBlur does not.

    Raises:
        BadValue: the case has not one sharp picture, or the result is black.
        ShapeMismatch: the shapes differ.
    """
    z, x = (as_uint8(image).astype(np.float64) / 255 for image in (restored, case.read_sharp()))
    if z.shape != x.shape:
        raise ShapeMismatch(f"{case.name}: restored is {z.shape}, sharp {x.shape}")
    if not z.any():
        raise BadValue(f"{case.name}: a black result cannot be scaled to the sharp picture")
    scaled = z * (np.sum(x * z) / np.sum(z * z))
    matrix = find_homography(_grey(x), _grey(scaled))
    aligned = matrix is not None
    moved, shown = _warped(scaled, np.eye(3) if matrix is None else matrix)
    moved, fixed = moved * shown[..., None], x * shown[..., None]
    if clip:
        moved = np.clip(moved, 0, 1)
    return {
        "psnr_db": psnr_db(moved[shown], fixed[shown], data_range=1),
        "ssim": _ssim(moved, fixed, shown),
        "aligned": float(aligned),
    }


def _warped(image: Array, matrix: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Return the image at the template's pixels, and where it shows anything."""
    height, width = image.shape[:2]
    grid = np.meshgrid(np.arange(width, dtype=np.float64), np.arange(height, dtype=np.float64))
    at = places(matrix, grid)
    return sample_cubic(image, at), is_inside(at, image.shape)


def _ssim(moved: Array, fixed: Array, shown: NDArray[np.bool_]) -> float:
    values = ssim_map(moved, fixed, data_range=1)
    inner = shown[_SSIM_EDGE:-_SSIM_EDGE, _SSIM_EDGE:-_SSIM_EDGE]
    return float(values[inner].mean())


def _grey(image: Array) -> Array:
    return np.asarray(image[..., 0] if image.shape[2] == 1 else image @ _GREY)


_PAPER = (
    "Rim, Lee, Won, Cho, Real-world blur dataset for learning and benchmarking deblurring "
    "algorithms, ECCV 2020, and its script evaluation_RealBlur_ecc.py"
)

REALBLUR = Protocol(
    name="realblur",
    about="intensity scale, ECC homography, PSNR and SSIM of what both show",
    source=_PAPER,
    main="psnr_db",
    score=partial(score_aligned, clip=False),
)

RSBLUR = Protocol(
    name="rsblur",
    about="as realblur, clipped to [0, 1] after alignment",
    source=(
        "Rim et al., Realistic blur synthesis for learning image deblurring, ECCV 2022, and its "
        "script evaluate_RSBlur.py"
    ),
    main="psnr_db",
    score=partial(score_aligned, clip=True),
)
