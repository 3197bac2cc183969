"""Where candidates for one PSF come from: KernelNet's further estimates, and searches.

:mod:`unblur.motion.refinement` asks for them and chooses.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unblur.blocks import halve
from unblur.blur.psf import Psf
from unblur.color import FloatArray
from unblur.engines.base import Engine
from unblur.motion.coarse_to_fine import SearchParams, estimate_psf_map
from unblur.motion.frequency import GRID
from unblur.motion.fusion import mean_psf
from unblur.motion.kernel import Observed, estimate, observe
from unblur.motion.params import REFINE, RefineParams
from unblur.motion.psf_tools import similarity
from unblur.motion.pyramid import LumaReader
from unblur.motion.threads import in_threads
from unblur.motion.windows import span, structure
from unblur.runtime import ALL_THREADS, Runtime

FUSED_SEARCH = SearchParams(faint=(0.08, 0.08))
"""The search whose candidates FuseNet was trained on."""


def estimate_shared(
    observed: Sequence[Observed],
    first: Psf,
    engine: Engine,
    *,
    params: RefineParams = REFINE,
    runtime: Runtime = ALL_THREADS,
) -> tuple[Psf, float, int]:
    """Let KernelNet estimate again wide windows that share one PSF.

    Their PSFs, aligned and weighted by how sure each is, are the next shared one, until it stays
    as it is.

    Returns:
        The PSF, its confidence, and the number of estimates taken.
    """
    psf, confidence, taken, settled = first, 0.0, 0, False
    while taken < params.rounds - 1 and not settled:
        taken += 1
        estimates = estimate(observed, engine, candidates=[psf] * len(observed), runtime=runtime)
        trust = np.array([e.confidence for e in estimates]) ** params.trust_power + 1e-6
        confidence = float(np.average([e.confidence for e in estimates], weights=trust))
        before, psf = psf, mean_psf([e.psf for e in estimates], trust)
        settled = similarity(before, psf) > params.settled
    return psf, confidence, taken


def searched(
    read: LumaReader,
    shape: tuple[int, int],
    part: FloatArray,
    middle: tuple[int, int],
    engine: Engine,
    *,
    params: RefineParams = REFINE,
    runtime: Runtime = ALL_THREADS,
) -> list[Psf]:
    """Return what searches find in a part of a picture.

    Args:
        read, shape, engine: see :func:`unblur.motion.refinement.refine_shared`.
        part: (H, W) float32 luma of the part.
        middle: its middle (y, x).
        params: how far KernelNet estimates.
        runtime: says how many searches are worked on at the same time.

    Returns:
        The candidates of a search begun with nothing and, if half of the picture is large enough,
        of those begun with what KernelNet and a search make of it.
    """
    starts = [None, *_halved_candidates(read, shape, middle, engine, params)]
    return in_threads(
        lambda start: estimate_psf_map(part, initial=start, params=FUSED_SEARCH),
        starts,
        runtime=runtime,
    )


def _halved_candidates(
    read: LumaReader,
    shape: tuple[int, int],
    middle: tuple[int, int],
    engine: Engine,
    params: RefineParams,
) -> list[Psf]:
    """Return what KernelNet, and the search begun with it, make of a picture of half the size.

    Args:
        read, shape, engine: see :func:`unblur.motion.refinement.refine_shared`.
        middle: (y, x) around which the picture is read.

    Returns:
        PSFs in px of the picture itself; none if half of it is too small to be estimated from.
    """
    if not params.halved:
        return []
    half = half_size(read, shape, middle, params)
    if min(half.shape) < 2 * GRID:
        return []
    observed = [observe(half)]
    first = estimate(observed, engine)[0].psf
    estimated, _, _ = estimate_shared(observed, first, engine, params=params)
    return [
        estimated.scaled(2.0),
        estimate_psf_map(half, initial=estimated, params=FUSED_SEARCH).scaled(2.0),
    ]


def wide_windows(
    read: LumaReader, shape: tuple[int, int], params: RefineParams
) -> list[tuple[FloatArray, tuple[int, int]]]:
    """Return the wide windows of a picture that show most, that which shows most first.

    Args:
        read, shape: see :func:`unblur.motion.refinement.refine_shared`.
        params: how large, and how many.

    Returns:
        Luma of each, and its middle (y, x).
    """
    height, width = (min(params.wide_px, side) for side in shape)
    rows, columns = (_starts(size, side) for size, side in zip(shape, (height, width), strict=True))
    places = [(y, x) for y in rows for x in columns]
    windows = [
        (read(y, x, y + height, x + width), (y + height // 2, x + width // 2)) for y, x in places
    ]
    return sorted(windows, key=lambda window: -structure(window[0]))[: params.most_wide]


def _starts(size: int, window: int) -> list[int]:
    room = size - window
    if room == 0:
        return [0]
    # Away from the corners of a large picture, where lenses are soft.
    margin = max(0, room - window) // 4
    return [margin, room - margin]


def half_size(
    read: LumaReader, shape: tuple[int, int], middle: tuple[int, int], params: RefineParams
) -> FloatArray:
    """Return luma of a picture, or of twice a wide window about a place of it, at half its size."""
    side = 2 * params.wide_px
    (y0, y1), (x0, x1) = (span(m, size, side) for m, size in zip(middle, shape, strict=True))
    return halve(read(y0, x0, y1, x1))
