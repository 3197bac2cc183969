"""Worker processes, each watched by a thread: cancelled, ended or replaced where it must be."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from unblur.web.jobs import Job, Queue
from unblur.web.orders import CANCEL, Done, Failed, Progress, Ready
from unblur.web.work import work

_LOG = logging.getLogger(__name__)
_GRACE = 5.0
"""Seconds that a cancelled worker gets to notice."""

_START = 120.0
_TICK = 0.1


class _Ended(Exception):
    """The worker process is gone, or has to go."""


class Worker:
    """One process and the thread that feeds it.

    Args:
        queue: where jobs come from.
        root: the private folder.
        job_seconds: a job may take so long.
        over: called with every job that has ended.
    """

    def __init__(
        self, queue: Queue, root: Path, job_seconds: float, over: Callable[[Job], None]
    ) -> None:
        self._queue, self._root, self._most = queue, root, job_seconds
        self._over = over
        self._context = get_context("spawn")
        self._process: Any = None
        self._pipe: Connection | None = None
        self._heard = False
        self._stopped = threading.Event()
        self.restarts = 0
        self.models: list[dict[str, Any]] = []
        self.ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="unblur-worker", daemon=True)

    def start(self) -> None:
        """Start the thread, and it the process."""
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and bool(self._process.is_alive())

    def stop(self) -> None:
        """End the process, whatever it does; the queue must be closed before."""
        self._stopped.set()
        self._thread.join(_GRACE)
        self._end()

    def _run(self) -> None:
        with contextlib.suppress(_Ended):  # a job will try again
            self._begin()
        while (job := self._queue.take()) is not None:
            self._queue.finish(job, self._done(job))
            self._over(job)
            if not self.is_alive and not self._stopped.is_set():
                with contextlib.suppress(_Ended):
                    self._begin()

    def _done(self, job: Job) -> Done | Failed:
        """Have a job done, whatever happens to the process."""
        try:
            return self._do(job)
        except _Ended:
            self._end()
        # A worker that ended while it was idle is no fault of the job: another one tries.
        if not (self._heard or self._stopped.is_set()) and job.wanted:
            try:
                return self._do(job)
            except _Ended:
                self._end()
        return self._why(job)

    def _why(self, job: Job) -> Failed:
        if self._stopped.is_set():
            return Failed("Stopped", "the server was stopped", 503)
        if time.monotonic() - job.begun > self._most:
            return Failed("TimeOut", f"it took longer than {self._most:.0f} s", 413)
        _LOG.warning("a worker ended while it had a job; a new one takes its place")
        return Failed("WorkerLost", "the restoration stopped without a word; try again", 500)

    def _begin(self) -> None:
        if self._pipe is not None:
            self.restarts += 1
        self._end()
        ours, theirs = self._context.Pipe()
        self._process = self._context.Process(target=work, args=(theirs, self._root), daemon=True)
        self._process.start()
        theirs.close()
        self._pipe = ours
        hello = self._receive(time.monotonic() + _START)
        assert isinstance(hello, Ready)
        self.models = hello.models
        self.ready.set()

    def _do(self, job: Job) -> Done | Failed:
        """Give a job to the process, a new one if need be, and wait for its end."""
        self._heard = False
        if not self.is_alive:
            self._begin()
        assert self._pipe is not None
        try:
            self._pipe.send(job.order)
        except OSError as error:
            raise _Ended from error
        while True:
            news = self._receive(job.begun + self._most, job)
            if isinstance(news, Done | Failed):
                return news
            assert isinstance(news, Progress)
            self._heard = True
            self._queue.progress(job, news)

    def _receive(self, deadline: float, job: Job | None = None) -> Any:
        """Wait for the worker's next word."""
        assert self._pipe is not None
        patience: float | None = None
        try:
            while not self._pipe.poll(_TICK):
                now = time.monotonic()
                if self._stopped.is_set() or now > deadline or not self.is_alive:
                    raise _Ended
                if job is not None and not job.wanted:
                    _tell_to_stop(job)
                    patience = patience or now + _GRACE
                    if now > patience:
                        raise _Ended
            if job is not None and not job.wanted:
                _tell_to_stop(job)
            return self._pipe.recv()
        except (EOFError, OSError) as error:
            raise _Ended from error

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process.close()
            self._process = None
        if self._pipe is not None:
            self._pipe.close()


def _tell_to_stop(job: Job) -> None:
    # A file, not an event of multiprocessing: it needs no clearing, and leaves no semaphore.
    with contextlib.suppress(OSError):
        (job.order.folder / CANCEL).touch()
