"""A few threads for what waits for nobody: windows, estimates, searches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from unblur.runtime import ALL_THREADS, Runtime

_In = TypeVar("_In")
_Out = TypeVar("_Out")


def in_threads(
    work: Callable[[_In], _Out], items: Sequence[_In], *, runtime: Runtime = ALL_THREADS
) -> list[_Out]:
    """Return what a function makes of each item, in order.

    Args:
        work: must not change what others share.
        items: what it is given.
        runtime: says how many are worked on at the same time; with one, no thread is begun.
    """
    threads = runtime.windows_at_once()
    if min(len(items), threads) < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, items))
