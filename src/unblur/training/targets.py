"""What a synthetic pair is known to be, as numbers to learn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unblur.blur.psf import Psf
from unblur.blur.synthesis import Pair


def targets_of(pair: Pair) -> NDArray[np.float32]:
    """Return what KernelNet should say of a pair beside its PSF.

    (is motion-blurred, log2 of the length in px, cos and sin of twice the angle, weight of
    the angle): the angle counts only as far as the PSF has a direction.
    """
    psf = pair.psf
    length = psf.length_px()
    blurred = pair.kind not in ("sharp", "defocus") and length >= 1.5
    angle = 2 * np.deg2rad(psf.angle_deg())
    straight = _straightness(psf.array) if blurred else 0.0
    return np.array(
        [blurred, np.log2(max(length, 1.0)), np.cos(angle), np.sin(angle), straight], np.float32
    )


def motion_of(psf: Psf) -> tuple[float, float, float]:
    """Return log2 of a motion's length in px, and cos and sin of twice its angle.

    The latter two are shorter the less the PSF has a direction.
    """
    angle, straight = 2 * np.deg2rad(psf.angle_deg()), _straightness(psf.array)
    length = float(np.log2(max(psf.length_px(), 1.0)))
    return length, straight * float(np.cos(angle)), straight * float(np.sin(angle))


def _straightness(array: NDArray[np.float32]) -> float:
    """1 for a line, 0 for a blob: from the eigenvalues of the PSF's second moments."""
    ys, xs = np.nonzero(array)
    eigenvalues = np.linalg.eigvalsh(np.cov(np.stack([xs, ys]), aweights=array[ys, xs]))
    return float(1 - np.sqrt(max(eigenvalues[0], 0) / max(eigenvalues[1], 1e-9)))


def class_of(pair: Pair) -> int:
    """Return 0 for a sharp pair, 1 for a moved one, 2 for one out of focus."""
    if pair.kind in ("sharp", "shallow"):
        return 0
    return 2 if pair.kind == "defocus" else 1
