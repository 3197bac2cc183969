"""The same jobs on a Dask cluster: a scheduler somewhere, or a small cluster made here."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from importlib import import_module
from typing import Any, TypeVar
from uuid import uuid4

from unblur.batch.pool import Lost, guarded
from unblur.errors import EngineFailed, MissingExtra

T = TypeVar("T")
R = TypeVar("R")

PATIENCE = "10s"
"""Until a scheduler that does not answer is given up."""

_AHEAD = 3
"""Items handed to the scheduler for each thread: enough that none waits, few enough to be held."""


_OUT_OF_TIME = 75
"""Exit code of a worker that has ended itself: EX_TEMPFAIL, try again."""


def on_cluster(
    job: Callable[[T], R],
    items: Sequence[T],
    *,
    scheduler: str | None,
    workers: int,
    memory_mb: int | None = None,
    timeout_s: float,
) -> Iterator[tuple[int, R | Lost]]:
    """Yield (index, result) of every item, each once, as they come.

    What a dead worker had in hand is given to another; an item that has taken several workers
    with it is given up (Dask's ``distributed.scheduler.allowed-failures``).

    Args:
        job: a picklable function that the workers can import; what it raises becomes ``Lost``.
        items: picklable.
        scheduler: address, as ``tcp://host:8786``; None: a cluster of processes made here.
        workers: of the cluster made here, one thread each.
        memory_mb: of each worker made here; Dask ends one that takes more.
        timeout_s: that an item may take in a worker; then the worker ends itself, which costs it
            what else it has in hand, and Dask has the item tried again as often as it does.

    Raises:
        MissingExtra: Dask is not installed.
        EngineFailed: the scheduler cannot be reached, has no workers, or is gone.
    """
    try:
        dask: Any = import_module("dask.distributed")  # its functions bear no types
    except ImportError as error:
        raise MissingExtra("distributed", "dask", "--engine dask") from error
    run = uuid4().hex
    with ExitStack() as stack:
        client = _client(dask, stack, scheduler, workers, memory_mb)
        numbers: dict[str, int] = {}

        def submit(number: int) -> Any:
            key = f"unblur-{run}-{number}"
            numbers[key] = number
            return client.submit(in_time, job, items[number], timeout_s, key=key, pure=False)

        left = iter(range(len(items)))
        begun = min(len(items), _AHEAD * _threads(client, scheduler))
        flow = dask.as_completed([submit(next(left)) for _ in range(begun)], loop=client.loop)
        for future in flow:
            number = numbers.pop(future.key)
            yield number, _result(future)
            following = next(left, None)
            if following is not None:
                flow.add(submit(following))


def in_time(job: Callable[[T], R], item: T, timeout_s: float) -> R | Lost:
    """Return what a job makes of an item; end this process if it takes longer.

    A thread cannot be stopped from outside, and what Dask runs here may not start processes.
    """
    watch = threading.Timer(timeout_s, os._exit, (_OUT_OF_TIME,))
    watch.daemon = True
    watch.start()
    try:
        return guarded(job, item)
    finally:
        watch.cancel()


def _client(
    dask: Any, stack: ExitStack, scheduler: str | None, workers: int, memory_mb: int | None
) -> Any:
    try:
        if scheduler is not None:
            given = dask.Client(scheduler, timeout=PATIENCE, set_as_default=False)
            return stack.enter_context(given)
        cluster = dask.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            memory_limit="auto" if memory_mb is None else memory_mb * 1_000_000,
            silence_logs=logging.ERROR,
        )
        return stack.enter_context(dask.Client(stack.enter_context(cluster), set_as_default=False))
    except (OSError, ValueError, RuntimeError) as error:
        where = scheduler or "a cluster here"
        raise EngineFailed(f"cannot reach {where}: {str(error).splitlines()[0]}") from error


def _threads(client: Any, scheduler: str | None) -> int:
    count = sum(client.nthreads().values())
    if not count:
        raise EngineFailed(f"the cluster at {scheduler} has no workers; start some: dask worker")
    return int(count)


def _result(future: Any) -> Any:
    if future.status == "finished":
        return future.result()
    if future.status == "error":
        text = str(future.exception()).strip().splitlines()
        return Lost(f"its workers died: {text[0] if text else 'no reason given'}", ended=True)
    raise EngineFailed(f"the cluster gave up ({future.status}); is its scheduler still there?")
