"""Does the motion change steadily over a photo, as where the camera rolled?

Where all windows' PSFs are alike, one that all share is known best, since four times the area is
looked at. Where the camera rolled about the optical axis each place moved a little differently from
the next, and a shared PSF is right only in the middle. Two tests tell: windows far from each other
are less alike than near ones; and a window is explained better by what its neighbours have found
than by what all share. Mere mistakes of the windows pass the first now and then, not both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unblur.blur.psf import Psf
from unblur.color import FloatArray
from unblur.motion.frequency import GRID
from unblur.motion.guided import explanation_energy
from unblur.motion.params import ROLL, RollParams


def falls_with_distance(
    alike: NDArray[Any], apart: NDArray[Any], params: RollParams = ROLL
) -> bool:
    """Return whether windows far from each other are less alike than near ones.

    Args:
        alike: (N, N) similarities of the windows' PSFs.
        apart: (N, N) squares of the distances between their middles.
        params: from what fall and trend on.
    """
    pairs = np.triu_indices(len(alike), 1)
    similarities, distances = alike[pairs], np.sqrt(apart[pairs])
    third = len(distances) // 3
    if third < 2 or distances.min() == distances.max():
        return False
    order = np.argsort(distances, kind="stable")
    fall = similarities[order[:third]].mean() - similarities[order[-third:]].mean()
    return bool(fall >= params.fall and np.corrcoef(similarities, distances)[0, 1] < params.trend)


def neighbours_explain_better(
    windows: Sequence[FloatArray],
    psfs: Sequence[Psf],
    shared: Psf,
    places: NDArray[Any],
    weights: NDArray[Any],
    params: RollParams = ROLL,
) -> bool:
    """Return whether windows are explained better by their neighbours' PSFs than by a shared one.

    A window's own PSF would not do as evidence: it was found by explaining just this window.

    Args:
        windows: (H, W) float32 luma each.
        psfs: what was found in each.
        shared: what was found in all together.
        places: (N, 2) middles of the windows.
        weights: (N,) how much each counts.
        params: how much better.
    """
    grids = [np.asarray(psf.embedded(GRID), np.float32) for psf in psfs]
    common = np.asarray(shared.embedded(GRID), np.float32)
    gains = []
    for number, window in enumerate(windows):
        apart = np.abs(places - places[number]).sum(axis=1, dtype=np.float64)
        apart[number] = np.inf
        nearest = np.argsort(apart, kind="stable")[:2]
        theirs = explanation_energy(window, np.mean([grids[i] for i in nearest], axis=0))
        ours = explanation_energy(window, common)
        gains.append(np.log(max(ours, 1e-12) / max(theirs, 1e-12)))
    return bool(np.average(gains, weights=weights) > params.better)
