"""Samples in shards: made ahead by worker processes, the same whoever makes them.

Sample ``i`` of a run depends on the seed and on ``i`` only, so a run that was stopped goes on
with exactly the samples it would have had, whether or not its cache survived.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from unblur.confine import end_with_parent

Arrays = dict[str, NDArray[Any]]

NUMBER = "number"
"""Key of the samples' numbers in a share of a shard."""


class SampleMaker(Protocol):
    """Makes one sample; picklable, so that worker processes can hold it."""

    def __call__(self, rng: np.random.Generator) -> list[Arrays]:
        """Return one or more samples, each a dict of equally shaped arrays."""


def make_shard(maker: SampleMaker, *, seed: int, index: int, size: int) -> Arrays:
    """Return shard ``index``: ``size`` samples stacked along the first axis."""
    samples: list[Arrays] = []
    draw = 0
    while len(samples) < size:
        rng = np.random.default_rng((seed, index, draw))
        samples.extend(maker(rng))
        draw += 1
    return {key: np.stack([s[key] for s in samples[:size]]) for key in samples[0]}


def make_share(
    maker: SampleMaker, *, seed: int, index: int, size: int, share: tuple[int, int]
) -> Arrays:
    """Return one process's share of shard ``index``, and its samples' numbers in the shard.

    All shares together hold the very samples of :func:`make_shard`, if every call of the maker
    gives equally many.

    Args:
        maker, seed, index, size: as for the whole shard.
        share: number of the process, and how many there are.
    """
    draw, of = share
    samples: list[Arrays] = []
    each = 1
    while draw * each < size:
        made = maker(np.random.default_rng((seed, index, draw)))
        each = len(made)
        numbers = range(draw * each, (draw + 1) * each)
        samples += [{**s, NUMBER: np.array(n)} for s, n in zip(made, numbers, strict=True)]
        draw += of
    return {key: np.stack([s[key] for s in samples]) for key in samples[0]}


def shard_of_visit(visit: int, *, repeats: int, keep: int, seed: int) -> tuple[int, bool]:
    """Return which shard is trained on at a visit, and whether it is new.

    Of ``repeats`` visits the first takes a new shard, the others one of the last ``keep``.
    """
    newest, again = divmod(visit, repeats)
    if again == 0:
        return newest, True
    rng = np.random.default_rng((seed, visit, 7))
    return int(rng.integers(max(0, newest - keep + 1), newest + 1)), False


class ShardSource:
    """Gives shards by number from a cache folder, making them ahead in other processes.

    Args:
        factory: returns the maker; called once in each process.
        folder: holds the cached shards; only the last ``keep`` stay.
        seed: of the samples.
        size: samples per shard.
        keep: shards that stay cached.
        workers: processes; 0 makes shards when they are asked for.
        share: which part of each shard to make, and of how many, see :func:`make_share`.
    """

    def __init__(
        self,
        factory: Callable[[], SampleMaker],
        folder: Path,
        *,
        seed: int,
        size: int,
        keep: int,
        workers: int,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        self._folder = folder
        self._share = share
        self._seed, self._size, self._keep = seed, size, keep
        self._ahead = workers + 1 if workers else 0
        self._pending: dict[int, Future[None]] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self._pool = (
            ProcessPoolExecutor(
                workers, mp_context=get_context("spawn"), initializer=_prepare, initargs=(factory,)
            )
            if workers
            else None
        )
        if not workers:
            _prepare(factory)

    def get(self, index: int, *, newest: int) -> Arrays:
        """Return a shard; ``newest`` tells which may be needed next and which no more."""
        for wanted in [index, *range(newest + 1, newest + 1 + self._ahead)]:
            self._ask(wanted)
        if index in self._pending:
            self._pending.pop(index).result()
        for old in self._folder.glob("shard-*.npz"):
            if int(old.stem.split("-")[1]) < newest - self._keep:
                old.unlink(missing_ok=True)
        with np.load(self._path(index)) as stored:
            return {_name_now(key, stored.files): stored[key] for key in stored.files}

    def close(self) -> None:
        """Stop the workers."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _path(self, index: int) -> Path:
        return self._folder / f"shard-{index:06d}.npz"

    def _ask(self, index: int) -> None:
        if self._path(index).exists() or index in self._pending:
            return
        if self._pool is None:
            _write(self._seed, index, self._size, self._share, self._path(index))
        else:
            self._pending[index] = self._pool.submit(
                _write, self._seed, index, self._size, self._share, self._path(index)
            )


def _name_now(key: str, keys: list[str]) -> str:
    """Return how an array is called: caches of before 0.2 have facts in place of targets."""
    return "targets" if key == "facts" and "maps" in keys else key


def batches(count: int, size: int, rng: np.random.Generator) -> Iterator[NDArray[np.intp]]:
    """Yield shuffled index batches of one size; an incomplete last one is left out."""
    order = rng.permutation(count)
    for start in range(0, count - size + 1, size):
        yield order[start : start + size]


_maker: SampleMaker | None = None


def _prepare(factory: Callable[[], SampleMaker]) -> None:
    global _maker
    end_with_parent()
    _maker = factory()


def _write(seed: int, index: int, size: int, share: tuple[int, int], path: Path) -> None:
    assert _maker is not None
    if share[1] == 1:
        arrays = make_shard(_maker, seed=seed, index=index, size=size)
    else:
        arrays = make_share(_maker, seed=seed, index=index, size=size, share=share)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    with temporary.open("wb") as stream:
        np.savez(stream, **arrays)  # type: ignore[arg-type]
    temporary.replace(path)
