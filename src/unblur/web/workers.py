"""Who restores: worker processes, each watched by a thread; cancelled, ended or replaced."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from unblur.web.child import Child, Ended, Notes
from unblur.web.jobs import Job, Queue
from unblur.web.orders import CANCEL, Done, Failed, Progress, Ready
from unblur.web.settings import Limits
from unblur.web.work import work

_LOG = logging.getLogger(__name__)
_GRACE = 5.0
"""Seconds that a cancelled worker gets to notice."""

_START = 120.0
"""Seconds that a process may take to start; loading its libraries from a slow disk takes a few."""


class Worker:
    """One process and the thread that feeds it.

    Args:
        queue: where jobs come from.
        limits: time of a job and memory of the process.
        over: called with every job that has ended.
        keeper: is told of each process.
    """

    def __init__(
        self, queue: Queue, limits: Limits, over: Callable[[Job], None], keeper: Notes
    ) -> None:
        self._queue, self._limits, self._over = queue, limits, over
        self._stopped = threading.Event()
        self._child = Child(work, (limits.memory_bytes,), keeper, self._stopped)
        self._heard = False
        self._most = limits.reading_seconds
        self.models: list[dict[str, Any]] = []
        self.ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="unblur-worker", daemon=True)

    def start(self) -> None:
        """Start the thread, and it the process."""
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._child.is_alive

    @property
    def pid(self) -> int | None:
        """Of the process, None if there is none."""
        return self._child.pid

    @property
    def restarts(self) -> int:
        """How often the process had to be replaced."""
        return max(0, self._child.starts - 1)

    def stop(self) -> None:
        """End the process, whatever it does; the queue must be closed before."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(_GRACE)
        self._child.end()

    def _run(self) -> None:
        with contextlib.suppress(Ended):  # a job will try again
            self._begin()
        while (job := self._queue.take()) is not None:
            self._queue.finish(job, self._done(job))
            self._over(job)
            if not self.is_alive and not self._stopped.is_set():
                with contextlib.suppress(Ended):
                    self._begin()

    def _done(self, job: Job) -> Done | Failed:
        """Have a job done, whatever happens to the process."""
        try:
            return self._do(job)
        except Ended:
            self._child.end()
        # A worker that ended while it was idle is no fault of the job: another one tries.
        if not (self._heard or self._stopped.is_set()) and job.wanted and not self._is_late(job):
            try:
                return self._do(job)
            except Ended:
                self._child.end()
        return self._why(job)

    def _deadline(self, job: Job) -> float:
        return job.begun + self._most

    def _is_late(self, job: Job) -> bool:
        return time.monotonic() > self._deadline(job)

    def _why(self, job: Job) -> Failed:
        if self._stopped.is_set():
            return Failed("Stopped", "the server was stopped", 503)
        if self._is_late(job):
            return Failed("TimeOut", f"it took longer than {self._most:g} s", 413)
        _LOG.warning("a worker ended while it had a job; a new one takes its place")
        return Failed("WorkerLost", "the restoration stopped without a word; try again", 500)

    def _begin(self) -> None:
        self._child.start()
        hello = self._child.receive(time.monotonic() + _START)
        if not isinstance(hello, Ready):
            raise Ended
        self.models = hello.models
        self.ready.set()

    def _do(self, job: Job) -> Done | Failed:
        """Give a job to the process, a new one if need be, and wait for its end."""
        most = self._limits.seconds_of(clip=bool(job.order.clip))
        self._heard, self._most = False, min(most, self._limits.reading_seconds)
        if not self.is_alive:
            self._begin()
        self._child.send(job.order)
        patience: float | None = None

        def watch() -> None:
            nonlocal patience
            if job.wanted:
                return
            _tell_to_stop(job)
            patience = patience or time.monotonic() + _GRACE
            if time.monotonic() > patience:
                raise Ended

        while True:
            news = self._child.receive(self._deadline(job), watch)
            if isinstance(news, Done | Failed):
                return news
            if not isinstance(news, Progress):
                raise Ended
            self._heard = True
            if news.stage != "reading":  # so it can be read; now the work itself gets its time
                self._most = most
            self._queue.progress(job, news)


def _tell_to_stop(job: Job) -> None:
    # A file, not an event of multiprocessing: it needs no clearing, and leaves no semaphore.
    with contextlib.suppress(OSError):
        (job.order.folder / CANCEL).touch()
