"""PSNR and SSIM of the photos as they are."""

from __future__ import annotations

import dataclasses
from functools import partial

from unblur.errors import ShapeMismatch
from unblur.evaluate.cases import Case
from unblur.evaluate.metrics import cropped, ssim
from unblur.evaluate.protocols.base import Protocol, Scores
from unblur.evaluate.samples import Samples, as_uint8
from unblur.psnr import psnr_db


def score_plain(restored: Samples, case: Case, *, crop_px: int = 0) -> Scores:
    """Return ``psnr_db`` and ``ssim`` of the 8-bit photo against its one sharp picture.

    No alignment. PSNR over all pixels and channels at once. SSIM as in
    :func:`unblur.evaluate.metrics.ssim`: Gaussian window of sigma 1.5, population variances,
    mean over R, G and B; this is scikit-image's ``structural_similarity`` with
    ``gaussian_weights=True, use_sample_covariance=False, channel_axis=2``. Figures in papers that
    come from MATLAB's ``ssim`` or from scikit-image's default 7 x 7 window differ.

    Args:
        restored: (H, W, C), uint8 or what becomes it by rounding.
        case: what it is compared with.
        crop_px: pixels left out on each side; papers leave out none.

    Raises:
        BadValue: the case has no sharp picture, or several.
        ShapeMismatch: the shapes differ.
    """
    ours, sharp = as_uint8(restored), as_uint8(case.read_sharp())
    if ours.shape != sharp.shape:
        raise ShapeMismatch(
            f"{case.name}: restored is {ours.shape}, sharp {sharp.shape}; they must be of one size"
        )
    ours, sharp = cropped(ours, crop_px), cropped(sharp, crop_px)
    return {
        "psnr_db": psnr_db(ours, sharp, data_range=255),
        "ssim": ssim(ours, sharp, data_range=255),
    }


PLAIN = Protocol(
    name="plain",
    about="PSNR and SSIM (Gaussian window) of the 8-bit photo, no crop, no alignment",
    source=(
        "Nah, Kim, Lee, Deep multi-scale convolutional neural network for dynamic scene "
        "deblurring, CVPR 2017; its code recommends this SSIM"
    ),
    main="psnr_db",
    score=score_plain,
)


def plain_inside(crop_px: int) -> Protocol:
    """Return the plain protocol with some pixels left out on each side."""
    if crop_px == 0:
        return PLAIN
    return dataclasses.replace(
        PLAIN,
        about=f"PSNR and SSIM (Gaussian window) of the 8-bit photo without {crop_px} px each side",
        score=partial(score_plain, crop_px=crop_px),
    )
