"""Several candidates for how a window moved, and what they amount to.

Each candidate is asked what it *costs*: how far the few-edges picture that it implies is from the
photo, plus the price of its edges. Aligned, and the cheap ones counting most, their mean keeps what
they share, and what only one has made up fades. FuseNet, shown the candidates, their weights and
KernelNet's maps made with their mean, has the last word.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unblur.blur.psf import Psf
from unblur.color import FloatArray
from unblur.engines.base import Engine
from unblur.motion.dihedral import self_ensemble
from unblur.motion.frequency import GRID
from unblur.motion.guided import KERNEL_MAPS, explanation_energy, guided, shares, unguided
from unblur.motion.kernel import Observed, sigmoid
from unblur.motion.params import FUSION, FusionParams
from unblur.motion.psf_tools import aligned, clean_psf

CANDIDATES = ("estimated", "searched", "searched_after_estimate", "searched_after_search")
"""Candidates that FuseNet is shown, in order; see :mod:`unblur.motion.refinement`."""

_PER_CANDIDATE = ("", "_log", "_weight")

FUSE_MAPS = KERNEL_MAPS + tuple(name + part for name in CANDIDATES for part in _PER_CANDIDATE)
"""All maps that FuseNet reads, in order; those that KernelNet reads are made with the mean."""

MEAN_LOG = KERNEL_MAPS.index("previous_log")
"""Which of them holds the mean's logarithm."""


def weighed(
    window: FloatArray,
    estimated: Psf,
    found: Sequence[Psf],
    trust: Sequence[float] | None = None,
    params: FusionParams = FUSION,
) -> tuple[FloatArray, FloatArray]:
    """Return candidates aligned with each other, and how far each counts.

    Args:
        window: (H, W) float32 luma, linear light.
        estimated: KernelNet's candidate.
        found: other candidates. One that is far shorter than ``estimated`` does not count: a photo
            always explains itself, blur and all, and a search may fall for that.
        trust: how far ``estimated`` and each of ``found`` are to be trusted beforehand; all
            alike if omitted.
        params: of the weights.

    Returns:
        (N, GRID, GRID) float32, ``estimated`` first, and (N,) float32 with sum 1.
    """
    candidates = [estimated, *found]
    grids = _grids(candidates)
    counted = np.array([True, *(not collapsed(psf, estimated, params) for psf in found)])
    weights = counted * np.asarray(trust or np.ones(len(candidates)), np.float32)
    if counted.sum() > 1:  # a single one needs no cost to be counted
        costs = np.array(
            [
                explanation_energy(window, g) if t else np.inf
                for g, t in zip(grids, counted, strict=True)
            ]
        )
        weights = weights * np.exp((1 - costs / max(float(costs.min()), 1e-12)) / params.costly)
    weights = np.asarray(weights / weights.sum(), np.float32)
    return _all_aligned(grids, weights), weights


def least_energy(
    window: FloatArray,
    estimated: Psf,
    found: Sequence[Psf],
    trust: Sequence[float] | None = None,
    params: FusionParams = FUSION,
) -> Psf:
    """Return the mean of candidates, those counting most that explain a window at the least cost.

    Args:
        window, estimated, found, trust, params: as for :func:`weighed`.
    """
    grids, weights = weighed(window, estimated, found, trust, params)
    return clean_psf(np.tensordot(weights, grids, axes=1))


def fusion_maps(
    observed: Observed, estimated: Psf, found: Sequence[Psf], params: FusionParams = FUSION
) -> FloatArray:
    """Return what FuseNet reads of a window and the candidates of CANDIDATES.

    Args:
        observed: the window.
        estimated: KernelNet's candidate.
        found: those of the searches; the last ones may be missing.
        params: of the weights.

    Returns:
        (len(FUSE_MAPS), GRID, GRID) float32.
    """
    grids, weights = weighed(observed.window, estimated, found, params=params)
    mean = np.tensordot(weights, grids, axes=1)
    maps = list(guided(unguided(observed.features.maps), observed.window, mean))
    for grid, weight in zip(grids, weights, strict=True):
        shown = shares(grid) if weight > 0 else np.zeros((2, GRID, GRID), np.float32)
        maps += [*shown, np.full((GRID, GRID), weight, np.float32)]
    missing = len(FUSE_MAPS) - len(maps)
    return np.stack([*maps, *np.zeros((missing, GRID, GRID), np.float32)])


def fuse(
    observed: Observed,
    estimated: Psf,
    found: Sequence[Psf],
    engine: Engine,
    params: FusionParams = FUSION,
) -> tuple[Psf, float]:
    """Return what candidates amount to, and FuseNet's confidence in it, in [0, 1].

    Args:
        observed, estimated, found, params: as for :func:`fusion_maps`.
        engine: runs FuseNet.
    """
    maps = fusion_maps(observed, estimated, found, params)
    grid, logit = self_ensemble(engine, maps, observed.features.pooled, KERNEL_MAPS)
    return clean_psf(grid), sigmoid(logit)


def mean_psf(psfs: Sequence[Psf], weights: NDArray[np.floating[Any]]) -> Psf:
    """Return the weighted mean of PSFs, each aligned with the one that weighs most."""
    share = (weights / weights.sum()).astype(np.float32)
    return clean_psf(np.tensordot(share, _all_aligned(_grids(psfs), weights), axes=1))


def collapsed(psf: Psf, other: Psf, params: FusionParams = FUSION) -> bool:
    """Return whether a candidate is far shorter than another, as one that fell for a point is."""
    return psf.length_px() < params.collapsed * other.length_px()


def _grids(psfs: Sequence[Psf]) -> FloatArray:
    return np.stack([np.asarray(p.embedded(GRID), np.float32) for p in psfs])


def _all_aligned(grids: FloatArray, weights: NDArray[np.floating[Any]]) -> FloatArray:
    """Return maps aligned with the one that weighs most."""
    reference = grids[int(np.argmax(weights))]
    return np.stack([aligned(grid, reference) for grid in grids])
