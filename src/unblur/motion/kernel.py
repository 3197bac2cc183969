"""KernelNet at work: windows in, PSFs with what is known of them out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unblur.blur.psf import Psf
from unblur.color import FloatArray
from unblur.engines.base import Engine
from unblur.motion.features import MotionFeatures, motion_features

_FAINT = 0.03
"""Values of an estimated PSF below this share of its peak are noise of the estimate."""

_BATCH = 8


@dataclass(frozen=True, eq=False)
class PsfEstimate:
    """One window's estimated PSF.

    Attributes:
        psf: centroid at the centre to the nearest pixel.
        confidence: expected cosine similarity with the true PSF, in [0, 1].
        blur_probability: that the window is motion-blurred.
        length_px: estimated extent of the motion.
        angle_deg: main direction, [0, 180), counter-clockwise as seen.
        noise: standard deviation of the noise, linear light.
        detail: mean pooled high-pass energy (log10), low where there is nothing to see.
    """

    psf: Psf
    confidence: float
    blur_probability: float
    length_px: float
    angle_deg: float
    noise: float
    detail: float


def estimate_psfs(windows: Sequence[FloatArray], engine: Engine) -> list[PsfEstimate]:
    """Estimate the PSF of each window.

    Args:
        windows: (H, W) float32 luma, linear light, sides of about 256 px.
        engine: runs KernelNet.
    """
    estimates = []
    for start in range(0, len(windows), _BATCH):
        features = [motion_features(window) for window in windows[start : start + _BATCH]]
        psfs, facts = engine(
            np.stack([f.maps for f in features]), np.stack([f.pooled for f in features])
        )
        estimates += [_estimate(*item) for item in zip(psfs, facts, features, strict=True)]
    return estimates


def clean_psf(grid: FloatArray, *, centre: bool = True) -> Psf:
    """Return the PSF of a raw estimate: faint values dropped, centred, margins cropped.

    Args:
        grid: (GRID, GRID) float32, zero displacement at [GRID // 2, GRID // 2].
        centre: move the centroid to the centre pixel.
    """
    kept = np.where(grid >= _FAINT * grid.max(), grid, 0)
    psf = Psf(kept[1:, 1:])  # odd sides; the centre pixel stays the same
    return (psf.centred() if centre else psf).cropped()


def _estimate(grid: FloatArray, facts: FloatArray, features: MotionFeatures) -> PsfEstimate:
    return PsfEstimate(
        psf=clean_psf(grid),
        confidence=_sigmoid(facts[1]),
        blur_probability=_sigmoid(facts[0]),
        length_px=float(2.0 ** np.clip(facts[2], 0, 7)),
        angle_deg=float(np.rad2deg(0.5 * np.arctan2(facts[4], facts[3])) % 180),
        noise=features.noise,
        detail=float(features.pooled.mean()),
    )


def _sigmoid(x: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(x, -30, 30))))
