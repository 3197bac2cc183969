"""The keeper: a process that tidies up after a server that could not do so itself.

It reads no file of anybody and waits on a pipe that only the server holds. When the pipe closes,
the server is gone, however it ended: what is left of its workers is ended, the private folder
removed. Workers could not do that themselves: one may be caught in a decoder for hours.
"""

from __future__ import annotations

import contextlib
import shutil
import threading
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from unblur.confine import confine, end_group

_PATIENCE = 5.0


def keep(pipe: Connection, root: Path) -> None:
    """Wait for the server's end; the target of the keeper process.

    Args:
        pipe: (process, whether it is there) of each worker that starts or ends.
        root: the private folder.
    """
    confine()
    processes: set[int] = set()
    with contextlib.suppress(EOFError, OSError):
        while True:
            pid, there = pipe.recv()
            (processes.add if there else processes.discard)(pid)
    for pid in processes:
        end_group(pid)
    shutil.rmtree(root, ignore_errors=True)


class Keeper:
    """The server's side of it; safe to use from any thread.

    Args:
        root: the private folder.
    """

    def __init__(self, root: Path) -> None:
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=keep, args=(theirs, root), daemon=True)
        self._process.start()
        theirs.close()
        self._lock = threading.Lock()

    def note(self, pid: int, *, there: bool) -> None:
        """Tell that a worker process started or ended."""
        # A keeper that was ended is no reason to stop serving.
        with self._lock, contextlib.suppress(OSError):
            self._pipe.send((pid, there))

    def stop(self) -> None:
        """Have it tidy up, and wait for that."""
        self._pipe.close()
        self._process.join(_PATIENCE)
        if self._process.is_alive():
            self._process.kill()
