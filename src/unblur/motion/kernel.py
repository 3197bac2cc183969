"""KernelNet at work: windows in, PSFs with what is known of them out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from unblur.blur.psf import Psf
from unblur.color import FloatArray
from unblur.engines.base import Engine
from unblur.motion.features import MotionFeatures, motion_features
from unblur.motion.frequency import GRID
from unblur.motion.guided import guided, unguided
from unblur.motion.psf_estimate import PsfEstimate
from unblur.motion.psf_tools import clean_psf
from unblur.motion.threads import in_threads
from unblur.runtime import ALL_THREADS, Runtime

_BATCH = 8


@dataclass(frozen=True, eq=False)
class Observed:
    """A window with the features of the first estimate, kept for the next ones.

    Attributes:
        window: (H, W) float32 luma, linear light.
        features: of the first estimate.
    """

    window: FloatArray
    features: MotionFeatures


def observe(window: FloatArray) -> Observed:
    """Return a window with its features.

    Args:
        window: (H, W) float32 luma, linear light, sides of 256 to 512 px or so.
    """
    return Observed(window, motion_features(window))


def observe_all(windows: Iterable[FloatArray], *, runtime: Runtime = ALL_THREADS) -> list[Observed]:
    """Return windows with their features, as many at the same time as there are threads."""
    return in_threads(observe, list(windows), runtime=runtime)


def estimate(
    observed: Sequence[Observed],
    engine: Engine,
    *,
    candidates: Sequence[Psf] | None = None,
    runtime: Runtime = ALL_THREADS,
) -> list[PsfEstimate]:
    """Estimate the PSF of each window.

    Args:
        observed: the windows.
        engine: runs KernelNet.
        candidates: PSFs as estimated so far, one a window; at the first estimate there are none.
        runtime: says how many windows are worked on at the same time.
    """
    estimates: list[PsfEstimate] = []
    for start in range(0, len(observed), _BATCH):
        part = observed[start : start + _BATCH]
        maps = [unguided(s.features.maps) for s in part]
        if candidates is not None:
            known = (np.asarray(a.embedded(GRID), np.float32) for a in candidates[start:])
            shown = list(zip(maps, part, known, strict=False))
            maps = in_threads(lambda of: guided(of[0], of[1].window, of[2]), shown, runtime=runtime)
        psfs, summaries = engine(np.stack(maps), np.stack([s.features.pooled for s in part]))
        found = zip(psfs, summaries, (s.features for s in part), strict=True)
        estimates += [_estimate(*item) for item in found]
    return estimates


def estimate_psfs(
    windows: Sequence[FloatArray],
    engine: Engine,
    *,
    rounds: int = 1,
    runtime: Runtime = ALL_THREADS,
) -> list[PsfEstimate]:
    """Estimate the PSF of each window by itself, each time with the PSF of the estimate before.

    Args:
        windows: see :func:`observe`.
        engine: runs KernelNet.
        rounds: estimates in turn.
        runtime: says how many windows are worked on at the same time.
    """
    observed = observe_all(windows, runtime=runtime)
    estimates = estimate(observed, engine, runtime=runtime)
    for _ in range(rounds - 1):
        estimates = estimate(
            observed, engine, candidates=[e.psf for e in estimates], runtime=runtime
        )
    return estimates


def _estimate(grid: FloatArray, summary: FloatArray, features: MotionFeatures) -> PsfEstimate:
    return PsfEstimate(
        psf=clean_psf(grid),
        confidence=sigmoid(summary[1]),
        blur_probability=sigmoid(summary[0]),
        noise=features.noise,
        detail=float(features.pooled.mean()),
    )


def sigmoid(x: float) -> float:
    """Return the probability of a logit."""
    return float(1 / (1 + np.exp(-np.clip(x, -30, 30))))
