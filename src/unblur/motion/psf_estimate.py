"""What an estimator knows of one window: its PSF, and how far that is to be trusted."""

from __future__ import annotations

from dataclasses import dataclass

from unblur.blur.psf import Psf


@dataclass(frozen=True, eq=False)
class PsfEstimate:
    """One window's estimated PSF.

    Attributes:
        psf: centroid at the centre to the nearest pixel.
        confidence: expected cosine similarity with the true PSF, in [0, 1]: KernelNet's, of the
            estimate that the search and the fusion went on with. The gate and the restoration
            network were fitted to it.
        blur_probability: that the window is motion-blurred.
        noise: standard deviation of the noise, linear light.
        detail: mean pooled high-pass energy (log10), low where there is nothing to see.
        fused_confidence: the same of FuseNet, of the PSF itself, where it had the last word;
            None elsewhere.
    """

    psf: Psf
    confidence: float
    blur_probability: float
    noise: float
    detail: float
    fused_confidence: float | None = None
