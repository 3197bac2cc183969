"""Work that goes on in threads side by side, a few items at a time."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

_HELD = 3
_END = None


class Stage(Generic[T]):
    """Runs an iterator in a thread, a few items ahead; its errors come out where it is read."""

    def __init__(self, items: Callable[[], Iterator[T]], *, held: int = _HELD) -> None:
        self._queue: queue.Queue[T | BaseException | None] = queue.Queue(held)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(items,), daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[T]:
        while True:
            item = self._queue.get()
            if item is _END:
                return
            if isinstance(item, BaseException):
                raise item
            yield item

    def stop(self) -> None:
        """Let the thread end; what it has read ahead is dropped."""
        self._stopped.set()
        while self._thread.is_alive():
            try:
                self._queue.get(timeout=0.02)
            except queue.Empty:
                continue
        self._thread.join()
        with contextlib.suppress(queue.Empty):
            while True:
                self._queue.get_nowait()
        self._queue.put(_END)  # whoever still waits for an item waits no longer

    def _run(self, items: Callable[[], Iterator[T]]) -> None:
        try:
            for item in items():
                if self._stopped.is_set():
                    break
                self._queue.put(item)
            self._queue.put(_END)
        except BaseException as error:  # handed to whoever reads
            self._queue.put(error)


class Writer(Generic[T]):
    """Writes items in a thread; its errors come out at the next item or at the end."""

    def __init__(self, write: Callable[[T], None], busy: dict[str, float]) -> None:
        self._write, self._busy = write, busy
        self._queue: queue.Queue[T | None] = queue.Queue(_HELD)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def put(self, item: T) -> None:
        """Hand over the next item; waits while too many are held."""
        if self._error is not None:
            raise self._error
        self._queue.put(item)

    def close(self) -> None:
        """Wait until everything is written."""
        self._queue.put(_END)
        self._thread.join()
        if self._error is not None:
            raise self._error

    def abandon(self) -> None:
        """Let the thread end without caring for its items."""
        self._error = self._error or InterruptedError()
        self._queue.put(_END)
        self._thread.join()

    def _run(self) -> None:
        while True:
            item = self._queue.get()
            if item is _END:
                return
            if self._error is not None:
                continue  # keep emptying the queue, so that nobody waits for ever
            start = time.perf_counter()
            try:
                self._write(item)
            except BaseException as error:  # handed to whoever writes
                self._error = error
            self._busy["write"] += time.perf_counter() - start
