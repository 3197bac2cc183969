"""The two paths of the founding idea, literally: one function for each step.

* spatial domain: :func:`high_pass` -> :func:`average_pooling` -> :func:`fully_connected`
* frequency domain: :func:`fourier` -> :func:`low_pass` -> :func:`inverse_fourier`

What the networks see has grown out of them and is computed in one go, in
:mod:`unblur.motion.spatial` and :mod:`unblur.motion.frequency`: there the spatial path is
``pooled_high_pass``, whose fully connected layer is the networks' own, and in the frequency path
it is the *power* spectrum that is low-passed, which turns pictures into maps of the motion. Tests
hold that the steps here, put together, give the same. They are also what ``unblur inspect`` draws.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from unblur.color import FloatArray
from unblur.errors import BadValue, ShapeMismatch
from unblur.motion.spatial import average_pool
from unblur.tapers import ramp_taper


def high_pass(plane: FloatArray, sigma_px: float) -> FloatArray:
    """Return a picture minus its Gaussian average: edges and texture.

    Args:
        plane: (H, W) float32, linear light.
        sigma_px: of the Gaussian, above 0; structure much larger than this is taken away.

    Returns:
        (H, W) float32, of either sign.
    """
    if not sigma_px > 0:
        raise BadValue(f"sigma_px must be above 0, got {sigma_px}")
    return np.asarray(plane - ndimage.gaussian_filter(plane, sigma_px, truncate=2.5))


def average_pooling(plane: FloatArray, cells: int) -> FloatArray:
    """Return the mean magnitude in each cell of an even grid.

    Args:
        plane: (H, W) float32, sides at least ``cells``.
        cells: of the grid, along each side.

    Returns:
        (cells, cells) float32, at least 0.
    """
    if not 1 <= cells <= min(plane.shape):
        raise BadValue(f"cells must be between 1 and {min(plane.shape)}, got {cells}")
    return average_pool(np.abs(plane), cells)


def fully_connected(values: FloatArray, weights: FloatArray, bias: FloatArray) -> FloatArray:
    """Return a layer in which every output hears every input, negative candidates cut off.

    ``out[i] = max(0, bias[i] + sum_j weights[i, j] * values[j])``

    Args:
        values: any shape, read in order, float32.
        weights: (outputs, inputs) float32.
        bias: (outputs,) float32.

    Raises:
        ShapeMismatch: the weights are for another number of inputs or outputs.
    """
    flat = values.ravel()
    if weights.shape != (len(bias), len(flat)):
        raise ShapeMismatch(
            f"weights must be ({len(bias)}, {len(flat)}) for {len(bias)} outputs and "
            f"{len(flat)} inputs, got {weights.shape}"
        )
    return np.asarray(np.maximum(weights @ flat + bias, 0), dtype=np.float32)


def fourier(plane: FloatArray, *, tapered: bool = True) -> NDArray[np.complex64]:
    """Return the Fourier transform of a picture, zero frequency in the middle.

    Args:
        plane: (H, W) float32, linear light.
        tapered: let it fade to its mean at the borders first, or they shine through as a cross.

    Returns:
        (H, W) complex64; zero frequency at ``[H // 2, W // 2]``.
    """
    mean = plane.mean()
    prepared = (plane - mean) * ramp_taper(*plane.shape) + mean if tapered else plane
    return np.asarray(fft.fftshift(fft.fft2(prepared)), dtype=np.complex64)


def low_pass(spectrum: NDArray[Any], cutoff: float) -> NDArray[np.complex64]:
    """Return a spectrum without its high frequencies, a Gaussian deciding.

    Args:
        spectrum: (H, W), zero frequency in the middle.
        cutoff: frequency of which 61 % remains, in cycles per px (0.5 is the finest there is).
    """
    if not cutoff > 0:
        raise BadValue(f"cutoff must be above 0 cycles per px, got {cutoff}")
    wy, wx = (fft.fftshift(fft.fftfreq(side)) for side in spectrum.shape)
    gain = np.exp(-0.5 * (np.square(wy)[:, None] + np.square(wx)) / cutoff**2)
    return np.asarray(spectrum * gain, dtype=np.complex64)


def inverse_fourier(spectrum: NDArray[Any]) -> FloatArray:
    """Return the picture of a spectrum.

    Args:
        spectrum: (H, W), zero frequency in the middle, of a real picture.

    Returns:
        (H, W) float32.
    """
    return np.asarray(fft.ifft2(fft.ifftshift(spectrum)).real, dtype=np.float32)
