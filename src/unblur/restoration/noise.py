"""How much noise deconvolution will meet: measured where motion has left no signal.

The usual estimate looks at the finest detail only. That misses noise which demosaicing or
JPEG has robbed of its finest part, while the coarser part, which deconvolution amplifies, is all
there. Here the photo's own PSF shows where to look: at frequencies which the motion has
wiped out there is nothing left but noise.
"""

from __future__ import annotations

import numpy as np
from scipy import fft

from unblur.blur.psf import Psf
from unblur.color import FloatArray

_BAND = (0.1, 0.45)
"""Frequencies looked at, cycles per px: below, the picture is too strong."""

_SHARE = 0.25
"""Share of the band that is looked at: where PSF and falling spectrum leave the least."""

_QUANTILE = 0.25
"""A low quantile of the power, since a wrong PSF leaves signal in."""

_LEAST_SIDE = 16


def can_be_measured(plane: FloatArray, psf: Psf) -> bool:
    """Return whether a plane is large enough for its noise to be measured beside a PSF."""
    return bool(min(plane.shape) >= max(_LEAST_SIDE, *psf.shape))


def noise_beside_motion(plane: FloatArray, psf: Psf) -> float:
    """Return the standard deviation of the noise of a blurred plane.

    White noise of this strength would be as strong as the noise found at the frequencies that
    count; noise of any other colour is measured there.

    Args:
        plane: (H, W) float32, any light domain, larger than the PSF; sides below 16 give 0.
        psf: what blurred it.

    Returns:
        In the plane's unit.
    """
    if not can_be_measured(plane, psf):
        return 0.0
    height, width = plane.shape
    window = np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1])
    window = window.astype(np.float32)
    spectrum = fft.rfft2((plane - plane.mean()) * window)
    power = (np.square(spectrum.real) + np.square(spectrum.imag)) / np.square(window).sum()
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    band = (radius > _BAND[0]) & (radius < _BAND[1])
    # The spectrum of photos falls about as the square of the frequency.
    signal = np.square(np.abs(psf.otf((height, width)))[band] / radius[band])
    quiet = power[band][signal <= np.quantile(signal, _SHARE)]
    # The power of noise is exponentially distributed about its variance.
    return float(np.sqrt(np.quantile(quiet, _QUANTILE) / -np.log(1 - _QUANTILE)))
