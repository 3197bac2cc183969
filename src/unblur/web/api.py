"""The end points. What they take and give is described in :mod:`unblur.web.openapi`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from unblur import __version__
from unblur.errors import BadValue, NotFound, NoToken, NotSent
from unblur.web.answers import EventsResponse, OnceResponse, Refused
from unblur.web.guard import TOKEN_HEADER
from unblur.web.hub import Hub
from unblur.web.jobs import Job
from unblur.web.metrics import metrics_text
from unblur.web.names import disposition, media_type
from unblur.web.openapi import document
from unblur.web.orders import Failed, Rendering, Wanted
from unblur.web.passwords import client_of
from unblur.web.receive import receive_json, receive_upload
from unblur.web.requests import job_of, wanted_of
from unblur.web.store import new_id
from unblur.web.streams import Stream

_TICK = 0.15
_HEARTBEAT = 10.0
_MOST_ZIPPED = 500

Handler = Callable[[Request], Awaitable[Response]]


class Api:
    """The end points of one server.

    Args:
        hub: its state.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def routes(self) -> list[Route]:
        """Return all end points."""
        table: list[tuple[str, str, Handler]] = [
            ("GET", "/health", self.health),
            ("GET", "/metrics", self.metrics),
            ("GET", "/api/openapi.json", self.openapi),
            ("GET", "/api/session", self.session),
            ("DELETE", "/api/session", self.end_session),
            ("POST", "/api/uploads", self.upload),
            ("DELETE", "/api/uploads/{id}", self.remove_upload),
            ("GET", "/api/jobs", self.jobs),
            ("POST", "/api/jobs", self.add_job),
            ("GET", "/api/jobs/{id}", self.job),
            ("DELETE", "/api/jobs/{id}", self.remove_job),
            ("POST", "/api/jobs/{id}/cancel", self.cancel_job),
            ("GET", "/api/jobs/{id}/result", self.result),
            ("GET", "/api/jobs/{id}/{picture:str}", self.picture),
            ("GET", "/api/events", self.events),
            ("GET", "/api/zip", self.zip),
        ]
        return [Route(path, handler, methods=[method]) for method, path, handler in table]

    async def health(self, request: Request) -> Response:
        """Whether the server can do its work."""
        alive = sum(worker.is_alive for worker in self._hub.workers)
        status = 200 if alive else 503
        text = "ok" if alive else "starting"
        return JSONResponse({"status": text, "workers": alive}, status)

    async def metrics(self, request: Request) -> Response:
        """Counts for Prometheus."""
        text = metrics_text(self._hub)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    async def openapi(self, request: Request) -> Response:
        """The description of this API."""
        return JSONResponse(document())

    async def session(self, request: Request) -> Response:
        """A token, and what the server can do; the given token is kept if it is ours."""
        given = request.headers.get(TOKEN_HEADER, "")
        known = self._hub.session_of(given) is not None
        limits = self._hub.settings.limits
        return JSONResponse(
            {
                "token": given if known else self._hub.new_token(),
                "version": __version__,
                "models": self._hub.models(),
                "limits": {
                    "upload_bytes": limits.upload_bytes,
                    "pixels": limits.pixels,
                    "clip_seconds": limits.clip_seconds,
                    "idle_seconds": limits.idle_seconds,
                },
            }
        )

    async def end_session(self, request: Request) -> Response:
        """Remove everything of a session."""
        session = self._session(request)
        await run_in_threadpool(self._hub.remove_session, session)
        return Response(status_code=204)

    async def upload(self, request: Request) -> Response:
        """Take one file."""
        upload = await receive_upload(request, self._hub, self._session(request))
        kind = "clip" if upload.clip else "file"
        row = {"id": upload.id, "name": upload.name, "bytes": upload.size, "kind": kind}
        return JSONResponse(row, 201)

    async def remove_upload(self, request: Request) -> Response:
        """Remove a file, its jobs and their results."""
        upload = self._hub.store.upload(request.path_params["id"], self._session(request))
        await run_in_threadpool(self._hub.remove_upload, upload)
        return Response(status_code=204)

    async def jobs(self, request: Request) -> Response:
        """All jobs of the session."""
        return JSONResponse({"jobs": self._rows(self._session(request))})

    async def add_job(self, request: Request) -> Response:
        """Put a job into the queue."""
        session = self._session(request)
        asked = await receive_json(request, self._hub)
        job = job_of(asked, self._hub, session, client_of(request.scope))
        try:
            self._hub.store.reserve(job.id, 0, session)
            job.order = replace(job.order, folder=self._hub.store.folder(job.id))
            self._hub.queue.add(job)
        except BaseException:
            self._hub.store.release(job.id)
            raise
        return JSONResponse(self._hub.queue.to_dict(job), 202)

    async def job(self, request: Request) -> Response:
        """One job."""
        return JSONResponse(self._hub.queue.to_dict(self._job(request)))

    async def cancel_job(self, request: Request) -> Response:
        """Ask for a job's end."""
        job = self._job(request)
        self._hub.queue.cancel(job)
        return JSONResponse(self._hub.queue.to_dict(job))

    async def remove_job(self, request: Request) -> Response:
        """End a job and remove its results."""
        await run_in_threadpool(self._hub.remove_job, self._job(request))
        return Response(status_code=204)

    async def picture(self, request: Request) -> Response:
        """A picture of a job, or its motion; the job's identifier is the key to it."""
        job = self._hub.queue.get(request.path_params["id"])
        name = request.path_params["picture"]
        path = _picture(job, name)
        if path is None or not path.is_file():
            raise NotFound("there is no such picture of this job")
        return FileResponse(path, content_disposition_type="inline")

    async def result(self, request: Request) -> Response:
        """A result to take home."""
        job = self._hub.queue.get(request.path_params["id"])
        wanted = wanted_of(job, self._hub, request.query_params)
        if wanted.clip:
            name = f"{Path(wanted.name).stem}.unblurred{wanted.clip}"
            headers = {"content-disposition": disposition(name)}
            path = wanted.folder / f"result{wanted.clip}"
            return FileResponse(path, headers=headers, media_type=media_type(name))
        owner = new_id()
        try:
            target = self._hub.store.folder(owner) / "result"
            name = await self._render(Rendering(wanted, target), job.session)
            return self._once(target, name, owner)
        except BaseException:
            self._hub.store.release(owner)
            raise

    async def zip(self, request: Request) -> Response:
        """Several results in one file: ``job=ID:STRENGTH``, repeated."""
        items = request.query_params.getlist("job")
        if not 1 <= len(items) <= _MOST_ZIPPED:
            raise BadValue(f"a ZIP takes 1 to {_MOST_ZIPPED} jobs, got {len(items)}")
        jobs = [self._hub.queue.get(item.partition(":")[0]) for item in items]
        wanted = [self._zipped(item, request) for item in items]
        owner = new_id()
        try:
            target = self._hub.store.folder(owner) / "unblurred.zip"
            names: list[str] = []
            for job, one in zip(jobs, wanted, strict=True):
                if await request.is_disconnected():
                    raise NotSent("nobody waits for the ZIP any more")
                order = Rendering(one, target, packed=True, taken=tuple(names))
                names.append(await self._render(order, job.session))
                self._hub.store.measure(owner)
                self._hub.store.reserve(owner, 0, job.session)
            return self._once(target, "unblurred.zip", owner)
        except BaseException:
            self._hub.store.release(owner)
            raise

    async def _render(self, order: Rendering, client: str) -> str:
        """Have a result written by a worker process and return its name."""
        answer = await self._hub.renderers.write(order, client)
        if isinstance(answer, Failed):
            raise Refused(answer)
        return str(answer.result["name"])

    def _once(self, path: Path, name: str, owner: str) -> Response:
        self._hub.store.measure(owner)
        return OnceResponse(path, name, partial(self._hub.store.release, owner))

    async def events(self, request: Request) -> Response:
        """The session's jobs, each time that anything changes (server-sent events)."""
        stream = self._hub.streams.open(self._session(request), client_of(request.scope))
        over = partial(self._hub.streams.close, stream)
        return EventsResponse(self._events(stream), over)

    async def _events(self, stream: Stream) -> AsyncIterator[str]:
        hub, session, shown, seen, quiet = self._hub, stream.session, "", -1, 0.0
        while not (hub.stopping.is_set() or stream.over):
            hub.store.touch(session)
            if hub.queue.version != seen:
                seen = hub.queue.version
                text = json.dumps({"jobs": self._rows(session)}, separators=(",", ":"))
                if text != shown:
                    shown, quiet = text, 0.0
                    yield f"event: jobs\ndata: {text}\n\n"
            if quiet >= _HEARTBEAT:
                quiet = 0.0
                yield ": still here\n\n"
            await asyncio.sleep(_TICK)
            quiet += _TICK
        yield "event: bye\ndata: {}\n\n"

    def _zipped(self, item: str, request: Request) -> Wanted:
        identifier, _, strength = item.partition(":")
        job = self._hub.queue.get(identifier)
        return wanted_of(job, self._hub, request.query_params, strength or "1")

    def _rows(self, session: str) -> list[dict[str, Any]]:
        return [self._hub.queue.to_dict(job) for job in self._hub.queue.of_session(session)]

    def _session(self, request: Request) -> str:
        session = self._hub.session_of(request.headers.get(TOKEN_HEADER, ""))
        if session is None:
            raise NoToken("the token is missing or old; get one from /api/session")
        return session

    def _job(self, request: Request) -> Job:
        return self._hub.queue.get(request.path_params["id"], self._session(request))


def _picture(job: Job, name: str) -> Path | None:
    """Return the file that a picture's name stands for; names outside the table have none."""
    folder, result = job.order.folder, job.result or {}
    table = {
        "before": folder / f"before{result.get('shown', '.png')}",
        "after": folder / f"after{result.get('shown', '.png')}",
        "preview": folder / "preview.jpg",
        "motion": folder / "motion.json",
        "heat": folder / "heat.jpg",
        "layers": folder / "layers.png",
    }
    if job.order.clip:
        table["before"], table["after"] = job.order.source, folder / f"result{job.order.clip}"
    return table.get(name)
