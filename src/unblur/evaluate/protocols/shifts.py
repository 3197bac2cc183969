"""Scoring up to a shift: a blind result may be shifted with full right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from unblur.checks import check_pair
from unblur.errors import ShapeMismatch

Plane = NDArray[np.float64]

BORDER_PX = 15
STEP_PX = 0.25


@dataclass(frozen=True)
class Aligned:
    """A picture at its best shift.

    Attributes:
        ssd: sum of squared differences that is left.
        moved: (H - 30, W - 30), the picture, shifted and cropped.
        fixed: the other one, cropped.
        shift: (x, y) in px by which the picture was sampled to the right and down.
    """

    ssd: float
    moved: Plane
    fixed: Plane
    shift: tuple[float, float]


def best_shift(moved: Plane, fixed: Plane, *, reach_px: int = 5) -> Aligned:
    """Return a picture at the shift of the least squared difference from another.

    15 px are left out on each side; all shifts of up to ``reach_px`` in steps of 0.25 px are
    tried, sampled bilinearly.

    Args:
        moved, fixed: (H, W), one shape and scale.
        reach_px: below 15.

    Raises:
        ShapeMismatch: the shapes differ, or nothing is left inside.

    Reference:
        Levin, Weiss, Durand, Freeman, Understanding and evaluating blind deconvolution
        algorithms, CVPR 2009, and the function ``comp_upto_shift`` that its authors pass on.
        That tries every shift for itself; here the differences are summed by Fourier transforms,
        which gives the same numbers.
    """
    check_pair(moved, fixed)
    if moved.ndim != 2 or min(moved.shape) <= 2 * BORDER_PX:
        raise ShapeMismatch(f"a search for shifts needs sides above 30 px, got {moved.shape}")
    inside = fixed[BORDER_PX:-BORDER_PX, BORDER_PX:-BORDER_PX]
    edge = BORDER_PX - reach_px
    wide = moved[edge : moved.shape[0] - edge, edge : moved.shape[1] - edge]
    spectrum = np.conj(fft.rfft2(inside, s=wide.shape))
    ones = np.conj(fft.rfft2(np.ones_like(inside), s=wide.shape))
    best = (np.inf, 0.0, 0.0)
    for fy in np.arange(0, 1, STEP_PX):
        for fx in np.arange(0, 1, STEP_PX):
            between = _between(wide, fy, fx)
            rows, columns = (2 * reach_px + (1 if part == 0 else 0) for part in (fy, fx))
            cross = _correlate(between, spectrum)[:rows, :columns]
            energy = _correlate(between**2, ones)[:rows, :columns]
            ssd = energy - 2 * cross
            row, column = divmod(int(ssd.argmin()), ssd.shape[1])
            best = min(best, (float(ssd[row, column]), row + float(fy), column + float(fx)))
    y, x = best[1:]
    at = _between(wide, y % 1, x % 1)[int(y) :, int(x) :]
    aligned = at[: inside.shape[0], : inside.shape[1]]
    ssd_left = float(np.square(aligned - inside).sum())
    return Aligned(ssd_left, aligned, inside, (x - reach_px, y - reach_px))


def _between(plane: Plane, fy: float, fx: float) -> Plane:
    """Return the bilinear samples at (y + fy, x + fx); the last row and column repeat theirs."""
    down = np.concatenate([plane[1:], plane[-1:]])
    rows = (1 - fy) * plane + fy * down
    right = np.concatenate([rows[:, 1:], rows[:, -1:]], axis=1)
    return np.asarray((1 - fx) * rows + fx * right)


def _correlate(plane: Plane, conjugated: NDArray[np.complex128]) -> Plane:
    return np.asarray(fft.irfft2(fft.rfft2(plane) * conjugated, s=plane.shape))
