"""Motion features in the spatial domain: high-pass, pooling, closed-form quotients.

Spectra do not tell a PSF from its mirror image: the phase is lost. Edges bring it back. A
shock filter guesses where the sharp edges were; the PSF that best turns the guessed gradients
``X`` into the observed ones ``Y`` is, in closed form and pooled over the whole window,

    quotient = F^-1 [ sum_j conj(F X_j) F Y_j / (sum_j |F X_j|^2 + beta) ],   j = x, y.

Done at several scales (a strong blur is mild on a small picture) and for two amounts of edges.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from unblur.blocks import halve
from unblur.color import FloatArray
from unblur.motion.frequency import GRID, near_origin, normalised, quotient_spectrum
from unblur.tapers import ramp_taper

SCALES = (1, 2, 4)
EDGE_SHARES = (0.25, 0.06)

_FLOOR = 0.05
"""Regularisation of the quotients, as a share of the mean power of the guess."""
POOLED_GRID = 8

_SATURATED, _PAPER = 0.98, 0.5


def pooled_high_pass(window: FloatArray) -> FloatArray:
    """Return how much fine, medium and coarse detail each part of a window has.

    The spatial features of the founding idea, step by step: high-pass filter (the window
    minus its Gaussian average), magnitude, average pooling. A fully connected layer of the
    network reads them.

    Args:
        window: (H, W) float32 luma, linear light.

    Returns:
        (3, POOLED_GRID, POOLED_GRID) float32: logarithm of the pooled magnitude for Gaussian
        sigmas of 1, 2 and 4 px, relative to the mean brightness.
    """
    level = max(float(window.mean()), 1e-4)
    pooled = []
    for sigma in (1.0, 2.0, 4.0):
        high = np.abs(window - ndimage.gaussian_filter(window, sigma, truncate=2.5))
        pooled.append(np.log10(average_pool(high, POOLED_GRID) / level + 1e-4))
    return np.stack(pooled).astype(np.float32)


def average_pool(image: FloatArray, cells: int) -> FloatArray:
    """Return the mean over an even (cells, cells) grid of a (H, W) image."""
    rows = np.linspace(0, image.shape[0], cells + 1).astype(int)
    columns = np.linspace(0, image.shape[1], cells + 1).astype(int)
    sums = np.add.reduceat(np.add.reduceat(image, rows[:-1], axis=0), columns[:-1], axis=1)
    return np.asarray(sums / np.outer(np.diff(rows), np.diff(columns)), dtype=np.float32)


def quotient_maps(
    window: FloatArray,
    *,
    guess: FloatArray | None = None,
    scales: tuple[int, ...] = SCALES,
) -> dict[str, FloatArray]:
    """Return closed-form PSF guesses of one window, by name.

    Args:
        window: (H, W) float32 luma, linear light, sides >= 4 * GRID // 2.
        guess: picture of the same shape whose steep edges are taken for the sharp ones; the
            window itself if omitted.
        scales: powers of two, increasing, at which it is done.

    Returns:
        ``quotient_<scale>_<percent of edges>``: (GRID, GRID) float32, zero displacement in
        the middle, scaled as :func:`unblur.motion.frequency.normalised` does.

    Reference:
        Cho and Lee, Fast motion deblurring, ACM TOG 2009, doi:10.1145/1618452.1618491
        (predicted edges); Osher and Rudin, Feature-oriented image enhancement using shock
        filters, SIAM J. Numer. Anal. 1990 (shock filter).
    """
    maps = {}
    small, source, now = window, window if guess is None else guess, 1
    for scale in scales:
        while now < scale:
            small, source, now = halve(small), halve(source), 2 * now
        observed = _transform(gradients(small))
        edges = gradients(shock_filter(source))
        magnitude = np.square(edges).sum(axis=0)
        for share in EDGE_SHARES:
            kept = edges * (magnitude >= _upper(magnitude, share))
            name = f"quotient_{scale}_{round(100 * share)}"
            found = quotient_spectrum(_transform(kept), observed, _FLOOR)
            reach = _reach(scale)
            maps[name] = _to_grid(near_origin(found, small.shape, -reach, reach + 1), scale)
    return maps


def shock_filter(image: FloatArray, *, steps: int = 5, step_size: float = 0.4) -> FloatArray:
    """Return the image with its smooth ramps steepened into edges.

    ``dI/dt = -sign(Laplacian I) * |grad I|`` on a slightly smoothed image.

    Args:
        image: (H, W) float32.
        steps: number of explicit steps.
        step_size: length of one, in px.
    """
    smooth = ndimage.gaussian_filter(image, 1.0, truncate=2.5)
    height, width = image.shape
    framed = np.empty((height + 2, width + 2), np.float32)
    current = framed[1:-1, 1:-1]
    current[...] = smooth
    for _ in range(steps):
        framed[0], framed[-1] = framed[1], framed[-2]
        framed[:, 0], framed[:, -1] = framed[:, 1], framed[:, -2]
        laplacian = framed[1:-1, :-2] + framed[1:-1, 2:]
        laplacian += framed[:-2, 1:-1]
        laplacian += framed[2:, 1:-1]
        laplacian -= 4 * current
        across = framed[1:-1, 1:] - framed[1:-1, :-1]
        down = framed[1:, 1:-1] - framed[:-1, 1:-1]
        # One-sided slopes, the smaller in magnitude: nothing overshoots its neighbours.
        slope = _minmod(across[:, :-1], across[:, 1:])
        slope *= slope
        fall = _minmod(down[:-1], down[1:])
        fall *= fall
        slope += fall
        np.sqrt(slope, out=slope)
        slope *= np.sign(laplacian, out=laplacian)
        slope *= np.float32(step_size)
        current -= slope
    return np.ascontiguousarray(current)


def _minmod(a: FloatArray, b: FloatArray) -> FloatArray:
    """The smaller of two slopes in magnitude, 0 where they disagree in sign."""
    low, high = np.minimum(a, b), np.maximum(a, b)
    np.maximum(low, 0, out=low)
    np.minimum(high, 0, out=high)
    low += high
    return low


def saturated_mask(luma: FloatArray, *, around: int = 2) -> NDArray[np.bool_]:
    """Return where a picture is too bright to tell how bright, and the pixels around.

    Where most of it is as bright as can be, that is paper, which is no brighter than it looks:
    nowhere.

    Args:
        luma: (H, W) float32 in [0, 1], linear light.
        around: px about them that demosaicing and compression have drawn from them.
    """
    bright = luma > _SATURATED
    if bright.mean() > _PAPER:
        return np.zeros_like(bright)
    return np.asarray(ndimage.binary_dilation(bright, iterations=around))


def gradients(image: FloatArray) -> FloatArray:
    """Return (2, H, W) forward differences along x and y; the last column and row are 0."""
    out = np.zeros((2, *image.shape), np.float32)
    out[0, :, :-1] = image[:, 1:] - image[:, :-1]
    out[1, :-1, :] = image[1:, :] - image[:-1, :]
    return out


def _upper(values: FloatArray, share: float) -> float:
    """The value that this share of the values exceeds, from every third row (fast, steady)."""
    sample = values[::3].ravel()
    kept = max(1, int(sample.size * share))
    return float(np.partition(sample, sample.size - kept)[sample.size - kept])


def _transform(planes: FloatArray) -> NDArray[Any]:
    tapered = planes * ramp_taper(*planes.shape[1:])
    return np.asarray(fft.rfft2(tapered, axes=(1, 2)))


def _reach(scale: int) -> int:
    """Return how many px about the origin of a PSF map at a scale fill the grid of scale 1."""
    return GRID // 2 // scale + 1


def _to_grid(middle: FloatArray, scale: int) -> FloatArray:
    """Bring the middle of a PSF map at a scale to the grid of scale 1 and normalise it."""
    if scale == 1:
        return normalised(middle[1:-2, 1:-2])
    weights = _enlarging(scale, _reach(scale))
    return normalised(np.asarray(weights @ middle @ weights.T, dtype=np.float32))


@lru_cache(maxsize=4)
def _enlarging(scale: int, half: int) -> FloatArray:
    """(GRID, 2 half + 1) matrix of linear interpolation between displacements."""
    position = np.arange(-GRID // 2, GRID // 2) / scale
    nodes = np.arange(-half, half + 1)
    return np.asarray(np.maximum(0, 1 - np.abs(position[:, None] - nodes)), dtype=np.float32)
