"""Files of strangers are converted and tried in a process of their own, which may hang or die."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from unblur.batch.pool import Lost, in_processes
from unblur.confine import physical_bytes
from unblur.errors import CorruptWeights, SpecMismatch, UnblurError

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class ProofLimits:
    """What a network may take while it is converted and tried.

    Attributes:
        seconds: in all; large networks on slow processors take some minutes.
        memory_mb: of the process; None for three quarters of the computer's memory.
    """

    seconds: float = 900.0
    memory_mb: int | None = None


@dataclass(frozen=True)
class _Refused:
    """An error of ours on its way from one process to another."""

    error: UnblurError


def proved(job: Callable[[T], R], request: T, name: str, limits: ProofLimits) -> R:
    """Return what a job gives in a process of its own.

    Args:
        job: a picklable function; its errors of :mod:`unblur.errors` are raised here.
        request: picklable.
        name: of the file, for messages.
        limits: of time and memory.

    Raises:
        SpecMismatch: it takes longer.
        CorruptWeights: it takes more memory, ends its process, or raises any other error.
    """
    memory_mb = limits.memory_mb or int(physical_bytes() * 0.75 / 1e6)
    results = in_processes(
        partial(_caught, job),
        [request],
        1,
        memory_mb=memory_mb,
        timeout_s=limits.seconds,
        one_thread=False,
    )
    ((_, result),) = list(results)
    if isinstance(result, _Refused):
        raise result.error
    if not isinstance(result, Lost):
        return result
    if result.timed_out:
        raise SpecMismatch(
            f"{name} could not be tried within {limits.seconds:g} s; "
            "if the network is only slow, allow more with --timeout"
        )
    raise CorruptWeights(f"{name} cannot be used as a network: {result.reason}")


def _caught(job: Callable[[T], R], request: T) -> R | _Refused:
    try:
        return job(request)
    except UnblurError as error:
        return _Refused(error)
