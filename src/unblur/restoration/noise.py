"""How much noise deconvolution will meet: measured where motion has left no signal.

The usual estimate looks at the finest detail only. That misses noise which demosaicing or
JPEG has robbed of its finest part, while the coarser part, which deconvolution amplifies, is all
there. Here the photo's own PSF shows where to look: at frequencies which the motion has
wiped out there is nothing left but noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft

from unblur.blur.psf import Psf
from unblur.color import FloatArray
from unblur.tapers import hann


@dataclass(frozen=True)
class NoiseParams:
    """Where noise is measured; chosen on validation photos before 0.1.0.

    Attributes:
        band: frequencies, cycles per px: below, the picture is too strong.
        share: of the band that is read: where PSF and falling spectrum leave the least.
        quantile: of the power; a low one, since a wrong PSF leaves signal in.
        least_side: px, of a plane that can be measured.
    """

    band: tuple[float, float] = (0.1, 0.45)
    share: float = 0.25
    quantile: float = 0.25
    least_side: int = 16


NOISE = NoiseParams()


def can_be_measured(plane: FloatArray, psf: Psf, params: NoiseParams = NOISE) -> bool:
    """Return whether a plane is large enough for its noise to be measured beside a PSF."""
    return bool(min(plane.shape) >= max(params.least_side, *psf.shape))


def noise_beside_motion(plane: FloatArray, psf: Psf, params: NoiseParams = NOISE) -> float:
    """Return the standard deviation of the noise of a blurred plane.

    White noise of this strength would be as strong as the noise found at the frequencies that
    count; noise of any other colour is measured there.

    Args:
        plane: (H, W) float32, any light domain, larger than the PSF; sides below 16 give 0.
        psf: what blurred it.
        params: where it is measured.

    Returns:
        In the plane's unit.
    """
    if not can_be_measured(plane, psf, params):
        return 0.0
    height, width = plane.shape
    window = hann(height, width).astype(np.float32)
    spectrum = fft.rfft2((plane - plane.mean()) * window)
    power = (np.square(spectrum.real) + np.square(spectrum.imag)) / np.square(window).sum()
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    band = (radius > params.band[0]) & (radius < params.band[1])
    # The spectrum of photos falls about as the square of the frequency.
    signal = np.square(np.abs(psf.otf((height, width)))[band] / radius[band])
    quiet = power[band][signal <= np.quantile(signal, params.share)]
    # The power of noise is exponentially distributed about its variance.
    return float(np.sqrt(np.quantile(quiet, params.quantile) / -np.log(1 - params.quantile)))
