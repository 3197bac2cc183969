"""Köhler's benchmark: intensity scale, integer shift, best of the trajectory's frames."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from unblur.errors import BadValue, ShapeMismatch
from unblur.evaluate.cases import Case
from unblur.evaluate.perceptual import MS_SSIM_LEAST, ms_ssim
from unblur.evaluate.protocols.base import Protocol, Scores
from unblur.evaluate.samples import Samples, as_uint8
from unblur.psnr import psnr_db

Image = NDArray[np.float64]

LUMA = (0.299, 0.587, 0.114)
"""Weights of the benchmark's own measures."""

_SOURCE = (
    "Köhler, Hirsch, Mohler, Schölkopf, Harmeling, ECCV 2012, doi:10.1007/978-3-642-33786-4_3, "
    "section 4.3, and its evaluation code (eval_image.m, dftregistration.m, imshift.m, MeTriX MuX)"
)


def score_koehler(restored: Samples, case: Case) -> Scores:
    """Return ``psnr_db``, ``psnr_rgb_db`` and ``ms_ssim``: the best over all sharp frames.

    For each frame x, with the 8-bit result z: z is scaled by ``sum(x z) / sum(z z)`` over all
    pixels and channels; shifted by the whole pixels at which the (periodic) cross-correlation of
    the means over the channels is largest; what the shift leaves empty is set to 0 in both, and
    counts as no error. PSNR (peak 255) over *all* pixels of the luma 0.299 R + 0.587 G + 0.114 B,
    as the benchmark's code has it; ``psnr_rgb_db`` is the same of R, G and B, as others compute
    it. Nothing is clipped or rounded after scaling.

    ``ms_ssim`` is of the luma at the frame of the best PSNR; the benchmark takes the best of
    all frames, so this may be lower by a trifle. It is left out below 176 px.

    Raises:
        BadValue: the case has no sharp frame, or the result is black.
        ShapeMismatch: the shapes differ.
    """
    ours = as_uint8(restored).astype(np.float64)
    if not case.sharp:
        raise BadValue(f"{case.name} has no sharp frame to be compared with")
    if not ours.any():
        raise BadValue(f"{case.name}: a black result cannot be scaled to the sharp frames")
    best, best_pair, best_rgb = -np.inf, (ours, ours), -np.inf
    for picture in case.sharp:
        frame = as_uint8(picture.read()).astype(np.float64)
        if frame.shape != ours.shape:
            raise ShapeMismatch(
                f"{case.name}: restored is {ours.shape}, {picture.path.name} {frame.shape}"
            )
        moved, fixed = align(ours, frame)
        grey = _luma(moved), _luma(fixed)
        value = psnr_db(*grey, data_range=255)
        best_rgb = max(best_rgb, psnr_db(moved, fixed, data_range=255))
        if value > best:
            best, best_pair = value, grey
    scores = {"psnr_db": best, "psnr_rgb_db": best_rgb}
    if min(ours.shape[:2]) >= MS_SSIM_LEAST:
        scores["ms_ssim"] = ms_ssim(*best_pair, data_range=255)
    return scores


def align(restored: Image, frame: Image) -> tuple[Image, Image]:
    """Return the result scaled and shifted to a frame, and the frame where both are known.

    Args:
        restored, frame: (H, W, C), one shape, not all 0.

    Returns:
        Two new arrays of that shape; 0 where the shift leaves nothing.
    """
    scaled = restored * (np.sum(frame * restored) / np.sum(restored * restored))
    dy, dx = whole_pixel_shift(frame.mean(axis=2), scaled.mean(axis=2))
    moved, fixed = np.zeros_like(scaled), np.zeros_like(frame)
    into = tuple(
        slice(max(d, 0), n + min(d, 0)) for d, n in zip((dy, dx), frame.shape, strict=False)
    )
    out_of = tuple(
        slice(max(-d, 0), n + min(-d, 0)) for d, n in zip((dy, dx), frame.shape, strict=False)
    )
    moved[into], fixed[into] = scaled[out_of], frame[into]
    return moved, fixed


def whole_pixel_shift(fixed: Image, moved: Image) -> tuple[int, int]:
    """Return (dy, dx), by which a picture is to be shifted down and right to match another.

    The peak of the periodic cross-correlation. Of an odd side, the middle counts as negative,
    as in the registration that the benchmark uses.

    Args:
        fixed, moved: (H, W), one shape.

    Reference:
        Guizar-Sicairos, Thurman, Fienup, Efficient subpixel image registration algorithms,
        Optics Letters 2008, doi:10.1364/OL.33.000156; without its subpixel part.
    """
    spectrum = fft.rfft2(fixed) * np.conj(fft.rfft2(moved))
    correlation = fft.irfft2(spectrum, s=fixed.shape)
    peak = np.unravel_index(int(correlation.argmax()), correlation.shape)
    dy, dx = (
        int(p) - n if p + 1 > n // 2 else int(p) for p, n in zip(peak, fixed.shape, strict=True)
    )
    return dy, dx


def _luma(image: Image) -> Image:
    if image.shape[2] == 1:
        return image
    return np.asarray((image @ np.array(LUMA))[..., None])


KOEHLER = Protocol(
    name="koehler",
    about="intensity scale, whole-pixel shift, luma PSNR, best of the trajectory's ~199 frames",
    source=_SOURCE,
    main="psnr_db",
    score=score_koehler,
)

SINGLE = Protocol(
    name="koehler-single",
    about="as koehler, but against one reference: not comparable with published Köhler figures",
    source=_SOURCE + "; so DVD's authors score, and all who have one reference for each photo",
    main="psnr_db",
    score=score_koehler,
)
