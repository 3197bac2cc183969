"""One worker process: spoken to through a pipe, ended at any time with all that it started."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, Protocol

from unblur.confine import end_group
from unblur.web.orders import Answer, read_answer

_TICK = 0.1
_ANSWER_BYTES = 4_000_000
"""The longest word of a worker that is listened to; a restored photo's takes a few thousand."""

Target = Callable[..., None]
"""Takes the pipe, then the arguments; confines itself first (:func:`unblur.confine.confine`)."""


class Ended(Exception):
    """The process is gone, or has to go."""


class Notes(Protocol):
    """Who wants to know of each process that starts or ends."""

    def note(self, pid: int, *, there: bool) -> None:
        """Take note."""


class Child:
    """A process that may be started anew any number of times.

    Args:
        target: what it does; a function that can be imported.
        arguments: of it, after the pipe.
        keeper: is told of the process.
        stopped: set when everything has to end.
    """

    def __init__(
        self, target: Target, arguments: tuple[Any, ...], keeper: Notes, stopped: threading.Event
    ) -> None:
        self._target, self._arguments = target, arguments
        self._keeper, self._stopped = keeper, stopped
        self._context = get_context("spawn")
        self._process: Any = None
        self._pipe: Connection | None = None
        self.starts = 0

    @property
    def pid(self) -> int | None:
        """Of the process, None if there is none."""
        return None if self._process is None else self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        process = self._process  # another thread may end it meanwhile
        with contextlib.suppress(ValueError):
            return process is not None and bool(process.is_alive())
        return False

    def start(self) -> None:
        """Start the process; one that is there is ended before."""
        self.end()
        self.starts += 1
        self._pipe, theirs = self._context.Pipe()
        arguments = (theirs, *self._arguments)
        self._process = self._context.Process(target=self._target, args=arguments, daemon=True)
        self._process.start()
        self._keeper.note(self._process.pid, there=True)
        theirs.close()

    def send(self, message: Any) -> None:
        """Send it something.

        Raises:
            Ended: it is gone.
        """
        if self._pipe is None:
            raise Ended
        try:
            self._pipe.send(message)
        except OSError as error:
            raise Ended from error

    def receive(self, deadline: float, watch: Callable[[], None] = lambda: None) -> Answer:
        """Wait for its next word.

        It is JSON, never a pickle: a process that a hostile file has taken over could otherwise
        have the server run what it likes.

        Args:
            deadline: of the monotonic clock.
            watch: called while waiting, and before the word is taken; may raise.

        Raises:
            Ended: it is gone, the deadline has passed, it talks nonsense, or everything has to end.
        """
        pipe = self._pipe  # another thread may end it meanwhile
        if pipe is None:
            raise Ended
        try:
            while not pipe.poll(_TICK):
                if self._stopped.is_set() or time.monotonic() > deadline or not self.is_alive:
                    raise Ended
                watch()
            watch()
            return read_answer(pipe.recv_bytes(_ANSWER_BYTES))
        except (EOFError, OSError, ValueError) as error:
            raise Ended from error

    def end(self) -> None:
        """End the process, whatever it does, and all that it started."""
        process, self._process = self._process, None
        if process is not None:
            end_group(process.pid)
            process.kill()
            process.join()
            self._keeper.note(process.pid, there=False)
            process.close()
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            pipe.close()
