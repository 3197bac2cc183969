"""How alike two PSFs are."""

from __future__ import annotations

import numpy as np
from scipy import fft, ndimage

from unblur.blur.psf import Psf

_DIM_PX = 2.0
"""Width of the Gaussian through which PSFs are compared: fine detail is never certain."""


def likeness(a: Psf, b: Psf) -> float:
    """Return the cosine similarity in [0, 1] of two PSFs seen dimly, where they match best."""
    side = max(*a.shape, *b.shape)
    x, y = (ndimage.gaussian_filter(p.embedded(side), _DIM_PX, mode="constant") for p in (a, b))
    size = [fft.next_fast_len(2 * side, real=True)] * 2
    match = fft.irfft2(np.conj(fft.rfft2(x, s=size)) * fft.rfft2(y, s=size), s=size)
    return float(match.max() / max(float(np.linalg.norm(x) * np.linalg.norm(y)), 1e-12))
