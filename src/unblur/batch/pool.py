"""Worker processes on this computer; one that dies takes only what it was working on.

The standard library's pool gives up everything when a process is killed, and its processes
outlive their parent. Here each has a pipe of its own, so it is known what a dead one had in
hand; that is done again by a fresh one, alone, when all the rest is finished; if that dies too,
the item is given up.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Any, Generic, TypeVar

from unblur.confine import confine, end_group, end_with_parent

T = TypeVar("T")
R = TypeVar("R")

RECYCLED_AFTER = 500
"""Items after which a process is replaced, so that no leak lasts."""

READY = "unblur: the process has started"
_PATIENCE_S = 5.0
_START_S = 60.0
"""What loading the libraries may take on a busy computer with a slow disk."""

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class _Terms:
    """What :func:`in_processes` is told of its processes."""

    memory_mb: int | None
    timeout_s: float | None
    one_thread: bool


@dataclass(frozen=True)
class Lost:
    """An item without a result.

    Attributes:
        reason: in one line.
        ended: its process died, so that trying again may help.
        timed_out: it took longer than it may.
    """

    reason: str
    ended: bool = False
    timed_out: bool = False


def in_processes(
    job: Callable[[T], R],
    items: Sequence[T],
    workers: int,
    *,
    memory_mb: int | None = None,
    timeout_s: float | None = None,
    one_thread: bool = True,
) -> Iterator[tuple[int, R | Lost]]:
    """Yield (index, result) of every item, each once, as they come.

    Args:
        job: a picklable function; what it raises becomes :class:`Lost`.
        items: picklable.
        workers: processes, at least 1. No more items than these are in work at a time.
        memory_mb: allotted to each process; a job that asks for more gets MemoryError.
        timeout_s: that one item may take; then its process is ended, and the item lost for good.
        one_thread: whether the libraries of each process are to compute with one thread.
    """
    with _WorkerPool(job, items, _Terms(memory_mb, timeout_s, one_thread)) as pool:
        suspects = []
        for number, result in pool.work(range(len(items)), workers):
            if isinstance(result, Lost) and result.ended:
                suspects.append(number)
            else:
                yield number, result
        yield from pool.work(suspects, 1)


def guarded(job: Callable[[T], R], item: T) -> R | Lost:
    """Run a job; what it raises becomes :class:`Lost`."""
    try:
        return job(item)
    except MemoryError:
        return Lost("not enough memory; allow more, or take fewer workers")
    except Exception as error:  # one item must not take the others with it
        text = str(error).strip().splitlines()
        return Lost(f"{type(error).__name__}: {text[0] if text else 'no message'}")


class _Worker:
    """One process, its pipe, and the number of the item it has in hand."""

    def __init__(self, job: Callable[[Any], Any], terms: _Terms) -> None:
        self.number, self.finished = -1, 0
        self._timeout_s, self._due = terms.timeout_s, math.inf
        context = get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(
            target=_serve, args=(theirs, job, terms.memory_mb), daemon=True, name="unblur-worker"
        )
        with _one_thread_each() if terms.one_thread else contextlib.nullcontext():
            self.process.start()
        theirs.close()
        self._loading = True

    def begin(self, number: int, item: Any) -> None:
        """Hand over an item; that a dead process never got it, :meth:`result` will tell."""
        self.number = number
        if self._timeout_s is not None:
            self._due = time.monotonic() + self._timeout_s + (_START_S if self._loading else 0)
        with contextlib.suppress(OSError):
            self.pipe.send(item)

    def left_s(self) -> float:
        """Return the seconds that are left for the item in hand."""
        return self._due - time.monotonic()

    def give_up(self) -> Lost:
        """End the process, whatever it does."""
        self.kill()
        self.stop()
        return Lost(
            f"it took more than {self._timeout_s:g} s and was stopped; allow more with --timeout",
            timed_out=True,
        )

    def kill(self) -> None:
        """End the process and all that it started."""
        if self.process.pid is not None:
            end_group(self.process.pid)
        self.process.kill()

    def result(self) -> Any:
        """Return what became of the item in hand; READY when the process has only started."""
        try:
            result = self.pipe.recv()
        except (EOFError, OSError):
            self.stop()
            return Lost(_why(self.process.exitcode), ended=True)
        if self._loading and result == READY:
            self._loading = False
            if self._timeout_s is not None:
                self._due = time.monotonic() + self._timeout_s
            return READY
        self.finished += 1
        return result

    def stop(self) -> None:
        """Let an idle process end; after a while, make it."""
        self.pipe.close()
        self.process.join(_PATIENCE_S)
        if self.process.is_alive():
            self.kill()
            self.process.join()


class _WorkerPool(Generic[T, R]):
    """The processes of one job."""

    def __init__(self, job: Callable[[T], R], items: Sequence[T], terms: _Terms) -> None:
        self._job, self._items, self._terms = job, items, terms
        self._idle: list[_Worker] = []
        self._busy: list[_Worker] = []

    def __enter__(self) -> _WorkerPool[T, R]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in self._busy:
            worker.kill()
        for worker in (*self._busy, *self._idle):
            worker.stop()

    def work(self, numbers: Iterable[int], count: int) -> Iterator[tuple[int, R | Lost]]:
        """Yield (index, result) of the items with these numbers, as they come."""
        waiting = deque(numbers)
        while waiting or self._busy:
            while waiting and len(self._busy) < count:
                worker = self._next()
                self._busy.append(worker)
                number = waiting.popleft()
                worker.begin(number, self._items[number])
            left_s = min(worker.left_s() for worker in self._busy)
            ready = wait(
                [worker.pipe for worker in self._busy],
                None if math.isinf(left_s) else max(0.0, left_s),
            )
            for worker in [w for w in self._busy if w.pipe in ready or w.left_s() <= 0]:
                result = worker.result() if worker.pipe in ready else worker.give_up()
                if result == READY:
                    continue
                self._busy.remove(worker)
                self._put_back(worker)
                yield worker.number, result

    def _next(self) -> _Worker:
        while self._idle:
            worker = self._idle.pop()
            if worker.process.is_alive():
                return worker
            worker.stop()
        return _Worker(self._job, self._terms)

    def _put_back(self, worker: _Worker) -> None:
        if worker.pipe.closed:
            return
        if worker.finished < RECYCLED_AFTER:
            self._idle.append(worker)
        else:
            worker.stop()


def _serve(pipe: Connection, job: Callable[[Any], Any], memory_mb: int | None) -> None:
    """Work in a process of its own until the pipe is closed or the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent sees it too, and decides
    end_with_parent()
    confine(None if memory_mb is None else memory_mb * 1_000_000)
    with contextlib.suppress(EOFError, OSError):
        pipe.send(READY)
        while True:
            pipe.send(guarded(job, pipe.recv()))


@contextlib.contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let processes started here compute with one thread, unless the user has said otherwise."""
    added = [name for name in _THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(added, "1"))
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def _why(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        name = signal.Signals(-exitcode).name
        hint = ", which is what happens when memory runs out" if name == "SIGKILL" else ""
        return f"the process that worked on it was ended by {name}{hint}"
    return f"the process that worked on it ended with code {exitcode}"
