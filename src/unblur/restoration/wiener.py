"""Closed-form deconvolution: Wiener solutions at several strengths, for a network to choose from.

Each solution minimises, per colour channel and in linear light,

    |psf * x - blurry|^2  +  strength * noise / reference * |grad x|^2

whose minimum is known in the Fourier domain (``D`` are the derivative filters)

    X = conj(K) Y / (|K|^2 + strength * noise / reference * (|Dx|^2 + |Dy|^2)).

Theory asks for the square of the noise; with *estimated* PSFs a regularisation in proportion
was chosen by experiment, since the PSF's own error weighs as much as the noise.

A weak regularisation is sharp and noisy, a strong one clean and soft; where the PSF is wrong
they disagree. The network sees all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft

from unblur.blur.canvas import border_width, extend_smoothly, slope_response
from unblur.blur.psf import Psf
from unblur.color import FloatArray


@dataclass(frozen=True)
class WienerBankParams:
    """Strengths of the bank. Networks are trained with it: others need others.

    Attributes:
        strengths: regularisation of each solution, at the reference noise.
        reference_noise: noise (linear light) at which they hold as they are.
        noise_span: noise levels (linear light) between which the regularisation follows the photo.
    """

    strengths: tuple[float, ...] = (0.03, 0.12, 0.5)
    reference_noise: float = 0.01
    noise_span: tuple[float, float] = (0.003, 0.03)


WIENER_BANK = WienerBankParams()


def wiener_bank(
    blurry: FloatArray,
    psf: Psf,
    noise: float,
    *,
    regularisation: float = 1.0,
    params: WienerBankParams = WIENER_BANK,
) -> FloatArray:
    """Return the deconvolutions of an image at several strengths of the prior.

    Args:
        blurry: (H, W, C) float32, linear light.
        psf: its PSF.
        noise: standard deviation of its noise, linear light.
        regularisation: factor on all strengths, above 0.
        params: how many solutions, and how strongly each is regularised.

    Returns:
        (len(params.strengths), H, W, C) float32, linear light, not clipped. The outermost pixels
        (half the PSF) rest on an invented border.

    Reference:
        Wiener, Extrapolation, Interpolation, and Smoothing of Stationary Time Series, 1949;
        Tikhonov and Arsenin, Solutions of Ill-posed Problems, 1977.
    """
    pads = [border_width(side) for side in psf.shape]
    padded = extend_smoothly(blurry, pads[0], pads[1])
    shape = padded.shape[:2]
    otf = psf.otf(shape)
    spectrum = fft.rfft2(np.moveaxis(padded, 2, 0), axes=(1, 2))
    matched = np.conj(otf) * spectrum
    power = np.square(otf.real) + np.square(otf.imag)
    level = regularisation * float(np.clip(noise, *params.noise_span)) / params.reference_noise
    height, width = blurry.shape[:2]
    bank = []
    for strength in params.strengths:
        denominator = power + np.float32(strength * level) * slope_response(shape)
        solved = fft.irfft2(matched / denominator, s=shape, axes=(1, 2))
        bank.append(solved[:, pads[0] : pads[0] + height, pads[1] : pads[1] + width])
    return np.moveaxis(np.stack(bank), 1, 3).astype(np.float32)
