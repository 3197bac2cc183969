"""Deconvolution with a known PSF that invents nothing: total variation, unknown borders.

    minimise over x   1/2 |M (psf * x - blurry)|^2 + weight * TV(x),    TV(x) = sum |grad x|

``M`` leaves out what was not measured: the frame beyond the picture, from where light was blurred
into it, is solved for like the rest. Where the sensor was saturated it says only that there was at
least that much light. Alternating directions (ADMM): with ``u`` for ``psf * x`` and ``v`` for
``grad x``, each step has a closed form, that of ``x`` in the Fourier domain:

    X = (rho_u conj(K) F[u - d_u] + rho_v sum conj(D) F[v - d_v]) / (rho_u |K|^2 + rho_v |D|^2)

References:
    Rudin, Osher, Fatemi, Nonlinear total variation based noise removal algorithms, Physica D 1992;
    Almeida and Figueiredo, Deconvolving images with unknown boundaries using the alternating
    direction method of multipliers, IEEE TIP 2013, doi:10.1109/TIP.2013.2258354. Own code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from unblur.blur.canvas import border_width, extend_smoothly, slope_power
from unblur.blur.psf import Psf
from unblur.color import FloatArray


@dataclass(frozen=True)
class TvParams:
    """How the iteration runs; what it converges to does not depend on it.

    Chosen on pictures with true PSFs (``tests/blur/test_masked_tv.py`` holds the laws).

    Attributes:
        turns: of the iteration. On 8 pictures with true PSFs the result of 12 turns is 0.2 dB,
            of 16 turns 0.1 dB from that of 40. The same for all sizes: tiles of one photo must not
            differ.
        momentum: by which light that was not measured moves on in the direction of its last step.
            0.9 brings as much in 12 turns as none in 30 (0.2 dB; 1.0 dB with the longest PSF); from
            1.0 on it begins to harm.
        rho_u: tie of ``u``; 0.1 to 0.5 differ by 0.1 dB, less is slower.
        rho_v: tie of ``v``, in units of the weight; 8 to 30 differ by 0.01 dB.
        contrast: standard deviation to which planes are brought, for which these were chosen.
    """

    turns: int = 14
    momentum: float = 0.9
    rho_u: float = 0.15
    rho_v: float = 20.0
    contrast: float = 0.2


TV_PARAMS = TvParams()

_COUNTS = 0.5
"""Share from which on a pixel's value is good enough to begin with."""
_LEAST_CONTRAST = 1e-4
_LEAST_WEIGHT = 1e-6


@dataclass(frozen=True, eq=False)
class Solved:
    """What deconvolution found.

    Attributes:
        light: (C, H, W) float32, the picture.
        reblurred: (C, H, W) float32, the picture blurred again: what should have been measured.
        filled: (C, H', W') float32, the blurry picture on its periodic canvas, what was not
            measured taken from the solution.
        inner: where the picture lies on the canvas, rows and columns.
        otf: (H', W' // 2 + 1) complex64, of the PSF on the canvas.
    """

    light: FloatArray
    reblurred: FloatArray
    filled: FloatArray
    inner: tuple[slice, slice]
    otf: NDArray[np.complex64]


def masked_tv(
    blurry: FloatArray,
    psf: Psf,
    weight: float,
    *,
    known: FloatArray | None = None,
    saturated: NDArray[np.bool_] | None = None,
    relative_noise: FloatArray | None = None,
    params: TvParams = TV_PARAMS,
) -> Solved:
    """Return the picture that a PSF turned into a blurry one; its frame is unknown, not invented.

    Args:
        blurry: (C, H, W) float32, linear light; the channels share their edges.
        psf: what blurred it.
        weight: of the prior, in units of ``blurry``; about 0.16 times the noise's standard
            deviation is best for a true PSF.
        known: (H, W) float32 in [0, 1], how far each pixel counts; all of them if omitted.
        saturated: (H, W), pixels that had at least the light they show.
        relative_noise: (H, W) float32 > 0, how strong the noise is at each pixel in units of that
            which ``weight`` is for; where it is weak a pixel counts more and a slope costs more.
        params: of the iteration.
    """
    pads = [border_width(side) for side in psf.shape]
    framed = extend_smoothly(np.moveaxis(blurry, 0, 2), pads[0], pads[1])
    canvas: FloatArray = np.ascontiguousarray(np.moveaxis(framed, 2, 0))
    inner = tuple(slice(p, p + n) for p, n in zip(pads, blurry.shape[1:], strict=True))
    scale = params.contrast / max(float(blurry.std()), _LEAST_CONTRAST)
    canvas *= np.float32(scale)
    otf = psf.otf((canvas.shape[1], canvas.shape[2]))
    where = (slice(None), *inner)
    if known is not None:
        canvas[where] = _filled_in(canvas[where], known)
    iteration = _Iteration(canvas, (inner[0], inner[1]), otf, weight * scale, params)
    iteration.count(known, saturated, relative_noise)
    for _ in range(params.turns):
        iteration.turn()
    back = np.float32(1 / scale)
    reblurred = iteration.reblurred * back
    filled = reblurred.copy()
    measured = np.ones(blurry.shape[1:], bool) if known is None else known > 0
    kept = measured if saturated is None else measured & ~saturated
    filled[where] = np.where(kept, blurry, _at_least(reblurred[where], blurry, saturated))
    return Solved(
        light=iteration.light[where] * back,
        reblurred=reblurred[where],
        filled=filled,
        inner=(inner[0], inner[1]),
        otf=otf,
    )


def _filled_in(planes: FloatArray, known: FloatArray) -> FloatArray:
    """Return planes to begin with, what does not count replaced by what is around it."""
    away = known < _COUNTS
    if not away.any() or away.all():
        return planes
    nearest = ndimage.distance_transform_edt(away, return_distances=False, return_indices=True)
    return np.where(away, planes[:, nearest[0], nearest[1]], planes)


def _at_least(
    reblurred: FloatArray, blurry: FloatArray, saturated: NDArray[np.bool_] | None
) -> FloatArray:
    if saturated is None:
        return reblurred
    return np.where(saturated, np.maximum(reblurred, blurry), reblurred)


class _Iteration:
    """The state of ADMM on one canvas."""

    def __init__(
        self,
        canvas: FloatArray,
        inner: tuple[slice, slice],
        otf: NDArray[np.complex64],
        weight: float,
        params: TvParams,
    ) -> None:
        self._params, self._shape = params, canvas.shape[1:]
        self._inner = (slice(None), *inner)
        self._blurry = canvas[self._inner].copy()
        weight = max(weight, _LEAST_WEIGHT)
        self._rho_u = np.float32(params.rho_u)
        self._rho_v = np.float32(params.rho_v * weight)
        self._threshold: FloatArray | np.float32 = np.float32(1 / params.rho_v)
        power, slopes = np.square(otf.real) + np.square(otf.imag), slope_power(canvas.shape[1:])
        self._otf = otf
        self._solve_u = self._rho_u * np.conj(otf)
        divisor = self._rho_u * power + self._rho_v * slopes + np.float32(1e-7)
        self._inverse = np.reciprocal(divisor)  # a complex quotient costs as much as a transform
        start = power + np.float32(3 * max(weight, 3e-4)) * slopes + np.float32(1e-4)
        self._set(self._forward(canvas) * np.conj(otf) / start)
        self._before = self.reblurred
        self._multiplier = np.zeros_like(self._blurry)
        self._slope_multiplier = np.zeros((2, *canvas.shape), np.float32)
        self._share: FloatArray | np.float32 = np.float32(1 / (1 + params.rho_u))
        self._open: NDArray[np.bool_] | None = None

    def count(
        self,
        known: FloatArray | None,
        saturated: NDArray[np.bool_] | None,
        relative_noise: FloatArray | None,
    ) -> None:
        """Say how far each pixel counts, and which show less light than there was."""
        counts = known
        if relative_noise is not None:
            trust = np.float32(1) if known is None else known
            counts = np.asarray(trust / np.square(relative_noise), np.float32)
            threshold = np.full(self._shape, self._threshold, np.float32)
            threshold[self._inner[1:]] /= relative_noise
            self._threshold = threshold
        if counts is not None:
            self._share = np.asarray(counts / (counts + self._rho_u), np.float32)
        self._open = saturated

    def turn(self) -> None:
        """Take one turn: u and v for the present picture, then the picture for them."""
        target = self._moved_on()
        inside = target[self._inner]
        inside += self._multiplier
        np.subtract(inside, self._blurry, out=self._multiplier)
        if self._open is not None:
            np.minimum(self._multiplier, 0, out=self._multiplier, where=self._open)
        self._multiplier *= self._share
        inside -= 2 * self._multiplier
        spectrum = self._forward(target)
        spectrum *= self._solve_u
        spectrum += self._forward(self._ties()) * self._rho_v
        spectrum *= self._inverse
        self._set(spectrum)

    def _moved_on(self) -> FloatArray:
        """Return the picture blurred again; what was not measured goes a step further."""
        now = self.reblurred
        ahead = now - self._before
        ahead *= np.float32(self._params.momentum)
        if self._open is None:
            ahead[self._inner] = 0
        else:
            ahead[self._inner] *= self._open
        ahead += now
        self._before = now
        return ahead

    def _ties(self) -> FloatArray:
        """Return the divergence of ``v - d_v``, for v shrunk from the present slopes."""
        ahead, size = self._slope_multiplier, None
        for axis in (0, 1):
            _add_slopes(self.light, ahead[axis], axis + 1)
        size = np.einsum("achw,achw->hw", ahead, ahead)
        np.sqrt(size, out=size)
        np.maximum(size, self._threshold, out=size)
        np.divide(self._threshold, size, out=size)  # share of the slopes that is not kept
        kept = 1 - 2 * size
        out = np.zeros_like(self.light)
        for axis in (0, 1):
            _add_divergence(ahead[axis] * kept, out, axis + 1)
        ahead *= size
        return out

    def _set(self, spectrum: NDArray[Any]) -> None:
        self.light = self._back(spectrum)
        self.reblurred = self._back(spectrum * self._otf)

    def _forward(self, planes: FloatArray) -> NDArray[Any]:
        return np.asarray(fft.rfft2(planes, axes=(1, 2)))

    def _back(self, spectrum: NDArray[Any]) -> FloatArray:
        return np.asarray(fft.irfft2(spectrum, s=self._shape, axes=(1, 2)), np.float32)


def _add_slopes(planes: FloatArray, out: FloatArray, axis: int) -> None:
    """Add the periodic forward differences of planes along an axis."""
    first, rest, last = _parts(axis)
    out[first] += planes[rest]
    out[last] += planes[_begin(axis)]
    out -= planes


def _add_divergence(slopes: FloatArray, out: FloatArray, axis: int) -> None:
    """Add the adjoint of the forward differences."""
    first, rest, last = _parts(axis)
    out -= slopes
    out[rest] += slopes[first]
    out[_begin(axis)] += slopes[last]


_Index = tuple[slice, ...]


def _parts(axis: int) -> tuple[_Index, _Index, _Index]:
    """Return the indices of all but the last, all but the first, and the last along an axis."""
    before = (slice(None),) * axis
    return (
        (*before, slice(None, -1)),
        (*before, slice(1, None)),
        (*before, slice(-1, None)),
    )


def _begin(axis: int) -> _Index:
    return (*(slice(None),) * axis, slice(0, 1))
