"""The comparison: every model on every photo, what is kept first, the rest by working processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unblur.errors import BadValue, UnblurError
from unblur.evaluate.cases import Case
from unblur.evaluate.comparing.cache import Cache, Entry, code_digest
from unblur.evaluate.comparing.job import Job
from unblur.evaluate.comparing.worker import label_of
from unblur.evaluate.comparing.worker_pool import WorkerPool
from unblur.evaluate.datasets import DataSet
from unblur.evaluate.methods import BLURRY
from unblur.evaluate.protocols import Protocol, Scores
from unblur.evaluate.quality import Row
from unblur.evaluate.results import NAMED
from unblur.zoo.models import default_session

Progress = Callable[[int, int, "float | None"], None]
"""(runs done, runs in all, seconds left or None)."""


@dataclass(frozen=True)
class Shot:
    """One photo of the comparison.

    Attributes:
        name: of the case.
        size: (height, width) in px.
        window: the part that the report shows, y0, x0, y1, x1.
        pictures: paths of JPEGs by method; also "sharp" and "overview" where they exist.
    """

    name: str
    size: tuple[int, int]
    window: tuple[int, int, int, int]
    pictures: dict[str, Path]

    @property
    def megapixels(self) -> float:
        """Size in 10^6 px."""
        return self.size[0] * self.size[1] / 1e6


@dataclass(frozen=True)
class Comparison:
    """What a comparison found; with only a part of the photos if it was stopped.

    Attributes:
        job: what was asked.
        data: the data set.
        protocol: how results were scored.
        models: the methods, "blurry" first; of NAME=FOLDER the name.
        given: those of the methods whose results were given, not computed here.
        rows: one for each method and photo.
        shots: the photos of the rows.
        failures: (method, photo, why) of runs that failed.
        planned: photos that were to be done.
        fresh: runs that were not kept from before.
        older: methods with results that were kept from before the code changed.
        device: short name of the device that ran the networks.
    """

    job: Job
    data: DataSet
    protocol: Protocol
    models: tuple[str, ...]
    given: frozenset[str]
    rows: tuple[Row, ...]
    shots: tuple[Shot, ...]
    failures: tuple[tuple[str, str, str], ...]
    planned: int
    fresh: int
    older: frozenset[str] = frozenset()
    device: str = "cpu"

    @property
    def whole(self) -> bool:
        """Whether it was not stopped."""
        return len(self.shots) == self.planned


def compare(
    job: Job,
    models: Sequence[str],
    folder: Path,
    *,
    only: Sequence[str] | None = None,
    lasting: Sequence[str] = (),
    progress: Progress | None = None,
) -> Comparison:
    """Run models on a data set, photo by photo; what was done before is not done again.

    Ctrl-C ends it early: what is done is kept and returned.

    Args:
        job: data and protocol.
        models: names; see :func:`unblur.evaluate.methods.method_of`. "blurry" is always added.
        folder: where results are kept, in ``cache/``.
        only: names of the cases to do; all if omitted.
        lasting: those of the models whose kept results are good though the code has changed.
        progress: called after each run.

    Raises:
        UnknownModel, BadValue, UnreadableImage: before anything is done, a wrong model, option
            or folder. What fails on single photos is in ``failures``.
    """
    data, protocol = job.open()
    names = list(dict.fromkeys([BLURRY, *models]))
    labels = [label_of(name) for name in names]
    if len({*labels}) < len(labels):
        raise BadValue(f"two methods share a name among {', '.join(labels)}; give one another")
    strangers = sorted(set(lasting) - {*names})
    if strangers:
        raise BadValue(
            f"'{strangers[0]}' is to be kept but is not compared; name it among the models too"
        )
    cases = [case for case in data.cases if only is None or case.name in set(only)]
    if not cases:
        raise BadValue("no photo is left to compare; choose other photos")
    device = default_session(job.runtime).device
    facts = {
        "dataset": data.name,
        "protocol": protocol.name,
        "crop_px": job.crop_px,
        "threads": job.runtime.threads,
    }
    if device != "cpu":  # results kept from before there were others stay good
        facts["device"] = device
    cache = Cache(folder / "cache", facts, lasting=lasting)
    with WorkerPool(job) as pool:
        loop = _Loop(pool, cache, cases, names, progress)
        try:
            loop.run()
        except KeyboardInterrupt:
            loop.drop_unfinished()
        finally:
            cache.flush()
    return Comparison(
        job=job,
        data=data,
        protocol=protocol,
        models=tuple(labels),
        given=frozenset(label_of(name) for name in names if NAMED in name),
        rows=tuple(loop.rows),
        shots=tuple(loop.shots),
        failures=tuple(loop.failures),
        planned=len(cases),
        fresh=loop.fresh,
        older=frozenset(loop.older),
        device=device,
    )


class _Loop:
    """Photo by photo, so that a comparison stopped early still compares like with like."""

    def __init__(
        self,
        pool: WorkerPool,
        cache: Cache,
        cases: list[Case],
        names: list[str],
        progress: Progress | None,
    ) -> None:
        self._pool, self._cache, self._cases, self._names = pool, cache, cases, names
        self._progress = progress
        self._clock = _Clock(names, len(cases))
        self.rows: list[Row] = []
        self.shots: list[Shot] = []
        self.failures: list[tuple[str, str, str]] = []
        self.fresh = 0
        self.older: set[str] = set()

    def run(self) -> None:
        keys = [{name: self._cache.key(name, case) for name in self._names} for case in self._cases]
        missing = {
            name: [self._cache.load(mine[name]) is None for mine in keys] for name in self._names
        }
        self._clock.plan({name: sum(flags) for name, flags in missing.items()})
        self._pool.start([name for name, flags in missing.items() if any(flags)])
        for case, mine in zip(self._cases, keys, strict=True):
            self._photo(case, mine)

    def drop_unfinished(self) -> None:
        """Leave out a photo that not all models have seen."""
        done = {shot.name for shot in self.shots}
        self.rows = [row for row in self.rows if row.name in done]
        self.failures = [failure for failure in self.failures if failure[1] in done]

    def _photo(self, case: Case, keys: dict[str, str]) -> None:
        before: Scores | None = None
        pictures: dict[str, Path] = {}
        facts: Entry = {}
        for name in self._names:
            entry = self._entry(name, case, keys[name], before)
            if entry is None or entry["row"] is None:
                continue
            row = Row(**entry["row"])
            self.rows.append(row)
            if entry.get("code", code_digest()) != code_digest():
                self.older.add(row.method)
            facts = facts or entry
            stem = self._cache.pictures(keys[name])
            pictures[row.method] = stem.with_name(f"{stem.name}.jpg")
            if name == BLURRY:
                before = row.scores
                for extra in ("sharp", "overview"):
                    path = stem.with_name(f"{stem.name}-{extra}.jpg")
                    if path.is_file():
                        pictures[extra] = path
        if facts:
            height, width = facts["size"]
            y0, x0, y1, x1 = facts["window"]
            self.shots.append(Shot(case.name, (height, width), (y0, x0, y1, x1), pictures))

    def _entry(self, name: str, case: Case, key: str, before: Scores | None) -> Entry | None:
        kept = self._cache.load(key)
        if kept is None:
            request: dict[str, Any] = {"case": case.name, "before": before}
            request["pictures"] = str(self._cache.pictures(key))
            begun = self._clock.now()
            try:
                kept = self._pool.ask(name, request)
            except UnblurError as error:
                self.failures.append((label_of(name), case.name, str(error)))
            else:
                self._cache.keep(key, kept)
            self.fresh += 1
            self._clock.ran(name, self._clock.now() - begun)
        self._clock.done += 1
        if self._progress is not None:
            self._progress(self._clock.done, self._clock.total, self._clock.left())
        return kept


class _Clock:
    """How long is it still: each model's mean time so far, for the runs that are to come."""

    def __init__(self, names: list[str], photos: int) -> None:
        self.total, self.done = len(names) * photos, 0
        self._ran: dict[str, list[float]] = {name: [] for name in names}
        self._missing: dict[str, int] = dict.fromkeys(names, 0)

    @staticmethod
    def now() -> float:
        return time.perf_counter()

    def plan(self, missing: dict[str, int]) -> None:
        self._missing = dict(missing)

    def ran(self, name: str, seconds: float) -> None:
        self._ran[name].append(seconds)
        self._missing[name] -= 1

    def left(self) -> float | None:
        """Return seconds left, or None as long as a model has not run once."""
        total = 0.0
        for name, missing in self._missing.items():
            if missing > 0:
                if not self._ran[name]:
                    return None
                total += missing * sum(self._ran[name]) / len(self._ran[name])
        return total
