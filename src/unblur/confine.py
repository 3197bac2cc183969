"""What a process that reads strangers' files may do: bounded memory, no other programs, one group.

A decoder is a large attack surface, and some decoders of well-kept libraries start other programs
(Pillow reads EPS by Ghostscript). So files of strangers are read in processes of their own, which
confine themselves before they see the first byte and can be ended whole, by their group.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from multiprocessing.connection import wait
from typing import Any

_CODE_BYTES = 16_000_000_000
"""Address space beyond the memory: libraries, stacks and arenas that are mapped, never touched."""

_PROGRAMS = (
    *("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.spawn"),
    *("os.posix_spawn", "os.startfile", "os.startfile/2", "pty.spawn"),
)
"""Events of Python's audit (PEP 578) that come before another program or process is started."""


def confine(memory_bytes: int | None = None) -> None:
    """Confine the calling process; there is no way back.

    It becomes the leader of a session and group of its own, so that a signal of the terminal does
    not reach it and :func:`end_group` ends it with all that it started. It cannot start other
    programs through Python, writes no core file, and gets ``MemoryError`` (or ends, in libraries
    that do not check) beyond its memory. What a system does not have is left out: Windows has
    neither groups of this kind nor these limits, macOS does not heed the limit on memory.

    Args:
        memory_bytes: of the process's own data; no bound if None.
    """
    if sys.platform != "win32":
        with contextlib.suppress(OSError):  # it leads one already
            os.setsid()
        _limit(memory_bytes)
    sys.addaudithook(_refuse_programs)


def end_group(pid: int) -> None:
    """End a process that was confined, at once, and all processes that it started.

    Args:
        pid: of the confined process; one that is gone already may have left others behind.
    """
    if sys.platform == "win32":
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGTERM)
        return
    # One that was ended before it could confine itself leads no group yet.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def end_with_parent() -> None:
    """Let the calling worker process end as soon as its parent does.

    A killed parent cannot tell its processes to stop, and nobody would use their work.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent.sentinel,), daemon=True).start()


def _end_after(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


def physical_bytes() -> int:
    """Return the memory of this computer in bytes, 4 GB where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 4_000_000_000


def _limit(memory_bytes: int | None) -> None:
    if sys.platform == "win32":
        return
    import resource

    wanted = [(resource.RLIMIT_CORE, 0)]
    if memory_bytes is not None:
        # On Linux DATA counts what is really private memory; AS also what is only reserved.
        wanted += [
            (resource.RLIMIT_DATA, memory_bytes),
            (resource.RLIMIT_AS, memory_bytes + _CODE_BYTES),
        ]
    for kind, value in wanted:
        hard = resource.getrlimit(kind)[1]
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (most, most))


def _refuse_programs(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _PROGRAMS:
        raise PermissionError("this process reads files of strangers and starts no other program")
