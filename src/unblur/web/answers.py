"""Answers beyond those of the framework."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, JSONResponse, StreamingResponse

from unblur.web.names import disposition, media_type
from unblur.web.orders import Failed

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send


class Refused(Exception):
    """A worker refused what a request asked of it.

    Args:
        failed: its word; has a code and a status of its own.
    """

    def __init__(self, failed: Failed) -> None:
        super().__init__(failed.message)
        self.failed = failed


class OnceResponse(FileResponse):
    """A file that is gone when it was sent, or could not be.

    Args:
        path: of the file.
        name: under which it is saved.
        over: called once, at the end, however it comes.
    """

    def __init__(self, path: Path, name: str, over: Callable[[], None]) -> None:
        headers = {"content-disposition": disposition(name)}
        super().__init__(path, headers=headers, media_type=media_type(name))
        self._over = over

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await run_in_threadpool(self._over)


class EventsResponse(StreamingResponse):
    """A stream of events.

    Args:
        events: as text, ready to be sent.
        over: called once, at the end, however it comes.
    """

    def __init__(self, events: AsyncIterator[str], over: Callable[[], None]) -> None:
        # nginx would hold the events back until it has a page of them.
        super().__init__(
            events, media_type="text/event-stream", headers={"x-accel-buffering": "no"}
        )
        self._over = over

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._over()


def refuse(status: int, code: str, message: str) -> JSONResponse:
    """Return the answer to a request that is not served."""
    return JSONResponse({"error": {"code": code, "message": message}}, status)
