"""Motion features in the frequency domain: Fourier transform, low-pass, inverse transform.

Blur multiplies the spectrum of a photo by the spectrum of its PSF. Natural textures have a
smooth, nearly isotropic spectrum, so what is left after dividing that out is the PSF's power
spectrum; transformed back it is a small map centred on zero displacement in which the motion
can be seen. Keeping only the middle of that map is a low-pass filter along the spectrum
("liftering"), which averages away the texture's own irregularities.

All maps are (GRID, GRID) float32 with zero displacement at ``[GRID // 2, GRID // 2]``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from unblur.color import FloatArray
from unblur.tapers import ramp_taper

GRID = 64
"""Side in px of the kernel-space maps."""

_DIRECTIONS = ("horizontal", "vertical", "falling", "rising")


def frequency_maps(window: FloatArray) -> dict[str, FloatArray]:
    """Return the maps of one window, by name.

    The steps: taper and Fourier transform; power spectrum, times that of a directional
    derivative (or its logarithm, or its square root); inverse transform and low-pass by
    cropping to GRID.

    * ``autocorrelation_<direction>``: of the derivative across four directions; of motion
      blur it shows the PSF's autocorrelation.
    * ``cepstrum``: inverse transform of the log spectrum; the PSF's zeros become dark spots.
    * ``whitened``: autocorrelation with the square root of the spectrum, which keeps weak
      but telling frequencies.

    Args:
        window: (H, W) float32 luma, linear light, sides >= GRID.

    Returns:
        Six maps; each is divided by its largest magnitude away from the centre, so contrast
        and exposure do not matter.

    Reference:
        Goldstein and Fattal, Blur-kernel estimation from spectral irregularities, ECCV 2012
        (autocorrelation of derivatives); Rom, On the cepstrum of two-dimensional functions,
        IEEE Trans. Inf. Theory 1975.
    """
    height, width = window.shape
    spectrum = fft.rfft2((window - window.mean()) * ramp_taper(height, width))
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    responses = _derivative_responses(height, width)
    maps = {
        f"autocorrelation_{name}": _to_map(power * response, (height, width))
        for name, response in zip(_DIRECTIONS, responses, strict=True)
    }
    gradient = power * (responses[0] + responses[1])
    floor = np.float32(1e-6) * gradient.mean() + np.float32(1e-20)
    cepstrum = _centre(np.log(gradient + floor), (height, width))
    cepstrum[GRID // 2, GRID // 2] = 0  # the mean of the logarithm: exposure, not motion
    maps["cepstrum"] = normalised(cepstrum)
    maps["whitened"] = _to_map(np.sqrt(gradient), (height, width))
    return maps


@lru_cache(maxsize=16)
def _derivative_responses(height: int, width: int) -> tuple[FloatArray, ...]:
    """Squared transfer functions of pixel differences in the four directions."""
    wy = 2 * np.pi * np.fft.fftfreq(height)[:, None]
    wx = 2 * np.pi * np.fft.rfftfreq(width)[None, :]
    return tuple(
        (2 - 2 * np.cos(phase)).astype(np.float32)
        for phase in (wx + 0 * wy, wy + 0 * wx, wx + wy, wx - wy)
    )


def _to_map(half_spectrum: NDArray[Any], shape: tuple[int, int]) -> FloatArray:
    """Inverse transform, low-pass (crop) and normalise."""
    return normalised(_centre(half_spectrum, shape))


def _centre(half_spectrum: NDArray[Any], shape: tuple[int, int]) -> FloatArray:
    return near_origin(half_spectrum, shape, -GRID // 2, GRID // 2)


def normalised(grid: FloatArray) -> FloatArray:
    """Return a map divided by its largest magnitude off the centre, clipped to [-4, 4].

    The centre of most maps is a peak that says nothing of the motion and would hide the rest.
    """
    middle = GRID // 2
    rest = np.abs(grid)
    rest[middle - 1 : middle + 2, middle - 1 : middle + 2] = 0
    scale = max(float(rest.max()), 1e-20)
    return np.asarray(np.clip(grid / np.float32(scale), -4, 4), dtype=np.float32)


def quotient(
    guess: NDArray[Any], observed: NDArray[Any], shape: Sequence[int], floor: float
) -> FloatArray:
    """Return the PSF that best turns guessed gradients into observed ones: least squares.

    Args:
        guess, observed: (2, H, W // 2 + 1) complex, half spectra of the gradients.
        shape: (H, W).
        floor: regularisation, as a share of the mean power of the guess.

    Returns:
        (H, W) float32, periodic, zero displacement at [0, 0]; not cleaned in any way.
    """
    spectrum = quotient_spectrum(guess, observed, floor)
    return np.asarray(fft.irfft2(spectrum, s=shape), dtype=np.float32)


def quotient_spectrum(guess: NDArray[Any], observed: NDArray[Any], floor: float) -> NDArray[Any]:
    """Return the half spectrum of :func:`quotient`."""
    cross: NDArray[Any] = np.conj(guess[0])
    cross *= observed[0]
    cross += np.conj(guess[1]) * observed[1]
    power = (np.square(guess.real) + np.square(guess.imag)).sum(axis=0)
    power += np.float32(floor) * power.mean() + np.float32(1e-12)
    cross *= np.reciprocal(power)
    return cross


def near_origin(
    half_spectrum: NDArray[Any], shape: Sequence[int], first: int, end: int
) -> FloatArray:
    """Return the part of a periodic map that is near its origin, from the map's half spectrum.

    Lines that are not wanted are not transformed: of the second axis of 256 px, and a part of 64,
    three in four.

    Args:
        half_spectrum: (H, W // 2 + 1), real or complex.
        shape: (H, W).
        first, end: displacements along both axes, ``-H <= first < 0 < end <= H``.

    Returns:
        (end - first, end - first) float32.
    """
    columns = fft.ifft(half_spectrum, axis=0)
    lines = fft.irfft(np.concatenate([columns[first:], columns[:end]]), n=shape[1], axis=1)
    return np.asarray(np.concatenate([lines[:, first:], lines[:, :end]], axis=1), np.float32)
