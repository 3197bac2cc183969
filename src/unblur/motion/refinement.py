"""Looking again: a field's PSFs sharpened by further looks, until they stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from unblur.blur.psf import Psf
from unblur.color import FloatArray
from unblur.engines.base import Engine
from unblur.motion.frequency import GRID
from unblur.motion.kernel import PsfEstimate, Seen, clean_psf, look, see

WIDE = 512
"""Side in px of the windows in which a shared PSF is looked at again: the more the surer."""

MOST_LOOKS = 3
_SETTLED = 0.99
"""Similarity of two answers in turn from which on a further look is not worth its time."""

_MOST_WIDE = 2

WindowReader = Callable[[int, int, int, int], FloatArray]


def look_again(
    seen: Sequence[Seen],
    first: Sequence[PsfEstimate],
    engine: Engine,
    *,
    looks: int = MOST_LOOKS - 1,
) -> list[PsfEstimate]:
    """Sharpen the estimates of windows that moved differently, each by itself.

    Args:
        seen: the windows.
        first: their estimates so far.
        engine: runs KernelNet.
        looks: how many more at most; ends earlier when all estimates have settled.
    """
    estimates = list(first)
    for _ in range(looks):
        before = [e.psf for e in estimates]
        estimates = look(seen, engine, answers=before)
        if min(similarity(a, e.psf) for a, e in zip(before, estimates, strict=True)) > _SETTLED:
            break
    return estimates


def look_again_shared(
    read: WindowReader, shape: tuple[int, int], first: Psf, engine: Engine
) -> tuple[Psf, float, int]:
    """Sharpen the one PSF of a picture that moved alike everywhere.

    Wide windows are looked at with the shared answer; their answers, aligned and weighted by
    how sure each is, are the next one.

    Args:
        read: returns luma (linear light, float32) of the picture's ``[y0:y1, x0:x1]``.
        shape: (H, W) of the picture.
        first: the answer so far.
        engine: runs KernelNet.

    Returns:
        The PSF, its confidence, and the number of further looks taken.
    """
    height, width = (min(WIDE, side) for side in shape)
    seen = [
        see(read(y, x, y + height, x + width))
        for y in _starts(shape[0], height)
        for x in _starts(shape[1], width)
    ]
    psf, confidence, taken, settled = first, 0.0, 0, False
    while taken < MOST_LOOKS - 1 and not settled:
        taken += 1
        estimates = look(seen, engine, answers=[psf] * len(seen))
        trust = np.array([e.confidence for e in estimates]) ** 4 + 1e-6
        confidence = float(np.average([e.confidence for e in estimates], weights=trust))
        before, psf = psf, mean_psf([e.psf for e in estimates], trust)
        settled = similarity(before, psf) > _SETTLED
    return psf, confidence, taken


def mean_psf(psfs: Sequence[Psf], weights: NDArray[np.floating[Any]]) -> Psf:
    """Return the weighted mean of PSFs, each aligned with the one that weighs most."""
    grids = [np.asarray(p.embedded(GRID), np.float32) for p in psfs]
    reference = grids[int(np.argmax(weights))]
    alike = np.stack([aligned(g, reference) for g in grids])
    share = (weights / weights.sum()).astype(np.float32)
    return clean_psf(np.tensordot(share, alike, axes=1))


def aligned(grid: FloatArray, reference: FloatArray) -> FloatArray:
    """Return a (GRID, GRID) map shifted by whole pixels to match the reference best."""
    correlation = fft.irfft2(fft.rfft2(reference) * np.conj(fft.rfft2(grid)), s=grid.shape)
    peak = np.unravel_index(int(np.argmax(correlation)), grid.shape)
    shift = tuple((int(p) + GRID // 2) % GRID - GRID // 2 for p in peak)
    return np.asarray(np.roll(grid, shift, (0, 1)))


def similarity(a: Psf, b: Psf) -> float:
    """Return the cosine similarity of two PSFs where they lie, in [0, 1]."""
    x, y = (np.asarray(p.embedded(GRID), np.float32) for p in (a, b))
    return float((x * y).sum() / max(float(np.linalg.norm(x) * np.linalg.norm(y)), 1e-12))


def _starts(size: int, window: int) -> list[int]:
    count = min(_MOST_WIDE, -(-size // window))
    room = size - window
    # Away from the corners of a large picture, where lenses are soft.
    margin = max(0, room - window) // 4
    return (
        [round(s) for s in np.linspace(margin, room - margin, count)] if count > 1 else [room // 2]
    )
