"""Where a picture comes to lie that is restored with another PSF than its own.

A blurry photo does not tell where it lay before: it is explained as well by a PSF moved one way
and a sharp photo moved the other. A PSF that misses the faint end of a long motion has its
centroid elsewhere, and what is restored with it lies beside the sharp photo, by a pixel or more.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from unblur.blur.psf import Psf
from unblur.color import FloatArray

Offset = tuple[float, float]
"""(dy, dx) in px, down and right."""

_STEPS = 8
"""Parts of a pixel that offsets are told in."""
_SOFT_PX = 0.7
_LEAST_PX = 0.5 / _STEPS
_FRAME_PX = 24


def restored_offset(used: Psf, true: Psf) -> Offset:
    """Return by how much a picture restored with a PSF lies beside the sharp one.

    Args:
        used: the PSF it is restored with.
        true: the PSF that blurred it.

    Returns:
        Of the best match of both, which are softened a little, to an eighth of a pixel: where
        ``true`` lies beside ``used``.
    """
    side = 2 * (max(*used.shape, *true.shape) // 2 + _FRAME_PX // 2)
    spectra = [
        np.fft.fft2(ndimage.gaussian_filter(grid, _SOFT_PX, mode="constant"))
        for grid in (psf.embedded(side).astype(np.float64) for psf in (used, true))
    ]
    match = np.fft.ifft2(_enlarged(np.conj(spectra[0]) * spectra[1], _STEPS)).real
    size = match.shape[0]
    peak = np.unravel_index(int(match.argmax()), match.shape)
    dy, dx = ((int(p) + size // 2) % size - size // 2 for p in peak)
    return dy / _STEPS, dx / _STEPS


def moved(image: FloatArray, offset: Offset) -> FloatArray:
    """Return a picture moved by parts of pixels, as crisp as it was.

    Args:
        image: (H, W, C) float32 in [0, 1].
        offset: how far, down and right; what comes in from outside is mirrored.

    Returns:
        (H, W, C) float32 in [0, 1]; the picture itself where it would not move.
    """
    if max(abs(d) for d in offset) < _LEAST_PX:
        return image
    frame = min(_FRAME_PX, *(side - 1 for side in image.shape[:2]))
    wide = np.pad(image, ((frame, frame), (frame, frame), (0, 0)), mode="reflect")
    down = np.fft.fftfreq(wide.shape[0])[:, None, None] * offset[0]
    right = np.fft.rfftfreq(wide.shape[1])[None, :, None] * offset[1]
    spectrum = np.fft.rfft2(wide, axes=(0, 1)) * np.exp(-2j * np.pi * (down + right))
    turned = np.fft.irfft2(spectrum, s=wide.shape[:2], axes=(0, 1))
    return np.asarray(
        np.clip(turned[frame : frame + image.shape[0], frame : frame + image.shape[1]], 0, 1),
        np.float32,
    )


def _enlarged(spectrum: NDArray[np.complex128], factor: int) -> NDArray[np.complex128]:
    """Return the spectrum of the same picture on a grid so many times as fine."""
    side = len(spectrum)
    wide = np.zeros((side * factor, side * factor), np.complex128)
    half = side // 2
    for rows in (slice(0, half), slice(-half, None)):
        for columns in (slice(0, half), slice(-half, None)):
            wide[rows, columns] = spectrum[rows, columns]
    return wide
