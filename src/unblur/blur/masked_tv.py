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
    direction method of multipliers, IEEE TIP 2013, doi:10.1109/TIP.2013.2258354; Eckstein and
    Bertsekas, On the Douglas-Rachford splitting method, Mathematical Programming 1992,
    doi:10.1007/BF01581204 (over-relaxation). Own code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from unblur.blur.canvas import border_width, extend_smoothly, slope_power
from unblur.blur.psf import Psf
from unblur.blur.slopes import add_divergence, add_slopes
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
        relaxation: share of its step that ``u`` and ``v`` take: above 1 they go too far, which
            brings a picture without saturated light as far in half the turns (Eckstein and
            Bertsekas 1992; 1.6 is theirs and everybody's). Saturated light, which has a long way to
            go, is not found sooner.
        rho_u: tie of ``u``; 0.1 to 0.5 differ by 0.1 dB, less is slower.
        rho_v: tie of ``v``, in units of the weight; 8 to 30 differ by 0.01 dB.
        contrast: standard deviation to which planes are brought, for which these were chosen.
    """

    turns: int = 14
    momentum: float = 0.9
    relaxation: float = 1.0
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
    """The state of ADMM on one canvas.

    With a relaxation ``a`` each of ``u`` and ``v`` is made of ``z = a K x + kept``, where ``kept``
    is ``(1 - a) u + d_u`` of the turn before, and ``d_u`` is what ``u`` leaves of ``z``.
    """

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
        self._rho_u, self._ahead = np.float32(params.rho_u), np.float32(params.relaxation)
        rho_v = np.float32(params.rho_v * weight)
        # Slopes are kept in units of the relaxation: no pass over them is lost on it.
        self._threshold: FloatArray | np.float32 = np.float32(1 / (params.rho_v * self._ahead))
        power, slopes = np.square(otf.real) + np.square(otf.imag), slope_power(canvas.shape[1:])
        self._otf = otf
        divisor = self._rho_u * power + rho_v * slopes + np.float32(1e-7)
        inverse = np.reciprocal(divisor)  # a complex quotient costs as much as a transform
        self._solve_u: NDArray[Any] = np.conj(otf) * (self._rho_u * inverse)
        # Complex, though real: a product of one of each kind takes longer than one of two complex.
        self._solve_v: NDArray[Any] = (rho_v * self._ahead * inverse).astype(otf.dtype)
        start = power + np.float32(3 * max(weight, 3e-4)) * slopes + np.float32(1e-4)
        self._set(self._forward(canvas) * (np.conj(otf) / start))
        self._before = self.reblurred
        self._kept: FloatArray = (1 - self._ahead) * self.reblurred[self._inner]
        self._kept_slopes = np.zeros((2, *canvas.shape), np.float32)
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
        spectrum = self._forward(self._ties_of_light())
        spectrum *= self._solve_u
        tied = self._forward(self._ties_of_slopes())
        tied *= self._solve_v
        spectrum += tied
        self._set(spectrum)

    def _ties_of_light(self) -> FloatArray:
        """Return ``u - d_u``, for u drawn from the present picture towards the blurry one."""
        target = self._moved_on()
        inside = target[self._inner]
        inside *= self._ahead
        inside += self._kept
        multiplier = np.subtract(inside, self._blurry, out=self._kept)
        if self._open is not None:
            np.minimum(multiplier, 0, out=multiplier, where=self._open)
        multiplier *= self._share
        drawn = inside - 2 * multiplier
        multiplier *= self._ahead  # from here on what is kept
        if self._ahead != 1:
            multiplier += (1 - self._ahead) * inside
        inside[...] = drawn
        return target

    def _moved_on(self) -> FloatArray:
        """Return the picture blurred again; what was not measured goes a step further."""
        now, momentum = self.reblurred, np.float32(self._params.momentum)
        out = now.copy()
        for part in _around(self._inner[1:]):
            out[part] += momentum * (now[part] - self._before[part])
        if self._open is not None:
            inside = self._inner
            out[inside] += (now[inside] - self._before[inside]) * (momentum * self._open)
        self._before = now
        return out

    def _ties_of_slopes(self) -> FloatArray:
        """Return the divergence of ``v - d_v``, for v shrunk from the present slopes."""
        ahead = self._kept_slopes
        for axis in (0, 1):
            add_slopes(self.light, ahead[axis], axis + 1)
        size = np.einsum("achw,achw->hw", ahead, ahead)
        np.sqrt(size, out=size)
        np.maximum(size, self._threshold, out=size)
        np.divide(self._threshold, size, out=size)  # share of the slopes that v leaves
        drawn = 1 - 2 * size
        out = np.zeros_like(self.light)
        for axis in (0, 1):
            add_divergence(ahead[axis] * drawn, out, axis + 1)
        size *= self._ahead
        size += 1 - self._ahead
        ahead *= size
        return out

    def _set(self, spectrum: NDArray[Any]) -> None:
        """Set the picture, and the same blurred again, by its spectrum, which is used up."""
        self.reblurred = self._back(spectrum * self._otf)
        self.light = self._back(spectrum)

    def _forward(self, planes: FloatArray) -> NDArray[Any]:
        # One axis after the other, in place: a tenth less than rfft2.
        return np.asarray(fft.fft(fft.rfft(planes, axis=2), axis=1, overwrite_x=True))

    def _back(self, spectrum: NDArray[Any]) -> FloatArray:
        half = fft.ifft(spectrum, axis=1, overwrite_x=True)
        return np.asarray(fft.irfft(half, n=self._shape[1], axis=2), np.float32)


def _around(inner: tuple[slice, ...]) -> list[tuple[slice, ...]]:
    """Return the four parts of (C, H, W) planes about an inner one."""
    rows, columns = inner
    every = slice(None)
    return [
        (every, slice(0, rows.start), every),
        (every, slice(rows.stop, None), every),
        (every, rows, slice(0, columns.start)),
        (every, rows, slice(columns.stop, None)),
    ]
