"""Protocols of more measures: with truth (perceptual), and without (unpaired)."""

from __future__ import annotations

from unblur.evaluate.cases import Case
from unblur.evaluate.detectors import laplacian_variance
from unblur.evaluate.perceptual import MS_SSIM_LEAST, gmsd, haarpsi, ms_ssim, vif
from unblur.evaluate.protocols.base import Protocol, Scores
from unblur.evaluate.protocols.plain import score_plain
from unblur.evaluate.samples import Samples, as_uint8
from unblur.evaluate.unpaired import blur_effect, grey8, reblur_psnr_db


def score_perceptual(restored: Samples, case: Case) -> Scores:
    """Return PSNR and SSIM as the plain protocol, MS-SSIM, GMSD, HaarPSI and VIF.

    MS-SSIM is left out below 176 px.

    Raises:
        BadValue: the case has no sharp picture, or several.
        ShapeMismatch: the shapes differ, or a side is below 41 px.
    """
    scores = score_plain(restored, case)
    pair = as_uint8(restored), as_uint8(case.read_sharp())
    if min(restored.shape[:2]) >= MS_SSIM_LEAST:
        scores["ms_ssim"] = ms_ssim(*pair, data_range=255)
    for name, measure in (("gmsd", gmsd), ("haarpsi", haarpsi), ("vif", vif)):
        scores[name] = measure(*pair, data_range=255)
    return scores


def score_unpaired(restored: Samples, case: Case) -> Scores:
    """Return ``reblur_psnr_db``, ``blur_effect`` and ``laplacian_variance``.

    They are to be read together: the first says whether the result explains the photo, the
    others whether it is any sharper. See :mod:`unblur.evaluate.unpaired`.

    Raises:
        ShapeMismatch: restored and blurry differ in shape, or a side is below 94 px.
    """
    grey = grey8(as_uint8(restored))
    return {
        "reblur_psnr_db": reblur_psnr_db(as_uint8(restored), as_uint8(case.blurry.read())),
        "blur_effect": blur_effect(grey),
        "laplacian_variance": laplacian_variance(grey),
    }


PERCEPTUAL = Protocol(
    name="perceptual",
    about="plain, and MS-SSIM, GMSD, HaarPSI, VIF: measures without learned weights",
    source="our choice; each measure names its paper",
    main="psnr_db",
    score=score_perceptual,
    lower_is_better=frozenset({"gmsd"}),
)

UNPAIRED = Protocol(
    name="unpaired",
    about="without truth: reblur consistency, blur effect, variance of Laplacian",
    source="our choice; each measure names its paper",
    main="blur_effect",
    score=score_unpaired,
    lower_is_better=frozenset({"blur_effect"}),
)
