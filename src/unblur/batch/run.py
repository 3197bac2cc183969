"""A batch of photos: planned, gone through by any engine, each result named and written down."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import TypeVar

from unblur import __version__
from unblur.batch.cluster import on_cluster
from unblur.batch.journal import Journal
from unblur.batch.photo import Outcome, Task, failure, file_stamp, process
from unblur.batch.pool import Lost, guarded, in_processes
from unblur.batch.settings import Settings
from unblur.batch.stores import is_url, stamps_below
from unblur.confine import physical_bytes
from unblur.errors import BadValue, EngineFailed, UnblurError, WouldOverwrite
from unblur.files import read_regular
from unblur.io import commit, sweep
from unblur.paths import exists, names_of, shown
from unblur.zoo.catalogue import shipped_networks, weights_path

T = TypeVar("T")
R = TypeVar("R")

TIMEOUT_S = 1800.0
"""The largest photo takes some minutes with the slowest model that is shipped."""

_LEAST_MB = 2000
"""A photo of 24 megapixels takes about 1 GB."""

_NOT_IN_RESULTS = ("runtime", "overwrite", "max_megapixels")


@dataclass(frozen=True)
class How:
    """What goes through the photos.

    Attributes:
        workers: processes; 1 works on a single photo in this one.
        engine: "local" or "dask".
        scheduler: of a Dask cluster; None: a cluster made here.
        memory_mb: allotted to each process; None: an equal share of the computer's memory.
        timeout_s: that a photo may take; then it is given up. None: :data:`TIMEOUT_S`. Whoever
            asks for one, or has several photos, has one worker in a process of its own too, for
            nothing else can be stopped for certain.
    """

    workers: int = 1
    engine: str = "local"
    scheduler: str | None = None
    memory_mb: int | None = None
    timeout_s: float | None = None

    @property
    def here(self) -> bool:
        """Whether this process may do the work itself."""
        bounded = self.memory_mb is not None or self.timeout_s is not None
        return self.engine == "local" and self.workers == 1 and not bounded

    @property
    def share_mb(self) -> int:
        """What each process of this computer may take of its memory."""
        return self.memory_mb or max(_LEAST_MB, int(physical_bytes() / 1e6 / self.workers))


class Batch:
    """Photos to restore, some of which may be done already.

    Args:
        tasks: all of them.
        settings: how each is restored.
        journal: of what was done before; None: nothing was.

    Raises:
        WouldOverwrite: there is a result that is not the journal's, and may not be replaced.
    """

    def __init__(
        self, tasks: Sequence[Task], settings: Settings, journal: Journal | None = None
    ) -> None:
        self.tasks, self._settings, self._journal = tasks, settings, journal
        self._present = _present(tasks)
        self.done = frozenset(n for n, task in enumerate(tasks) if self._is_done(task))
        taken = [task.target for n, task in enumerate(tasks) if not self._may_write(n, task)]
        if taken:
            more = f" (and {len(taken) - 1} more)" if len(taken) > 1 else ""
            hint = "" if journal is None else ", and this journal does not know it"
            raise WouldOverwrite(
                f"{shown(taken[0])}{more} exists already{hint}; "
                "use --overwrite, or choose another output"
            )
        if journal is not None:
            self._sweep()

    def run(
        self, how: How, progress: Callable[[float], None] | None = None
    ) -> Iterator[tuple[int, Outcome]]:
        """Yield (index, outcome) of all photos: first those done before, then as they come.

        Args:
            how: the engine.
            progress: called with the share done of the photo in work, if this process does it.

        Raises:
            CannotWrite: the journal cannot be written; what is done, is.
            MissingExtra, EngineFailed: there is no such engine.
        """
        if self._journal is not None:
            for number in sorted(self.done):
                yield number, Outcome(self._journal.row(self.tasks[number]))
        for number, task in enumerate(self.tasks):
            if task.problem:
                yield number, failure(task, task.problem, WouldOverwrite.exit_code)
        left = [n for n, task in enumerate(self.tasks) if n not in self.done and not task.problem]
        died = False
        for index, result in self._results([self.tasks[n] for n in left], how, progress):
            task = self.tasks[left[index]]
            if isinstance(result, Lost):
                died = died or result.ended
                result = failure(task, result.reason, EngineFailed.exit_code)
            yield left[index], self._finish(task, result)
        if died or how.engine != "local":  # a cluster repeats a dead worker's photo without a word
            self._sweep()

    def _results(
        self, tasks: list[Task], how: How, progress: Callable[[float], None] | None
    ) -> Iterator[tuple[int, Outcome | Lost]]:
        if not tasks:
            return iter(())
        if how.here and (len(tasks) == 1 or _is_private(tasks)):
            here = partial(process, settings=self._settings, progress=progress)
            return ((n, guarded(here, task)) for n, task in enumerate(tasks))
        several = how.workers > 1 or how.engine != "local"
        alone = self._settings
        if several and alone.runtime.threads is None:
            alone = dataclasses.replace(alone, runtime=alone.runtime.on_threads(1))
        job = partial(process, settings=alone)
        if how.engine == "local":
            return in_processes(
                job,
                tasks,
                min(how.workers, len(tasks)),
                memory_mb=how.share_mb,
                timeout_s=how.timeout_s or TIMEOUT_S,
                one_thread=several,
            )
        job = partial(process, settings=_anywhere(alone))
        elsewhere = [_rooted(task) for task in tasks]
        return on_cluster(
            job,
            elsewhere,
            scheduler=how.scheduler,
            workers=how.workers,
            memory_mb=how.memory_mb,
            timeout_s=how.timeout_s or TIMEOUT_S,
        )

    def _finish(self, task: Task, outcome: Outcome) -> Outcome:
        """Write a result down, then give it its name."""
        if outcome.exit_code:
            return dataclasses.replace(outcome, row=outcome.row | names_of(task.source))
        named = {**names_of(task.source), **names_of(task.target, "output")}
        outcome = dataclasses.replace(outcome, row=outcome.row | named)
        if self._journal is not None:
            self._journal.record(task, outcome)
        if outcome.staged is None:
            return outcome
        try:
            ours = self._present.get(task.target) is not None
            commit(Path(outcome.staged), Path(task.target), overwrite=ours)
        except UnblurError as error:
            return failure(task, str(error), error.exit_code)
        return outcome

    def _is_done(self, task: Task) -> bool:
        journal = self._journal
        return (
            journal is not None
            and not task.problem
            and journal.finished(task, self._present.get(task.target))
        )

    def _may_write(self, number: int, task: Task) -> bool:
        present = self._present.get(task.target)
        if task.problem or present is None or number in self.done or self._settings.overwrite:
            return True
        return self._journal is not None and self._journal.made(task, present)

    def _sweep(self) -> None:
        ours = [task.target for task in self.tasks if not task.problem and not is_url(task.target)]
        sweep(map(Path, ours))


def settings_digest(settings: Settings) -> str:
    """Return a digest of everything but the photo that decides what a result is.

    Raises:
        BadValue: a file that is named cannot be read.
    """
    facts = {k: v for k, v in vars(settings).items() if k not in _NOT_IN_RESULTS}
    digest = hashlib.sha256(json.dumps([__version__, facts], default=str).encode())
    named = [path for path in (settings.psf, settings.mask) if path is not None]
    if settings.model.endswith(".onnx"):
        named.append(Path(settings.model))
    for path in (*named, *(weights_path(name) for name in shipped_networks())):
        try:
            digest.update(hashlib.sha256(read_regular(path, BadValue)).digest())
        except OSError as error:
            raise BadValue(f"cannot read {shown(path)}: {error.strerror or error}") from error
    return digest.hexdigest()[:32]


def check_reach(tasks: Sequence[Task], how: How) -> None:
    """Raise if the processes that are to do the work could not see the photos.

    Raises:
        BadValue: memory:// lives in one process only.
    """
    if _is_private(tasks) and not how.here:
        raise BadValue("other processes cannot see memory://; leave out --workers and --engine")


def _is_private(tasks: Sequence[Task]) -> bool:
    """Return whether photos come from or go into the memory of this process."""
    return any(place.startswith("memory://") for t in tasks for place in (t.source, t.target))


def _rooted(task: Task) -> Task:
    """Return a task that means the same from any folder."""
    places = (task.source, task.target)
    source, target = (p if is_url(p) else str(Path(p).absolute()) for p in places)
    return dataclasses.replace(task, source=source, target=target)


def _anywhere(settings: Settings) -> Settings:
    """Return settings that mean the same from any folder."""
    model = settings.model
    return dataclasses.replace(
        settings,
        model=str(Path(model).absolute()) if model.endswith(".onnx") else model,
        psf=settings.psf and settings.psf.absolute(),
        mask=settings.mask and settings.mask.absolute(),
    )


def _above(urls: Collection[str]) -> str:
    """Return the URL below which all these lie."""
    folders = [url.split("/")[:-1] for url in urls]
    lowest, highest = min(folders), max(folders)
    pairs = zip(lowest, highest, strict=False)
    return "/".join(a for a, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _present(tasks: Sequence[Task]) -> dict[str, str]:
    """Return the stamps of what lies at the targets already."""
    present: dict[str, str] = {}
    urls = {task.target for task in tasks if is_url(task.target)}
    if urls:
        found = stamps_below(_above(urls))
        present |= {url: found[url] for url in urls & found.keys()}
    for task in tasks:
        if task.target not in urls and exists(Path(task.target)):
            present[task.target] = _stamp_of(Path(task.target))
    return present


def _stamp_of(path: Path) -> str:
    """Return the stamp of what lies at a target, "" of a link that leads nowhere."""
    try:
        return file_stamp(path)
    except OSError:
        return ""
