"""The latent image of blind deconvolution: few gradients, strong ones.

    minimise over x   |psf * x - blurry|^2 + weight * (number of pixels whose gradient is not 0)

by half-quadratic splitting: a helper ``g`` takes the place of the gradient and is tied to it by a
factor ``beta`` that grows from step to step. For a given ``x`` the best ``g`` is the gradient
where its square exceeds ``weight / beta``, and 0 elsewhere; for a given ``g`` the best ``x`` is
known in the Fourier domain,

    X = (conj(K) Y + beta * sum conj(D) G) / (|K|^2 + beta * |D|^2),   D: differences along x and y.

The result is no photo that anybody would want to look at: its textures are flat. But its edges are
sharp and in place, which is all that the next estimate of the PSF asks for.

Pages, labels and plates are of two tones, and much is known of them: most pixels *are* the paper.
For them a second price counts the pixels that are not, in the same way, with a helper ``u`` that is
tied to the picture by ``min(beta, _MOST_TIED)``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from unblur.blur.canvas import border_width, extend_smoothly, slope_power
from unblur.color import FloatArray

_MOST_TIED = 1.0
"""Largest tie to the paper. With less, or with a tie that rises later than that of the gradients,
8 synthetic and real pages lost up to 4 dB; rising in a loop of its own gained .7 dB at four times
the cost."""

_BETA_FIRST = 2.0
"""First ``beta``, in units of the weight: only gradients above 0.7 survive the first step."""


class Framed:
    """A picture on a canvas with room for PSFs, as :func:`l0_latent` takes it.

    Args:
        picture: (H, W) float32.
        reach: of the PSFs, px.

    Attributes:
        inside: where the picture lies on the canvas.
        shape: (H, W) of the canvas.
        spectrum: its half spectrum, (H, W // 2 + 1) complex.
        canvas: (H, W) float32, transformed back from that.
    """

    def __init__(self, picture: FloatArray, reach: int) -> None:
        pad = border_width(2 * reach + 1)
        height, width = picture.shape
        self.inside = (slice(pad, pad + height), slice(pad, pad + width))
        framed = extend_smoothly(picture[..., None], pad, pad)[..., 0]
        self.shape = (framed.shape[0], framed.shape[1])
        self.spectrum: NDArray[Any] = fft.rfft2(framed)
        self.canvas: FloatArray = np.asarray(fft.irfft2(self.spectrum, s=self.shape), np.float32)


def l0_latent(
    spectrum: NDArray[Any],
    otf: NDArray[Any],
    shape: tuple[int, int],
    weight: float,
    *,
    beta_last: float,
    growth: float,
    paper: float | None = None,
    begun: FloatArray | None = None,
) -> tuple[FloatArray, float]:
    """Return the image of few gradients that a PSF turns into the blurry one.

    Args:
        spectrum: (H, W // 2 + 1) complex, half spectrum of the blurry image, linear light,
            bright parts about 1; periodic.
        otf: (H, W // 2 + 1) complex, of the PSF, as :meth:`unblur.blur.psf.Psf.otf` returns it.
        shape: (H, W).
        weight: price of a gradient, above 0; more makes it flatter.
        beta_last: largest ``beta``.
        growth: factor of ``beta`` from step to step.
        paper: light of the paper of a picture of two tones, same unit; None for other pictures.
        begun: (H, W) float32, the blurry image itself, where the caller has it already.

    Returns:
        (H, W) float32, linear light, not clipped; and the ``beta`` that would come next.

    Reference:
        Xu, Zheng, Jia, Unnatural L0 sparse representation for natural image deblurring, CVPR
        2013, doi:10.1109/CVPR.2013.147; Xu, Lu, Xu, Jia, Image smoothing via L0 gradient
        minimization, ACM TOG 2011, doi:10.1145/2024156.2024208 (the splitting); Pan, Hu, Su,
        Yang, Deblurring text images via L0-regularized intensity and gradient prior, CVPR 2014,
        doi:10.1109/CVPR.2014.371. Own code.
    """
    matched = np.conj(otf) * spectrum
    power = np.square(otf.real) + np.square(otf.imag)
    slope, divisor = slope_power(shape), np.empty_like(power)
    latent = np.asarray(fft.irfft2(spectrum, s=shape), np.float32) if begun is None else begun
    beta = _BETA_FIRST * weight
    while beta <= beta_last:
        tie, tied = np.float32(beta), np.float32(1e-8)
        pull = _pull(latent, weight / beta, tie)
        if paper is not None:
            tied = np.float32(min(beta, _MOST_TIED))
            ink = tied * _ink(latent, paper, weight / float(tied))
            pull = ink if pull is None else pull + ink
        np.multiply(slope, tie, out=divisor)
        divisor += power
        divisor += tied
        np.reciprocal(divisor, out=divisor)
        if pull is None:
            solved = matched * divisor
        else:
            solved = fft.rfft2(pull)
            solved += matched
            solved *= divisor
        latent = np.asarray(fft.irfft2(solved, s=shape), np.float32)
        beta *= growth
    return latent, beta


def _pull(image: FloatArray, floor: float, tie: np.float32) -> FloatArray | None:
    """Return the tied divergence of the gradients that are kept; None where there are none.

    In the first steps hardly any gradient is strong enough, and nothing needs to be transformed.
    """
    steps, strong = _gradients(image, floor)
    if not strong.any():
        return None
    steps *= strong
    pull = _divergence(steps)
    pull *= tie
    return pull


def _ink(image: FloatArray, paper: float, floor: float) -> FloatArray:
    """Return an image of paper but for the pixels that differ from it by more than a little."""
    level = np.float32(paper)
    return np.where(np.square(image - level) >= np.float32(floor), image, level)


def strong_gradients(image: FloatArray, floor: float) -> FloatArray:
    """Return (2, H, W) periodic forward differences along x and y, only the strong ones.

    Args:
        image: (H, W) float32.
        floor: where the squares sum to less, both are 0.
    """
    steps, strong = _gradients(image, floor)
    steps *= strong
    return steps


def _gradients(image: FloatArray, floor: float) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return periodic forward differences along x and y, and where they are strong."""
    steps = np.empty((2, *image.shape), np.float32)
    across, down = steps
    np.subtract(image[:, 1:], image[:, :-1], out=across[:, :-1])
    np.subtract(image[:, 0], image[:, -1], out=across[:, -1])
    np.subtract(image[1:], image[:-1], out=down[:-1])
    np.subtract(image[0], image[-1], out=down[-1])
    length = across * across
    length += down * down
    return steps, length >= np.float32(floor)


def _divergence(steps: FloatArray) -> FloatArray:
    """Return the adjoint of the differences."""
    across, down = steps
    out = np.empty(across.shape, np.float32)
    np.subtract(across[:, :-1], across[:, 1:], out=out[:, 1:])
    np.subtract(across[:, -1], across[:, 0], out=out[:, 0])
    out[1:] += down[:-1]
    out[0] += down[-1]
    out -= down
    return out
