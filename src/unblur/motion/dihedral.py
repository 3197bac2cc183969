"""Turned and mirrored samples in kernel space: eight for the price of one.

A mirrored photo has mirrored motion, so its features and its PSF can be had from those of the
photo itself. In a (GRID, GRID) map zero displacement lies at ``[GRID // 2, GRID // 2]``: column
``i`` goes to column ``GRID - i``, and the centre stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unblur.color import FloatArray
from unblur.engines.base import Engine

Arrays = dict[str, NDArray[Any]]

_MIRRORED = ("autocorrelation_falling", "autocorrelation_rising")
_TRANSPOSED = ("autocorrelation_horizontal", "autocorrelation_vertical")


def turned_at_random(batch: Arrays, names: Sequence[str], rng: np.random.Generator) -> Arrays:
    """Return a batch in float32, each sample in one of eight orientations drawn at random.

    Args:
        batch: arrays with one row per sample: ``maps`` (N, C, GRID, GRID), ``pooled``
            (N, 3, 8, 8), ``targets`` as :func:`unblur.training.targets.targets_of` gives them, and
            ``psf`` (N, GRID, GRID) and ``pixels`` (N, 1, H, H), where present; others are not
            touched.
        names: of the first maps; the rest have no twin to swap places with.
        rng: source of randomness.
    """
    out = {key: value.astype(np.float32) for key, value in batch.items()}
    for change in (mirrored, flipped, transposed):
        chosen = rng.random(len(out["maps"])) < 0.5
        out = _of_some(partial(change, names=names), out, chosen)
    return out


def mirrored(batch: Arrays, names: Sequence[str]) -> Arrays:
    """Return a batch mirrored left and right."""
    out = dict(batch)
    maps = np.roll(batch["maps"][..., ::-1], 1, axis=-1)
    out["maps"] = _swapped(maps, [names.index(name) for name in _MIRRORED])
    out["pooled"] = batch["pooled"][..., ::-1]
    out["targets"] = batch["targets"] * np.array([1, 1, 1, -1, 1], np.float32)
    if "psf" in batch:
        out["psf"] = np.roll(batch["psf"][..., ::-1], 1, axis=-1)
    if "pixels" in batch:
        out["pixels"] = batch["pixels"][..., ::-1]
    return out


def transposed(batch: Arrays, names: Sequence[str]) -> Arrays:
    """Return a batch with rows and columns swapped: an angle a becomes -90 - a."""
    out = dict(batch)
    maps = batch["maps"].swapaxes(-1, -2)
    out["maps"] = _swapped(maps, [names.index(name) for name in _TRANSPOSED])
    out["pooled"] = batch["pooled"].swapaxes(-1, -2)
    out["targets"] = batch["targets"] * np.array([1, 1, -1, 1, 1], np.float32)
    if "psf" in batch:
        out["psf"] = batch["psf"].swapaxes(-1, -2)
    if "pixels" in batch:
        out["pixels"] = batch["pixels"].swapaxes(-1, -2)
    return out


def flipped(batch: Arrays, names: Sequence[str]) -> Arrays:
    """Return a batch mirrored top and bottom."""
    return transposed(mirrored(transposed(batch, names), names), names)


def self_ensemble(
    engine: Engine, maps: FloatArray, pooled: FloatArray, names: Sequence[str]
) -> tuple[FloatArray, float]:
    """Return a network's PSF of a window, the mean of what it says in all eight orientations.

    What it says wrongly differs from one to the next, what it sees does not.

    Args:
        engine: runs the network.
        maps: (C, GRID, GRID) float32 of one window.
        pooled: (3, 8, 8) float32 of it.
        names: of the first maps, as for :func:`turned_at_random`.

    Returns:
        (GRID, GRID) float32, and the mean logit of its confidence.
    """
    upright = {"maps": maps[None], "pooled": pooled[None], "targets": np.zeros((1, 5), np.float32)}
    turns = list(product((False, True), repeat=3))
    turned = [_turned(upright, names, turn) for turn in turns]
    psfs, summaries = engine(
        *(np.concatenate([t[key] for t in turned]) for key in ("maps", "pooled"))
    )
    back = [_turned_back(psf, turn) for psf, turn in zip(psfs, turns, strict=True)]
    return np.asarray(np.mean(back, axis=0), np.float32), float(np.mean(summaries[:, 1]))


def _turned(batch: Arrays, names: Sequence[str], turn: tuple[bool, ...]) -> Arrays:
    for change, wanted in zip((mirrored, flipped, transposed), turn, strict=True):
        batch = change(batch, names) if wanted else batch
    return batch


def _turned_back(psf: FloatArray, turn: tuple[bool, ...]) -> FloatArray:
    mirror, flip, transpose = turn
    psf = psf.T if transpose else psf
    psf = np.roll(psf[::-1], 1, axis=0) if flip else psf
    return np.roll(psf[:, ::-1], 1, axis=1) if mirror else psf


def _of_some(
    change: Callable[[Arrays], Arrays], batch: Arrays, chosen: NDArray[np.bool_]
) -> Arrays:
    changed = change({key: value[chosen] for key, value in batch.items()})
    out = {key: value.copy() for key, value in batch.items()}
    for key, value in changed.items():
        out[key][chosen] = value
    return out


def _swapped(maps: NDArray[np.float32], pair: list[int]) -> NDArray[np.float32]:
    out = maps.copy()
    out[:, pair] = maps[:, pair[::-1]]
    return out
