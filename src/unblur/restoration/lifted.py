"""The model ``wiener``: a Wiener filter whose saturated highlights are lifted first.

In linear light, on all channels alike. With ``D`` the derivative filters it minimises the reblur
error and a prior, ``|psf * x - y|^2 + a r |D x|^2``. ``r`` is the noise's variance over that of the
blurry photo's slopes: little in a photo with texture and no noise, much in a dull or noisy one.

Saturated highlights break the model of the blur: a lamp that outshines white left less light in
the photo than convolution says, and would ring. Before all else they are lifted to what the motion
of a guess (no light below zero) says they must have been.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from unblur.blur.canvas import border_width, extend_smoothly, slope_response
from unblur.blur.psf import Psf
from unblur.color import LUMA_WEIGHTS, FloatArray
from unblur.restoration.saturation import (
    SATURATION,
    SaturationParams,
    matter,
    saturated_samples,
)


@dataclass(frozen=True)
class LiftedParams:
    """Strengths of the filter and of the lift; chosen on validation photos before 0.1.0.

    Attributes:
        smooth: ``a``, in units of ``r``.
        noise_floor: least noise reckoned with: the errors of a PSF are no smaller.
        ratio: bounds of ``r``.
        saturation: when samples are saturated.
        lift: each time saturated pixels are lifted by so many times what is missing: the guess
            falls short.
        lift_smooth: ``a`` of the guess.
        most_lift: highest light, in units of white, above what the photo shows.
    """

    smooth: float = 3.0
    noise_floor: float = 0.002
    ratio: tuple[float, float] = (1e-3, 1.0)
    saturation: SaturationParams = SATURATION
    lift: tuple[float, ...] = (4.0, 4.0, 1.0)
    lift_smooth: float = 5.0
    most_lift: float = 8.0


LIFTED = LiftedParams()

Spectrum = NDArray[np.complex64]


def lifted_wiener(
    blurry: FloatArray,
    psf: Psf,
    noise: float,
    *,
    regularisation: float = 1.0,
    params: LiftedParams = LIFTED,
) -> FloatArray:
    """Return the Wiener solution of an image.

    Args:
        blurry: (H, W, 3) float32, linear light.
        psf: its PSF.
        noise: standard deviation of its luma's noise, see :mod:`unblur.restoration.noise`.
        regularisation: factor on ``r``, above 0.
        params: of filter and lift.

    Returns:
        (H, W, 3) float32, linear light, not clipped. The outermost pixels (half the PSF) rest on
        an invented border.

    Reference:
        Wiener, Extrapolation, Interpolation, and Smoothing of Stationary Time Series, 1949.
    """
    canvas = _Canvas(blurry, psf, noise, regularisation, params)
    canvas.lift()
    solved = canvas.wiener(canvas.transform(canvas.light), params.smooth)
    return np.moveaxis(solved[:, canvas.inner[0], canvas.inner[1]], 0, 2)


class _Canvas:
    """An image on its periodic canvas, with the PSF's response and the strength of the prior."""

    def __init__(
        self,
        blurry: FloatArray,
        psf: Psf,
        noise: float,
        regularisation: float,
        params: LiftedParams,
    ) -> None:
        pads = [border_width(side) for side in psf.shape]
        padded = extend_smoothly(blurry, pads[0], pads[1])
        self.light: FloatArray = np.ascontiguousarray(np.moveaxis(padded, 2, 0))
        self.shape = padded.shape[0], padded.shape[1]
        self.inner = tuple(
            slice(pad, pad + side) for pad, side in zip(pads, blurry.shape[:2], strict=True)
        )
        self._params = params
        self._otf = psf.otf(self.shape)
        self._power = np.square(self._otf.real) + np.square(self._otf.imag)
        self._slopes = slope_response(self.shape)
        noise = max(noise, params.noise_floor)
        self._noise = noise
        flat = _luma(self.light[:, self.inner[0], self.inner[1]])
        ratio = float(np.clip(noise**2 / _slope_variance(flat), *params.ratio))
        self._ratio = regularisation * ratio

    def transform(self, planes: FloatArray) -> Spectrum:
        return np.asarray(fft.rfft2(planes, axes=(-2, -1)))

    def back(self, spectrum: Spectrum) -> FloatArray:
        return np.asarray(fft.irfft2(spectrum, s=self.shape, axes=(-2, -1)))

    def wiener(self, spectrum: Spectrum, strength: float) -> FloatArray:
        gain = np.conj(self._otf) / self._denominator(strength)
        return self.back(spectrum * gain)

    def lift(self) -> None:
        """Lift the saturated pixels in place, where there are enough of them to matter."""
        params = self._params
        saturated = saturated_samples(self.light, self._noise, params.saturation)
        if not matter(saturated, params.saturation):
            return
        somewhere = saturated.any(axis=0)
        seen = _luma(self.light)
        gain = np.conj(self._otf) / self._denominator(params.lift_smooth)
        excess = np.zeros_like(seen)
        for times in params.lift:
            guess = np.maximum(self.back(self.transform(seen + excess) * gain), 0)
            missing = self.back(self.transform(guess) * self._otf) - seen
            lifted = np.clip(np.float32(times) * missing, 0, params.most_lift)
            excess = np.where(somewhere, lifted, 0)
        self.light = self.light + saturated * excess

    def _denominator(self, strength: float) -> FloatArray:
        return np.asarray(self._power + np.float32(strength * self._ratio) * self._slopes)


def _luma(planes: NDArray[Any]) -> NDArray[Any]:
    """Return the luma of (3, H, W) light or of its spectrum."""
    return np.asarray(np.tensordot(np.asarray(LUMA_WEIGHTS, np.float32), planes, axes=1))


def _slope_variance(plane: FloatArray) -> float:
    """Return the mean square of both derivatives; of a plane of one pixel a nominal value."""
    return (
        sum(
            float(np.mean(np.square(np.diff(plane, axis=axis)))) if plane.shape[axis] > 1 else 0.0
            for axis in (0, 1)
        )
        + 1e-7
    )
