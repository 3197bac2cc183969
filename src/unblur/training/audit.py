"""Who was it trained on? Attacks that guess it from a network's losses, to measure what it tells.

An attack bounds what leaks from below only: that one fails does not prove that none can succeed.
That is what the accountant of :mod:`unblur.training.privacy` is for.

Reference:
    Yeom et al., Privacy risk in machine learning, CSF 2018 (loss threshold); Carlini et al.,
    Membership inference attacks from first principles, S&P 2022 (likelihood ratio).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import nn

from unblur.errors import BadValue
from unblur.training.checkpoint import load_checkpoint
from unblur.training.loop import to_tensors
from unblur.training.records import all_records, fingerprint
from unblur.training.registry import recorded_config, task_of
from unblur.training.shards import Arrays
from unblur.training.task import Task

Floats = NDArray[np.float64]
_SPREAD = 1e-3
"""Smallest standard deviation of a photo's losses; few shadow networks may agree by chance."""


@dataclass(frozen=True)
class Attack:
    """How well an attack tells the photos that were trained on from others.

    Attributes:
        auc: probability that it ranks a photo trained on above another; 0.5 is guessing.
        auc_error: its standard error.
        hits: share of photos trained on that it finds while 5 % of the others are accused.
        members: photos trained on.
        others: photos not trained on.
    """

    auc: float
    auc_error: float
    hits: float
    members: int
    others: int


def attack_from(members: Floats, others: Floats) -> Attack:
    """Rate an attack by its scores: the higher, the surer that a photo was trained on.

    Args:
        members: (M,) scores of photos that were trained on.
        others: (N,) scores of photos that were not.

    Example:
        >>> attack_from(np.array([3.0, 2.0]), np.array([1.0, 0.0])).auc
        1.0

    Reference:
        Hanley and McNeil, The meaning and use of the area under a ROC curve, 1982 (its error).
    """
    m, n = len(members), len(others)
    if min(m, n) < 2:
        raise BadValue(f"an attack is rated on at least 2 photos of each kind, got {m} and {n}")
    auc = float(stats.mannwhitneyu(members, others).statistic / (m * n))
    both_above, both_below = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = (
        auc * (1 - auc) + (m - 1) * (both_above - auc**2) + (n - 1) * (both_below - auc**2)
    ) / (m * n)
    hits = float((members > np.quantile(others, 0.95)).mean())
    return Attack(auc, math.sqrt(max(variance, 0.0)), hits, m, n)


@torch.no_grad()
def photo_losses(task: Task[Any], network: nn.Module, records: list[Arrays]) -> Floats:
    """Return a network's mean loss on each record, not augmented: (number of records,)."""
    network.eval()
    losses = []
    for record in records:
        losses.append(float(task.loss(network, to_tensors(task.as_it_is(record)))[0]))
    network.train()
    return np.array(losses)


def likelihood_ratios(losses: Floats, trained: NDArray[np.bool_]) -> Floats:
    """Score every photo for every network, the other networks being its shadows.

    For each photo, the losses of the shadows that were trained on it and of those that were not
    are taken for normal; the score is the logarithm of how much likelier the first explains the
    network's own loss.

    Args:
        losses: (K, N), of N photos under K networks.
        trained: (K, N), which network was trained on which photo; each photo must be known to
            and unknown to two others of the networks at least.

    Returns:
        (K, N) scores for :func:`attack_from`.
    """
    scores = np.empty_like(losses)
    for k in range(len(losses)):
        shadows = np.arange(len(losses)) != k
        found = []
        for kind in (trained, ~trained):
            seen = np.where(kind[shadows], losses[shadows], np.nan)
            if (kind[shadows].sum(axis=0) < 2).any():
                raise BadValue("every photo must be known and unknown to two shadow networks")
            spread = np.maximum(np.nanstd(seen, axis=0, ddof=1), _SPREAD)
            found.append(stats.norm.logpdf(losses[k], np.nanmean(seen, axis=0), spread))
        scores[k] = found[0] - found[1]
    return scores


def audit_run(run: Path, photos: Path, *, windows: int = 8, workers: int = 0) -> Attack:
    """Attack a run's averaged weights by a threshold on the loss.

    Members are the photos of the split "train"; others are those of the split "test", which
    took no part at all.

    Args:
        run: folder of the run, private or not.
        photos: the folder it was trained on.
        windows: samples per photo; for a private run, those it was trained on.
        workers: processes that make the samples.

    Raises:
        CorruptWeights: there is no readable checkpoint.
        UnreadableImage: a split has no photo.
    """
    state = load_checkpoint(run / "checkpoint.pt")
    config = recorded_config(state["config"], where=str(run))
    task = task_of(config)
    network = task.build()
    network.load_state_dict(state["ema"])
    windows = int(state.get("privacy", {}).get("windows", windows))
    folder = run / "records" / fingerprint(config, windows)
    scores = []
    for split in ("train", "test"):
        records = all_records(
            task.samples(photos, split),
            photos,
            folder,
            seed=config.seed,
            windows=windows,
            workers=workers,
        )
        scores.append(-photo_losses(task, network, list(records.values())))
    return attack_from(*scores)
