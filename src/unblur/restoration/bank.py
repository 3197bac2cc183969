"""The bank: what the motion's inverse gives, for RestoreNet to make a photo of.

All in linear light, on luma or per channel alike. With ``D`` the derivative filters, both
solutions minimise the reblur error and a prior:

* the *smooth* one, all channels, a Wiener filter: ``|psf * x - y|^2 + a r |D x|^2``;
* the *sharp* one, luma only: ``|psf * x - y|^2 + a r |D x - w|^2``, where ``w`` are those
  derivatives of the solution before it that stand out from the noise; twice, each time trusting
  ``w`` more. Edges come back that no linear filter can tell from noise.

``r`` is the noise's variance over that of the blurry photo's slopes: little in a photo with
texture and no noise, much in a dull or noisy one.

Clipped highlights break the model of the blur: a lamp that outshines white left less light in
the photo than convolution says, and would ring. Before all else they are lifted to what the motion
of a guess (no light below zero) says they must have been. What still rests on them is told by
the last plane: the share of each pixel's light that fell on clipped pixels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from unblur.blur.canvas import border_width, extend_smoothly, slope_response
from unblur.blur.psf import Psf
from unblur.color import LUMA_WEIGHTS, FloatArray

PLANES = 5
"""Smooth R, G, B; sharp luma; share of light that was clipped."""

SMOOTH, SHARP = 3.0, 0.2
"""Regularisation of both solutions, in units of ``r``; chosen on validation photos."""

NOISE_FLOOR = 0.002
"""Least noise reckoned with: the errors of a PSF are no smaller."""

_TRUST = (4.0, 10.0)
"""How much more the derivatives ``w`` are trusted than the prior of the first guess, each time."""

_STANDS_OUT = 2.6
"""Standard deviations of its noise by which a derivative must stand out to be kept."""

_R_SPAN = (1e-3, 1.0)
_WHITE = 0.985
_LIFT = (4.0, 4.0, 1.0)
"""Each time clipped pixels are lifted by so many times what is missing: the guess falls short."""

_LIFT_SMOOTH = 5.0
_MOST_LIFT = 8.0
_LEAST_CLIPPED = 2e-5
"""Share of clipped pixels below which they do not matter: noise on white paper."""

Plane = NDArray[np.float32]
Spectrum = NDArray[np.complex64]


def solution_bank(
    blurry: FloatArray, psf: Psf, noise: float, *, regularisation: float = 1.0
) -> FloatArray:
    """Return the bank of an image.

    Args:
        blurry: (H, W, 3) float32, linear light.
        psf: its PSF.
        noise: standard deviation of its luma's noise, see :mod:`unblur.restoration.noise`.
        regularisation: factor on ``r``, above 0.

    Returns:
        (PLANES, H, W) float32: smooth R, G, B and sharp luma, linear light, not clipped; share
        of clipped light in [0, 1]. The outermost pixels (half the PSF) rest on an invented
        border.

    Reference:
        Krishnan and Fergus, Fast image deconvolution using hyper-Laplacian priors, NIPS 2009
        (splitting off the derivatives); Gao, Wavelet shrinkage denoising using the non-negative
        garrote, J. Comput. Graph. Stat. 1998 (how they are shrunk).
    """
    canvas = _Canvas(blurry, psf, noise, regularisation)
    clipped = canvas.lift()
    spectrum = canvas.transform(canvas.light)
    height, width = canvas.inner
    out = np.empty((PLANES, *blurry.shape[:2]), np.float32)
    out[:3] = canvas.wiener(spectrum, SMOOTH)[:, height, width]
    out[3] = canvas.sharp(_luma(spectrum))[height, width]
    out[4] = 0.0 if clipped is None else canvas.share(clipped)[height, width]
    return out


def smooth_solution(
    blurry: FloatArray, psf: Psf, noise: float, *, regularisation: float = 1.0
) -> FloatArray:
    """Return the smooth solution alone, (H, W, 3); see :func:`solution_bank`."""
    canvas = _Canvas(blurry, psf, noise, regularisation)
    canvas.lift()
    solved = canvas.wiener(canvas.transform(canvas.light), SMOOTH)
    return np.moveaxis(solved[:, canvas.inner[0], canvas.inner[1]], 0, 2)


class _Canvas:
    """An image on its periodic canvas, with the PSF's response and the strength of the prior."""

    def __init__(self, blurry: FloatArray, psf: Psf, noise: float, regularisation: float) -> None:
        pads = [border_width(side) for side in psf.shape]
        padded = extend_smoothly(blurry, pads[0], pads[1])
        self.light: FloatArray = np.ascontiguousarray(np.moveaxis(padded, 2, 0))
        self.shape = padded.shape[0], padded.shape[1]
        self.inner = tuple(
            slice(pad, pad + side) for pad, side in zip(pads, blurry.shape[:2], strict=True)
        )
        self._otf = psf.otf(self.shape)
        self._power = np.square(self._otf.real) + np.square(self._otf.imag)
        self._slopes = slope_response(self.shape)
        self._noise = max(noise, NOISE_FLOOR)
        self._white = max(0.9, min(_WHITE, 1 - 2.7 * self._noise))
        flat = _luma(self.light[:, self.inner[0], self.inner[1]])
        ratio = float(np.clip(self._noise**2 / _slope_variance(flat), *_R_SPAN))
        self._ratio = regularisation * ratio

    def transform(self, planes: FloatArray) -> Spectrum:
        return np.asarray(fft.rfft2(planes, axes=(-2, -1)))

    def back(self, spectrum: Spectrum) -> FloatArray:
        return np.asarray(fft.irfft2(spectrum, s=self.shape, axes=(-2, -1)))

    def wiener(self, spectrum: Spectrum, strength: float) -> FloatArray:
        gain = np.conj(self._otf) / self._denominator(strength)
        return self.back(spectrum * gain)

    def sharp(self, spectrum: Spectrum) -> Plane:
        """Return the sharp solution of one plane."""
        matched = np.conj(self._otf) * spectrum
        denominator = self._denominator(SHARP)
        noise = self._slope_noise(denominator)
        solved = self.back(matched / denominator)
        for trust in _TRUST:
            kept = self.transform(_kept_slopes(solved, _STANDS_OUT * noise))
            weight = np.float32(trust * SHARP * self._ratio)
            both: Spectrum = matched + weight * kept
            solved = self.back(both / self._denominator(trust * SHARP))
        return solved

    def lift(self) -> NDArray[np.bool_] | None:
        """Lift the clipped pixels in place; return where they are, or None if there are none."""
        clipped = self.light >= self._white
        if clipped.mean() < _LEAST_CLIPPED:
            return None
        somewhere = clipped.any(axis=0)
        seen = _luma(self.light)
        gain = np.conj(self._otf) / self._denominator(_LIFT_SMOOTH)
        excess = np.zeros_like(seen)
        for times in _LIFT:
            guess = np.maximum(self.back(self.transform(seen + excess) * gain), 0)
            missing = self.back(self.transform(guess) * self._otf) - seen
            excess = np.where(somewhere, np.clip(np.float32(times) * missing, 0, _MOST_LIFT), 0)
        self.light = self.light + clipped * excess
        return np.asarray(somewhere)

    def share(self, clipped: NDArray[np.bool_]) -> Plane:
        """Return which share of each pixel's light fell on clipped pixels."""
        seen = self.back(np.conj(self._otf) * self.transform(clipped.astype(np.float32)))
        return np.clip(seen, 0, 1)

    def _denominator(self, strength: float) -> FloatArray:
        return np.asarray(self._power + np.float32(strength * self._ratio) * self._slopes)

    def _slope_noise(self, denominator: FloatArray) -> float:
        """Return the standard deviation that the noise has in each derivative of a solution."""
        passed = self._slopes * self._power / np.square(denominator)
        return self._noise * float(np.sqrt(passed.mean() / 2))


def _luma(planes: NDArray[Any]) -> NDArray[Any]:
    """Return the luma of (3, H, W) light or of its spectrum."""
    return np.asarray(np.tensordot(np.asarray(LUMA_WEIGHTS, np.float32), planes, axes=1))


def _slope_variance(plane: Plane) -> float:
    """Return the mean square of both derivatives; of a plane of one pixel a nominal value."""
    return (
        sum(
            float(np.mean(np.square(np.diff(plane, axis=axis)))) if plane.shape[axis] > 1 else 0.0
            for axis in (0, 1)
        )
        + 1e-7
    )


def _kept_slopes(plane: Plane, threshold: float) -> Plane:
    """Return the (periodic) divergence of those derivatives that exceed the threshold."""
    right, down = np.empty_like(plane), np.empty_like(plane)
    np.subtract(plane[:, 1:], plane[:, :-1], out=right[:, :-1])
    np.subtract(plane[:, 0], plane[:, -1], out=right[:, -1])
    np.subtract(plane[1:], plane[:-1], out=down[:-1])
    np.subtract(plane[0], plane[-1], out=down[-1])
    size = right * right
    size += down * down
    np.maximum(size, np.float32(1e-12), out=size)
    np.divide(np.float32(-(threshold**2)), size, out=size)
    size += np.float32(1)
    np.maximum(size, np.float32(0), out=size)
    right *= size
    down *= size
    out = -right - down
    out[:, 1:] += right[:, :-1]
    out[:, 0] += right[:, -1]
    out[1:] += down[:-1]
    out[0] += down[-1]
    return out
