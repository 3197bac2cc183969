"""Who writes results to take home: worker processes of their own, so that nobody waits for a photo.

Writing a result decodes the upload once more, blends and encodes: as much a matter of a stranger's
bytes as restoring it. Clients take turns, so that a ZIP of hundreds keeps nobody else waiting.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from queue import SimpleQueue

from starlette.concurrency import run_in_threadpool

from unblur.web.child import Child, Ended, Notes
from unblur.web.orders import Done, Failed, Ready, Rendering
from unblur.web.settings import RENDERERS, Limits
from unblur.web.work import work

_START = 120.0


class Turns:
    """Places that clients take in turns: who was served last waits longest; for one event loop.

    Args:
        places: taken at a time.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def turn(self, client: str) -> AsyncIterator[None]:
        """Wait for a place and hold it."""
        await self._enter(client)
        try:
            yield
        finally:
            self._free += 1
            self._next()

    async def _enter(self, client: str) -> None:
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(client, deque()).append(mine)
        self._next()
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():  # it got its place just before
                self._free += 1
                self._next()
            raise

    def _next(self) -> None:
        while self._free and self._waiting:
            client, line = self._waiting.popitem(last=False)
            place = line.popleft()
            if line:
                self._waiting[client] = line
            if not place.done():
                self._free -= 1
                place.set_result(None)


class Renderers:
    """A few processes that write results; safe to use from any thread.

    Args:
        limits: time of a result and memory of the processes.
        keeper: is told of each process.
        stopped: set when everything has to end.
    """

    def __init__(self, limits: Limits, keeper: Notes, stopped: threading.Event) -> None:
        self._limits, self._stopped = limits, stopped
        self._turns = Turns(RENDERERS)
        self._idle: SimpleQueue[Child] = SimpleQueue()
        self._all = [
            Child(work, (limits.renderer_bytes, False), keeper, stopped) for _ in range(RENDERERS)
        ]
        for child in self._all:
            self._idle.put(child)

    async def write(self, order: Rendering, client: str) -> Done | Failed:
        """Write a result once it is this client's turn.

        Args:
            order: what, and where to.
            client: whoever has the fewest turns behind them goes first.
        """
        async with self._turns.turn(client):
            return await run_in_threadpool(partial(self._write, order))

    def stop(self) -> None:
        """End all processes; ``stopped`` must be set before."""
        for child in self._all:
            child.end()

    def _write(self, order: Rendering) -> Done | Failed:
        if self._stopped.is_set():
            return Failed("Stopped", "the server was stopped", 503)
        child = self._idle.get()
        try:
            return self._ask(child, order)
        finally:
            self._idle.put(child)

    def _ask(self, child: Child, order: Rendering) -> Done | Failed:
        until = time.monotonic() + self._limits.render_seconds
        try:
            if not child.is_alive:
                child.start()
                if not isinstance(child.receive(time.monotonic() + _START), Ready):
                    raise Ended
                until = time.monotonic() + self._limits.render_seconds
            child.send(order)
            news = child.receive(until)
            if isinstance(news, Done | Failed):
                return news
        except Ended:
            pass
        child.end()
        if self._stopped.is_set():
            return Failed("Stopped", "the server was stopped", 503)
        if time.monotonic() > until:
            seconds = self._limits.render_seconds
            return Failed("TimeOut", f"writing the result took longer than {seconds:g} s", 413)
        return Failed("WorkerLost", "writing the result stopped without a word; try again", 500)
