"""The fixed set that private training and its audit draw from: one record per source photo.

A record is a few samples of one photo. It depends on the seed, the photo's name and the photo,
never on the other photos, so taking a photo away takes away its record and changes no other.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from unblur.confine import end_with_parent
from unblur.errors import BadValue
from unblur.training.config import TrainConfig
from unblur.training.photos import by_source
from unblur.training.shards import Arrays, SampleMaker
from unblur.training.windows import WindowSamples


def fingerprint(config: TrainConfig, windows: int) -> str:
    """Return a name for the records of a config: it changes with everything that they depend on."""
    made_by = [config.task, config.seed, windows, asdict(config.data), asdict(config.recipe)]
    return hashlib.sha256(json.dumps(made_by).encode()).hexdigest()[:16]


def make_record(maker: SampleMaker, *, seed: int, name: str, windows: int) -> Arrays:
    """Return ``windows`` samples of one photo, stacked along the first axis.

    Args:
        maker: of samples of this photo only.
        seed: of the run.
        name: of the photo.
        windows: samples per record.
    """
    key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    rng = np.random.default_rng((seed, key))
    samples: list[Arrays] = []
    while len(samples) < windows:
        samples.extend(maker(rng))
    return {k: np.stack([s[k] for s in samples[:windows]]) for k in samples[0]}


def all_records(
    factory: Callable[[], SampleMaker],
    photos: Path,
    folder: Path,
    *,
    seed: int,
    windows: int,
    workers: int = 0,
) -> dict[str, Arrays]:
    """Return the record of every photo, from a cache folder where it has been made before.

    Args:
        factory: returns a maker of samples of windows, picklable.
        photos: the folder its photos lie in.
        folder: of the cache.
        seed: of the run.
        windows: samples per record.
        workers: processes; 0 makes the records in this one.

    Returns:
        (windows, ...) arrays by the photo's name.

    Raises:
        BadValue: the task's samples are not made of windows of photos.
    """
    maker = factory()
    if not isinstance(maker, WindowSamples):
        raise BadValue("records can be made of windows of photos only; choose another task")
    folder.mkdir(parents=True, exist_ok=True)
    groups = by_source(photos, maker.photos.paths)
    places = {name: folder / f"{_file_name(name, paths)}.npz" for name, paths in groups.items()}
    missing = [(n, groups[n], places[n]) for n in groups if not places[n].exists()]
    write = partial(_write, seed=seed, windows=windows)
    if workers and missing:
        with ProcessPoolExecutor(
            workers, mp_context=get_context("spawn"), initializer=_prepare, initargs=(factory,)
        ) as pool:
            list(pool.map(write, missing, chunksize=8))
    else:
        _prepare(lambda: maker)
        for item in missing:
            write(item)
    return {name: _read(path) for name, path in places.items()}


def _file_name(name: str, paths: list[Path]) -> str:
    """A record's file is called by what it was made of, so a changed photo gets a new one."""
    facts = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in paths]
    return hashlib.sha256(repr((name, facts)).encode()).hexdigest()


_maker: WindowSamples | None = None


def _prepare(factory: Callable[[], SampleMaker]) -> None:
    global _maker
    end_with_parent()
    maker = factory()
    assert isinstance(maker, WindowSamples)
    _maker = maker


def _write(item: tuple[str, list[Path], Path], *, seed: int, windows: int) -> None:
    assert _maker is not None
    name, paths, target = item
    record = make_record(_maker.only(paths), seed=seed, name=name, windows=windows)
    temporary = target.with_suffix(f".{os.getpid()}.tmp")
    with temporary.open("wb") as stream:
        np.savez(stream, **record)  # type: ignore[arg-type]
    temporary.replace(target)


def _read(path: Path) -> Arrays:
    with np.load(path) as stored:
        return {key: stored[key] for key in stored.files}
