"""The PSF that a training sample's bank is made with."""

from __future__ import annotations

from dataclasses import dataclass

from unblur.blur.psf import Psf


@dataclass(frozen=True)
class BankPsf:
    """A PSF, the confidence in it, and whether it is one of the motion in the sample.

    Attributes:
        psf: which.
        confidence: that the network is given, in [0, 1].
        meant: whether it was estimated from, or is the true one of, the sample's motion. A
            mismatched PSF and a point are not; the target then stays where the photo is.
    """

    psf: Psf
    confidence: float
    meant: bool


NO_MOTION = BankPsf(Psf.delta(), 0.0, meant=False)
"""A point, in which nothing is to be trusted."""
