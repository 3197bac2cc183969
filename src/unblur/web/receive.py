"""Bodies of requests: bounded in size and in time, written where only we decide."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import PurePosixPath
from typing import Any

from starlette.requests import ClientDisconnect, Request

from unblur.errors import BadValue, NotSent, TooLarge, TooSlow, WrongType
from unblur.web.hub import Hub
from unblur.web.names import clip_suffix, safe_name
from unblur.web.settings import Limits
from unblur.web.store import Upload, new_id

_JSON_BYTES = 64_000
_NUMBERS = (".npy", ".txt", ".csv")
_FREE_SECONDS = 10.0


async def chunks(request: Request, limits: Limits, most: int) -> AsyncIterator[bytes]:
    """Yield a body as it comes.

    Raises:
        WrongType: it is a form, or packed.
        TooLarge: more bytes than ``most``, announced or sent.
        TooSlow: it stood still, or crawled.
        NotSent: the client went away.
    """
    _check_type(request)
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > most:
        raise _too_large(most)
    begun, size = time.monotonic(), 0
    stream = request.stream()
    while True:
        try:
            chunk = await asyncio.wait_for(anext(stream, None), limits.stall_seconds)
        except asyncio.TimeoutError as error:
            raise TooSlow("nothing came for too long; send it again") from error
        except ClientDisconnect as error:
            raise NotSent("the upload broke off") from error
        if chunk is None:
            return
        size += len(chunk)
        if size > most:
            raise _too_large(most)
        elapsed = time.monotonic() - begun
        if elapsed > _FREE_SECONDS + limits.stall_seconds and size < elapsed * limits.slowest_bytes:
            raise TooSlow("it came too slowly; send it again over a better connection")
        yield chunk


def _check_type(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind.startswith("multipart/"):
        raise WrongType(
            f"this is a form ({kind}); send the file itself as the body, as "
            "curl --data-binary @photo.jpg does, its name in ?name="
        )
    packed = request.headers.get("content-encoding", "").strip().lower()
    if packed not in ("", "identity"):
        raise WrongType(f"the body is packed ({packed[:40]}); send it as it is")


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"the file is too large; {most / 1e6:.0f} MB are allowed")


async def receive_upload(request: Request, hub: Hub, session: str) -> Upload:
    """Write a body into the private folder; nothing is left of one that fails.

    Raises:
        WrongType, TooLarge, TooSlow, NotSent, TooMany, Full: see there.
    """
    limits = hub.settings.limits
    name = safe_name(request.query_params.get("name", ""))
    identifier = new_id()
    size, start = 0, b""
    suffix = PurePosixPath(name).suffix.lower()
    # Of the name only its kind counts, and only where the content cannot tell: numbers of a PSF.
    stored = f"input{suffix}" if suffix in _NUMBERS else "input.bin"
    try:
        path = hub.store.folder(identifier) / stored
        with path.open("wb") as stream:
            async for chunk in chunks(request, limits, limits.upload_bytes):
                hub.store.reserve(identifier, len(chunk), session)
                start = start or chunk[:64]
                size += len(chunk)
                hub.received_bytes += len(chunk)
                stream.write(chunk)
        if size == 0:
            raise NotSent("the file is empty (0 bytes)")
        clip = clip_suffix(start) or ""
        if clip:
            path = path.rename(path.with_name(f"input{clip}"))
    except BaseException:
        hub.store.release(identifier)
        raise
    upload = Upload(identifier, session, name, path, size, clip)
    hub.store.add(upload)
    return upload


async def receive_json(request: Request, hub: Hub) -> dict[str, Any]:
    """Return a small JSON object.

    Raises:
        BadValue: it is something else.
    """
    parts = [part async for part in chunks(request, hub.settings.limits, _JSON_BYTES)]
    try:
        value = json.loads(b"".join(parts))
    except (ValueError, RecursionError) as error:
        raise BadValue("the request is not JSON") from error
    if not isinstance(value, dict):
        raise BadValue("the request must be a JSON object")
    return value
