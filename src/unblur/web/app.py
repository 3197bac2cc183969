"""The application: end points, page, guard, errors as JSON."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from unblur.errors import DiskFull, UnblurError, is_disk_full
from unblur.web.answers import Refused, refuse
from unblur.web.api import Api
from unblur.web.guard import Guard
from unblur.web.hub import Hub

STATIC = Path(__file__).parent / "static"
_LOG = logging.getLogger(__name__)


def make_app(hub: Hub) -> Starlette:
    """Return the ASGI application of a server.

    Args:
        hub: its state; started and closed with the application.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        hub.start()
        try:
            yield
        finally:
            await run_in_threadpool(hub.close)

    routes = [
        Route("/", _page, methods=["GET"]),
        *Api(hub).routes(),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(Guard, hub=hub)],
        exception_handlers={
            UnblurError: _ours,
            Refused: _ours,
            HTTPException: _http,
            OSError: _system,
            Exception: _other,
        },
        lifespan=lifespan,
    )


async def _page(request: Request) -> Response:
    return FileResponse(STATIC / "index.html", media_type="text/html")


async def _ours(request: Request, error: Exception) -> Response:
    if isinstance(error, Refused):
        status, code = error.failed.status, error.failed.code
    else:
        status, code = getattr(error, "http_status", 500), type(error).__name__
    response = refuse(status, code, str(error))
    if status in (429, 503, 507):
        response.headers["retry-after"] = "10"
    if status in (408, 413, 415, 507):
        response.headers["connection"] = "close"  # the rest of the body is not waited for
    return response


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return refuse(error.status_code, "HttpError", error.detail)


async def _system(request: Request, error: Exception) -> Response:
    if is_disk_full(error):
        return await _ours(request, DiskFull())
    raise error


async def _other(request: Request, error: Exception) -> Response:
    return refuse(500, "InternalError", f"something went wrong inside ({type(error).__name__})")
