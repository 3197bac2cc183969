"""The periodic canvas on which images are deconvolved: borders without jumps, derivatives."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from unblur.color import FloatArray


def border_width(psf_side: int) -> int:
    """Return how many pixels to invent beyond each border for a PSF of this side."""
    return psf_side // 2 + 4


def extend_smoothly(image: FloatArray, pad_y: int, pad_x: int) -> FloatArray:
    """Return the image on a larger, periodic canvas without jumps.

    The image is mirrored outwards and the mirrored part is blended into the opposite side's,
    so that opposite borders meet: a discrete Fourier transform sees no edge there, and
    deconvolution does not ring from the frame.

    Args:
        image: (H, W, C) float32.
        pad_y, pad_x: pixels added at least on each side; more may be added at the end, to
            reach a size that is fast to transform.

    Returns:
        Larger image; the original starts at [pad_y, pad_x].
    """
    rows = fft.next_fast_len(image.shape[0] + 2 * pad_y, real=True)
    columns = fft.next_fast_len(image.shape[1] + 2 * pad_x, real=True)
    tall = _extend_axis(image, pad_y, rows, axis=0)
    return _extend_axis(tall, pad_x, columns, axis=1)


def _extend_axis(image: FloatArray, pad: int, total: int, *, axis: int) -> FloatArray:
    size = image.shape[axis]
    gap = total - size  # pixels invented between the end and the (periodic) start
    if gap <= 0:
        return image
    steps = np.arange(1, gap + 1)
    after = np.take(image, _mirror_index(size - 1 + steps, size), axis=axis)
    before = np.take(image, _mirror_index(steps - gap - 1, size), axis=axis)
    weight = (0.5 - 0.5 * np.cos(np.pi * steps / (gap + 1))).astype(np.float32)
    shape = [1] * image.ndim
    shape[axis] = gap
    weight = weight.reshape(shape)
    bridge = after * (1 - weight) + before * weight
    start = [slice(None)] * image.ndim
    rest = [slice(None)] * image.ndim
    start[axis], rest[axis] = slice(gap - pad, gap), slice(0, gap - pad)
    return np.concatenate([bridge[tuple(start)], image, bridge[tuple(rest)]], axis=axis)


def _mirror_index(index: NDArray[Any], size: int) -> NDArray[Any]:
    """Map any index into [0, size) by mirroring at the borders, the edge pixel repeated."""
    folded = np.mod(index, 2 * size)
    return np.asarray(np.minimum(folded, 2 * size - 1 - folded))


@lru_cache(maxsize=8)
def slope_response(shape: tuple[int, int]) -> FloatArray:
    """Return the power response of both differences, above 0 everywhere.

    The (H, W // 2 + 1) array is shared between calls; do not write to it.
    """
    # The small constant stands for |x|^2 and keeps the lowest frequencies defined.
    return slope_power(shape) + np.float32(1e-3)


@lru_cache(maxsize=8)
def slope_power(shape: tuple[int, int]) -> FloatArray:
    """Return the power response of both periodic differences on a half-plane grid.

    The (H, W // 2 + 1) array is shared between calls; do not write to it.
    """
    wy = 2 * np.pi * np.fft.fftfreq(shape[0])[:, None]
    wx = 2 * np.pi * np.fft.rfftfreq(shape[1])[None, :]
    return np.asarray(4 - 2 * np.cos(wy) - 2 * np.cos(wx), dtype=np.float32)
