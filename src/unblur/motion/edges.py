"""The learned look: EdgeNet guesses the edges of the sharp picture, the PSF follows from them.

A PSF that is nearly right, undone in several ways, shows a network what the sharp picture's edges
were; the PSF that turns those edges into the blurry picture's is better than the one before. The
two steps take turns.

References:
    Schuler, Hirsch, Harmeling, Schoelkopf, Learning to deblur, TPAMI 2016,
    doi:10.1109/TPAMI.2015.2481418 (a network whose features are divided by one another in the
    Fourier domain). Own design and code.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from unblur.blur.canvas import slope_power
from unblur.color import FloatArray
from unblur.motion.l0_latent import l0_latent, strong_gradients
from unblur.motion.looks import edge_taper, otf_of

CHANNELS = ("blurry", "wiener_fine", "wiener_soft", "few_x", "few_y", "usable", "noise")
"""What EdgeNet sees of a window, in order."""

FLOOR = 0.05
"""Regularisation of the quotient, as a share of the mean power of the edges."""

FAINT = 0.05
"""Share of the largest value below which a quotient's value is noise."""

_SPREAD = 0.15
_BURNT = 0.98
_SLOPES = 3e-3
"""Mean square of the slopes of a sharp picture of spread _SPREAD, for the Wiener filters."""
_SOFTER = 10.0
_WEIGHT, _WEIGHT_PER_NOISE = 2e-3, 0.15
_GROWTH, _LOOSE = 3.0, 300.0


def edge_views(window: FloatArray, noise: float) -> tuple[FloatArray, FloatArray, float]:
    """Return what does not depend on the PSF.

    Args:
        window: (H, W) float32 luma, linear light.
        noise: standard deviation of its noise.

    Returns:
        The window about its mean, of spread 1; how far each pixel counts, in [0, 1]: not near the
        borders, and not where light is burnt out; and the noise in units of the spread.
    """
    spread = max(float(window.std()), 1e-6)
    usable = ~ndimage.binary_dilation(window > _BURNT, iterations=3)
    plane = (window - window.mean()) / np.float32(spread)
    return plane, edge_taper(*window.shape) * usable.astype(np.float32), noise / spread


def edge_inputs(plane: FloatArray, usable: FloatArray, noise: float, psf: FloatArray) -> FloatArray:
    """Return what EdgeNet sees: the window, and what a PSF makes of it.

    Args:
        plane, usable, noise: of :func:`edge_views`.
        psf: (GRID, GRID) float32, zero displacement at ``[GRID // 2, GRID // 2]``.

    Returns:
        (len(CHANNELS), H, W) float32.
    """
    shape = (plane.shape[0], plane.shape[1])
    spectrum = fft.rfft2(plane * edge_taper(*shape) * np.float32(_SPREAD))
    otf, slope = otf_of(psf, shape), slope_power(shape)
    power = np.square(otf.real) + np.square(otf.imag)
    sigma = noise * _SPREAD
    least = np.float32(max(sigma**2 / _SLOPES, 1e-3))
    undone = [
        fft.irfft2(np.conj(otf) * spectrum / (power + strength * slope + np.float32(1e-8)), s=shape)
        for strength in (least, least * np.float32(_SOFTER))
    ]
    weight = _WEIGHT + _WEIGHT_PER_NOISE * sigma
    picture, coupling = l0_latent(
        spectrum, otf, shape, weight, beta_last=_LOOSE * weight, growth=_GROWTH
    )
    few = strong_gradients(picture, weight / coupling)
    told = np.full(shape, np.log10(noise + 1e-3) + 1.5, np.float32)
    scale = np.float32(1 / _SPREAD)
    views = [plane, *(u * scale for u in undone), few[0] * scale, few[1] * scale, usable, told]
    return np.stack(views).astype(np.float32)


def observed_slopes(plane: FloatArray, usable: FloatArray) -> NDArray[Any]:
    """Return half spectra (2, H, W // 2 + 1) of the slopes of the blurry window that count."""
    return np.asarray(fft.rfft2(strong_gradients(plane, 0.0) * usable, axes=(1, 2)))
