"""What every request must pass, and what every answer carries."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import time
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response

from unblur.web.answers import refuse
from unblur.web.hub import Hub

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    ]
)

HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "x-robots-tag": "noindex, nofollow",
}

_PATIENCE = 10
"""So many wrong passwords from one address, then a pause."""

_PAUSE_SECONDS = 60.0
_ADDRESSES = 1000


class Guard:
    """ASGI middleware: host, origin, password, headers, time limits, counts.

    Args:
        app: what is guarded.
        hub: the server's state.
    """

    def __init__(self, app: ASGIApp, hub: Hub) -> None:
        self._app, self._hub = app, hub
        self._wrong: dict[str, tuple[int, float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        stall = self._hub.settings.limits.stall_seconds

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._hub.answers[message["status"]] += 1
                _add_headers(MutableHeaders(scope=message), scope["path"])
            # A client that does not take its answer holds memory and a place.
            await asyncio.wait_for(send(message), stall)

        refusal = self._refusal(scope)
        await (refusal or self._app)(scope, receive, answer)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._hub.settings.knows_host(hosts[0]):
            return refuse(421, "WrongHost", "this server is not known by that host name")
        if scope["path"].startswith("/api/") and not self._is_ours(headers, hosts[0]):
            return refuse(403, "CrossOrigin", "requests of other sites are not answered")
        if self._hub.settings.password is None or scope["path"] == "/health":
            return None
        return self._check_password(headers, scope)

    def _is_ours(self, headers: Headers, host: str) -> bool:
        """Whether a request comes from our own page, or from a program that is no browser."""
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return False
        origin = headers.get("origin")
        # A proxy in front may have taken the encryption off.
        return origin is None or origin in (f"http://{host}", f"https://{host}")

    def _check_password(self, headers: Headers, scope: Scope) -> Response | None:
        client = scope["client"][0] if scope.get("client") else ""
        count, until = self._wrong.get(client, (0, 0.0))
        if count >= _PATIENCE and time.monotonic() < until:
            return refuse(429, "TooManyTries", "too many wrong passwords; wait a minute")
        given = _basic_password(headers.get("authorization", ""))
        wanted = self._hub.settings.password or ""
        if given is not None and hmac.compare_digest(given.encode(), wanted.encode()):
            self._wrong.pop(client, None)
            return None
        if given is not None:
            if len(self._wrong) >= _ADDRESSES:
                self._wrong.clear()
            count = 1 if count >= _PATIENCE else count + 1
            self._wrong[client] = count, time.monotonic() + _PAUSE_SECONDS
        response = refuse(401, "PasswordNeeded", "the password is needed (any user name)")
        response.headers["www-authenticate"] = 'Basic realm="unblur", charset="UTF-8"'
        return response


def _add_headers(headers: MutableHeaders, path: str) -> None:
    for name, value in HEADERS.items():
        headers[name] = value
    # The page itself is asked for anew each time, so that it always fits its server.
    kept = "no-cache" if path == "/" or path.startswith("/static/") else "no-store"
    headers["cache-control"] = kept


def _basic_password(header: str) -> str | None:
    """Return the password of an Authorization header, None if it holds none."""
    scheme, _, text = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(text.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None
    return decoded.partition(":")[2]
