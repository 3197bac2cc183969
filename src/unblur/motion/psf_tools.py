"""Tools for PSFs on the kernel grid: cleaning, aligning, comparing, transforming.

Thresholds are arguments: what is faint or small depends on who made the PSF.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from unblur.blur.psf import Psf
from unblur.color import FloatArray
from unblur.motion.frequency import GRID

FAINT = 0.03
"""Values of a network's PSF below this share of its peak are noise of the estimate."""

_DIM_PX = 2.0
"""Gaussian through which PSFs are compared that may differ in detail."""

_SOFT_PX = 1.5
"""Gaussian through which the windows' PSFs are compared."""


def without_faint(grid: NDArray[Any], share: float) -> NDArray[Any]:
    """Return a grid without the values below a share of its peak.

    Args:
        grid: any shape, real.
        share: of the largest value, in [0, 1].
    """
    return np.where(grid >= share * grid.max(), grid, 0)


def without_specks(grid: NDArray[Any], share: float, *, of_all: bool) -> NDArray[Any]:
    """Return a grid without its small separate parts; the largest stays.

    Args:
        grid: (H, W), at least 0, not all 0.
        share: what a part must hold at least to stay.
        of_all: of the whole sum; otherwise of the largest part's.
    """
    parts, count = ndimage.label(grid > 0, np.ones((3, 3)))
    sums = ndimage.sum_labels(grid, parts, np.arange(count + 1))
    if of_all:
        shares = sums / grid.sum()
        shares[int(np.argmax(shares))] = 1  # many specks and nothing else: the largest stays
        return np.where(shares[parts] >= share, grid, 0)
    return np.where(sums[parts] >= share * sums.max(), grid, 0)


def clean_grid(grid: NDArray[Any], faint: float, speck: float) -> NDArray[Any]:
    """Return a PSF's map without what is faint, and without specks.

    Args:
        grid: (H, W), at least 0, not all 0.
        faint: values below this share of the peak are dropped.
        speck: separate parts with less than this share of the sum are dropped, but the largest.
    """
    return without_specks(without_faint(grid, faint), speck, of_all=True)


def clean_psf(grid: FloatArray, *, centre: bool = True, faint: float = FAINT) -> Psf:
    """Return the PSF of a raw estimate: faint values dropped, centred, margins cropped.

    Args:
        grid: (GRID, GRID) float32, zero displacement at [GRID // 2, GRID // 2].
        centre: move the centroid to the centre pixel.
        faint: share of the peak below which values are dropped.
    """
    kept = without_faint(grid, faint)
    psf = Psf(kept[1:, 1:])  # odd sides; the centre pixel stays the same
    return (psf.centred() if centre else psf).cropped()


def aligned(grid: FloatArray, reference: FloatArray) -> FloatArray:
    """Return a (GRID, GRID) map shifted by whole pixels to match the reference best."""
    correlation = fft.irfft2(fft.rfft2(reference) * np.conj(fft.rfft2(grid)), s=grid.shape)
    peak = np.unravel_index(int(np.argmax(correlation)), grid.shape)
    shift = tuple((int(p) + GRID // 2) % GRID - GRID // 2 for p in peak)
    return np.asarray(np.roll(grid, shift, (0, 1)))


def matched(psf: Psf, reference: Psf) -> Psf:
    """Return a PSF shifted by whole pixels to match another one best.

    A PSF is known up to a shift only. Pictures that are restored with two of them match where the
    PSFs do.
    """
    side = max(*psf.shape, *reference.shape)
    x, y = (p.embedded(side) for p in (psf, reference))
    size = [fft.next_fast_len(2 * side, real=True)] * 2
    match = fft.irfft2(np.conj(fft.rfft2(x, s=size)) * fft.rfft2(y, s=size), s=size)
    peak = np.unravel_index(int(np.argmax(match)), match.shape)
    dy, dx = ((int(p) + side) % size[0] - side for p in peak)
    return psf if dx == dy == 0 else psf.shifted(dx, dy)


def similarity(a: Psf, b: Psf) -> float:
    """Return the cosine similarity of two PSFs where they lie, in [0, 1]."""

    x, y = (np.asarray(p.embedded(GRID), np.float32) for p in (a, b))
    return float((x * y).sum() / max(float(np.linalg.norm(x) * np.linalg.norm(y)), 1e-12))


def likeness(a: Psf, b: Psf) -> float:
    """Return the cosine similarity in [0, 1] of two PSFs seen dimly, where they match best."""
    side = max(*a.shape, *b.shape)
    x, y = (ndimage.gaussian_filter(p.embedded(side), _DIM_PX, mode="constant") for p in (a, b))
    size = [fft.next_fast_len(2 * side, real=True)] * 2
    match = fft.irfft2(np.conj(fft.rfft2(x, s=size)) * fft.rfft2(y, s=size), s=size)
    return float(match.max() / max(float(np.linalg.norm(x) * np.linalg.norm(y)), 1e-12))


def likenesses(grids: list[FloatArray]) -> NDArray[np.float64]:
    """Return the likenesses of all pairs of (GRID, GRID) grids, (N, N), each where it is best."""
    unit = [grid / np.sqrt(np.square(grid).sum()) for grid in grids]
    spectra = [fft.rfft2(grid, s=(2 * GRID, 2 * GRID)) for grid in unit]
    alike = np.eye(len(grids))
    for i, a in enumerate(spectra):
        for j, b in enumerate(spectra[:i]):
            alike[i, j] = alike[j, i] = fft.irfft2(a * np.conj(b)).max()
    return alike


def similarities(grids: FloatArray) -> FloatArray:
    """Return the similarities of all pairs of (N, GRID, GRID) grids, slightly blurred, (N, N)."""
    frequency = np.fft.fftfreq(GRID)
    gain = np.exp(-2 * (np.pi * _SOFT_PX) ** 2 * frequency**2)
    soft = fft.ifft2(fft.fft2(grids) * gain[:, None] * gain).real.reshape(len(grids), -1)
    norm = np.linalg.norm(soft, axis=1, keepdims=True)
    flat = np.asarray(soft / np.maximum(norm, 1e-12), dtype=np.float32)
    return flat @ flat.T


def grid_otf(psf: FloatArray, shape: tuple[int, int]) -> NDArray[Any]:
    """Return the half spectrum of a (GRID, GRID) PSF for pictures of a shape."""
    canvas = np.zeros(shape, np.float32)
    canvas[:GRID, :GRID] = psf / max(float(psf.sum()), 1e-12)
    return np.asarray(fft.rfft2(np.roll(canvas, (-(GRID // 2), -(GRID // 2)), (0, 1))))
