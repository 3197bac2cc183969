"""Levin's error ratio, and Lai's PSNR up to a shift."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from unblur.errors import BadValue
from unblur.evaluate.cases import Case
from unblur.evaluate.metrics import ssim
from unblur.evaluate.protocols.base import Protocol, Scores
from unblur.evaluate.protocols.shifts import Aligned, best_shift
from unblur.evaluate.protocols.sparse import sparse_deconvolution
from unblur.evaluate.samples import Samples, as_uint8
from unblur.psnr import psnr_db

Plane = NDArray[np.float64]

SUCCESSES = (2, 3, 5)
"""Error ratios up to which a result counts as a success: 2 and 3 in papers, 5 for the eye."""

_LAI_REACH_PX = 10


def score_levin(restored: Samples, case: Case) -> Scores:
    """Return ``psnr_db``, ``ssim``, ``ssd`` and ``error_ratio`` of a grey photo up to a shift.

    The result is shifted by up to 5 px in steps of 0.25 px, 15 px are left out on each side, and
    ``ssd`` is the sum of squared differences with values in [0, 1]. The error ratio divides it
    by that of the deconvolution with the true PSF, which is
    :func:`~unblur.evaluate.protocols.sparse.sparse_deconvolution` with the authors' settings
    (our own code of their published method). PSNR (peak 1) and SSIM are of the same aligned inside.

    Raises:
        BadValue: the case has not one sharp picture and a true PSF.
        ShapeMismatch: the shapes differ.
    """
    aligned = best_shift(_grey(restored), _grey(case.read_sharp()))
    return {**_up_to_shift(aligned), "ssd": aligned.ssd, "error_ratio": _ratio(aligned.ssd, case)}


def success_rates(scores: Sequence[Scores]) -> Scores:
    """Return the shares of photos whose error ratio is at most 2, 3 and 5."""
    ratios = np.array([row["error_ratio"] for row in scores])
    share = {f"success_{most}": ratios <= most for most in SUCCESSES}
    return {name: float(hit.mean()) if len(hit) else 0.0 for name, hit in share.items()}


def score_lai(restored: Samples, case: Case) -> Scores:
    """Return ``psnr_db`` and ``ssim`` of the luma of an 8-bit photo up to a shift.

    Luma of ITU-R BT.601 with 16 to 235 levels (MATLAB's ``rgb2ycbcr``), shifts of up to 10 px
    in steps of 0.25 px, 15 px left out on each side, peak 255.

    Raises:
        BadValue: the case has no sharp picture, or several.
        ShapeMismatch: the shapes differ.
    """
    return up_to_a_shift(restored, case.read_sharp())


def up_to_a_shift(restored: Samples, sharp: Samples) -> Scores:
    """Return the scores of :func:`score_lai` of a photo and its sharp picture."""
    ours, theirs = (_luma_601(as_uint8(image)) for image in (restored, sharp))
    return _up_to_shift(best_shift(ours, theirs, reach_px=_LAI_REACH_PX))


LEVIN = Protocol(
    name="levin",
    about="15 px left out, shifts to 5 px by 0.25 px, SSD over that of true-PSF deconvolution",
    source=(
        "Levin, Weiss, Durand, Freeman, CVPR 2009, doi:10.1109/CVPR.2009.5206815, section 5, and "
        "the function comp_upto_shift passed on by its authors"
    ),
    main="psnr_db",
    score=score_levin,
    lower_is_better=frozenset({"ssd", "error_ratio"}),
    extras=success_rates,
)

LAI = Protocol(
    name="lai",
    about="PSNR and SSIM of BT.601 luma, 15 px left out, shifts to 10 px by 0.25 px",
    source=(
        "Ren et al., Neural blind deconvolution using deep priors (SelfDeblur), CVPR 2020, "
        "arXiv:1908.02197, and its code statistic_lai.m; the study itself (Lai et al., CVPR 2016) "
        "asked people, and published no code for PSNR"
    ),
    main="psnr_db",
    score=score_lai,
)


def _up_to_shift(aligned: Aligned) -> Scores:
    moved, fixed = aligned.moved[..., None], aligned.fixed[..., None]
    return {
        "psnr_db": psnr_db(moved, fixed, data_range=1),
        "ssim": ssim(moved, fixed, data_range=1),
    }


def _ratio(ssd: float, case: Case) -> float:
    yardstick = _true_psf_ssd(case)
    if yardstick > 0:
        return ssd / yardstick
    return 1.0 if ssd == 0 else float("inf")


@lru_cache(maxsize=64)
def _true_psf_ssd(case: Case) -> float:
    """Return the SSD of the deconvolution with the true PSF; the same for every method."""
    psf = case.true_psf()
    if psf is None:
        raise BadValue(f"{case.name} has no true PSF, which Levin's error ratio needs")
    blurry, sharp = _grey(case.blurry.read()), _grey(case.read_sharp())
    return best_shift(sparse_deconvolution(blurry, psf), sharp).ssd


def _grey(samples: Samples) -> Plane:
    """Return (H, W) in [0, 1]; the mean of channels."""
    values = samples.astype(np.float64)
    if samples.dtype.kind == "u":
        values /= np.iinfo(samples.dtype).max
    return np.asarray(values.mean(axis=2))


def _luma_601(samples: Samples) -> Plane:
    """Return (H, W) of (H, W, 1 or 3) uint8: 16/255 for black, 235/255 for white."""
    weights = np.array([65.481, 128.553, 24.966]) / 255
    values = np.broadcast_to(samples.astype(np.float64), (*samples.shape[:2], 3))
    return np.asarray((16 + values @ weights) / 255)
