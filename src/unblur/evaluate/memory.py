"""What a piece of work costs: seconds, and the most memory that was held meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_RESET, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


def measured(work: Callable[[], T]) -> tuple[T, float, float | None]:
    """Do a piece of work in this process.

    Returns:
        Its result, wall seconds, and the peak of resident memory in 10^6 bytes: of the whole
        process, with what it held before. None where the system cannot tell the peak of a
        while (all but Linux).
    """
    can_tell = _reset_peak()
    begun = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - begun
    return result, seconds, _peak_mb() if can_tell else None


def _reset_peak() -> bool:
    """Start a new peak at what is held now; see proc(5), clear_refs."""
    try:
        _RESET.write_text("5")
    except OSError:
        return False
    return True


def _peak_mb() -> float | None:
    for line in _STATUS.read_text("ascii", "replace").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    return None
