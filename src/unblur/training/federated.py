"""Training across machines that keep their photos: one client's share, and how shares are joined.

Only weights travel: the server sends its network, each client trains it for some steps on its own
photos and returns by how much the weights moved. Nothing here knows the engine that carries it;
that is :mod:`unblur.training.flower`.

What a client says is not believed. An update that is not finite or of another shape is dropped; one
that is too long is shortened; a client's number of photos counts up to a limit; and the mean
leaves out the largest and smallest values of each weight, so that a few liars move it little.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from unblur.errors import BadValue
from unblur.training.config import TrainConfig
from unblur.training.loop import to_tensors
from unblur.training.registry import task_of
from unblur.training.shards import Arrays, SampleMaker, ShardSource, batches, shard_of_visit
from unblur.training.windows import WindowSamples

log = logging.getLogger(__name__)

Vector = NDArray[np.float32]
"""All weights of a network, or by how much they moved, one after the other."""


@dataclass(frozen=True)
class Federation:
    """What the server asks of the clients, and how it joins what they return.

    Attributes:
        rounds: times that the network goes out and comes back.
        local_steps: optimiser steps that a client makes each time.
        clients: fewest clients that make a round.
        combine: how updates are joined: "mean" weighs by photos and is moved by any liar, up to
            ``max_norm``; "trimmed" drops the largest and smallest values of each weight;
            "median" takes the middle one.
        trim: share of the clients whose values are dropped at each end.
        max_norm: length that an update is shortened to.
        max_weight: photos up to which a client counts more than others.
        secure: the server sees the sum of the updates only (SecAgg+).
        timeout_s: how long a client may take for a round.
        tolerance: a round is undone if the loss on the server's own public photos rises by more
            than this share.
    """

    rounds: int = 20
    local_steps: int = 20
    clients: int = 2
    combine: Literal["mean", "trimmed", "median"] = "trimmed"
    trim: float = 0.2
    max_norm: float = 5.0
    max_weight: int = 200
    secure: bool = False
    timeout_s: float = 600.0
    tolerance: float = 0.25

    def __post_init__(self) -> None:
        if min(self.rounds, self.local_steps, self.clients, self.max_weight) < 1:
            raise BadValue("rounds, local_steps, clients and max_weight must be at least 1")
        if not 0 <= self.trim < 0.5:
            raise BadValue(f"trim must lie between 0 and 0.5, got {self.trim}")
        if not (0 < self.max_norm < math.inf):
            raise BadValue(f"max_norm must be above 0 and finite, got {self.max_norm}")
        if self.secure and self.clients < 3:
            raise BadValue(
                f"the sum of {self.clients} updates hides neither; secure needs clients >= 3"
            )


@dataclass(frozen=True)
class Update:
    """What one client returns.

    Attributes:
        moved: by how much the weights moved, (W,).
        photos: how many it says it has.
    """

    moved: Vector
    photos: int


def bounded(moved: Vector, max_norm: float) -> Vector:
    """Return an update no longer than ``max_norm``, in the same direction."""
    norm = float(np.linalg.norm(moved.astype(np.float64)))
    return moved if norm <= max_norm else np.asarray(moved * (max_norm / norm), np.float32)


def joined(updates: list[Update], size: int, terms: Federation) -> Vector | None:
    """Return by how much the network shall move, or None if too little can be used.

    Args:
        updates: of the clients that answered.
        size: number of weights.
        terms: how they are joined.
    """
    usable = [u for u in updates if _usable(u, size)]
    if len(usable) < len(updates):
        log.warning("dropped %d of %d updates", len(updates) - len(usable), len(updates))
    if len(usable) < terms.clients:
        return None
    # Longer than three times the usual is not honest, whatever the limit in numbers.
    norms = [float(np.linalg.norm(u.moved.astype(np.float64))) for u in usable]
    limit = min(terms.max_norm, 3 * float(np.median(norms)))
    moved = np.stack([bounded(u.moved, limit) for u in usable])
    if terms.combine == "mean":
        weights = np.array([min(u.photos, terms.max_weight) for u in usable], np.float64)
        return np.asarray(weights @ moved / weights.sum(), np.float32)
    if terms.combine == "median":
        return np.asarray(np.median(moved, axis=0), np.float32)
    dropped = min(math.ceil(terms.trim * len(moved)), (len(moved) - 1) // 2)
    kept = np.sort(moved, axis=0)[dropped : len(moved) - dropped]
    return np.asarray(kept.mean(axis=0), np.float32)


def _usable(update: Update, size: int) -> bool:
    return (
        update.moved.shape == (size,)
        and bool(np.isfinite(update.moved).all())
        and update.photos >= 1
    )


def flat_weights(network: nn.Module) -> Vector:
    """Return a network's weights, (W,)."""
    return torch.cat([p.detach().flatten() for p in network.parameters()]).numpy().copy()


def put_weights(network: nn.Module, weights: Vector) -> None:
    """Give a network its weights."""
    # A copy: the parameters become views of the vector, and training would change the caller's.
    values = torch.from_numpy(np.array(weights, np.float32))
    nn.utils.vector_to_parameters(values, network.parameters())


def _of_some(made: Callable[[], SampleMaker], paths: list[Path]) -> SampleMaker:
    maker = made()
    if not isinstance(maker, WindowSamples):
        raise BadValue("only samples made of windows can be made of some photos")
    return maker.only(paths)


class LocalTrainer:
    """Trains on the photos of this machine.

    Args:
        config: of the network; its ``optim.steps`` does not count.
        photos: folder of sharp photos; those of the split "train" are used.
        folder: holds the cache of samples.
        workers: processes that make samples.
        paths: the photos to use, if not all.
    """

    def __init__(
        self,
        config: TrainConfig,
        photos: Path,
        folder: Path,
        *,
        workers: int = 0,
        paths: list[Path] | None = None,
    ) -> None:
        self._task = task_of(config)
        made = self._task.samples(photos, "train")
        if paths is not None:
            made = partial(_of_some, made, paths)
        maker = made()
        self.photos = len(maker.photos.paths) if isinstance(maker, WindowSamples) else 1
        self._config = config
        self._network = self._task.build()
        self._source = ShardSource(
            made,
            folder / "samples",
            seed=config.seed,
            size=config.data.shard,
            keep=config.data.keep,
            workers=workers,
        )
        self._batches = self._stream()

    def __call__(self, weights: Vector, *, steps: int, lr: float) -> Vector:
        """Return by how much the weights move in so many steps with a learning rate.

        The network stays; optimiser states are not shared, so each call starts a new one.
        """
        if weights.shape != flat_weights(self._network).shape:
            raise BadValue(
                f"the server's network has {len(weights)} weights, this one's has "
                f"{len(flat_weights(self._network))}; use one config on both sides"
            )
        put_weights(self._network, weights)
        optim = self._config.optim
        optimiser = torch.optim.AdamW(
            self._network.parameters(), lr=lr, weight_decay=optim.weight_decay, betas=(0.9, 0.99)
        )
        for _ in range(steps):
            loss, _figures = self._task.loss(self._network, to_tensors(next(self._batches)))
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self._network.parameters(), optim.clip_norm)
            optimiser.step()
        return np.asarray(flat_weights(self._network) - weights, np.float32)

    def close(self) -> None:
        """Stop the workers."""
        self._source.close()

    def _stream(self) -> Iterator[Arrays]:
        """Yield batches for ever, of shards made and repeated as in the loop of one machine."""
        data, seed, visit = self._config.data, self._config.seed, 0
        while True:
            index, _ = shard_of_visit(visit, repeats=data.repeats, keep=data.keep, seed=seed)
            shard = self._source.get(index, newest=visit // data.repeats)
            rng = np.random.default_rng((seed, visit))
            for rows in batches(data.shard, self._config.optim.batch, rng):
                yield self._task.augment({key: value[rows] for key, value in shard.items()}, rng)
            visit += 1
