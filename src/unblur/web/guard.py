"""What every request must pass, and what every answer carries."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse, Response

from unblur.web.answers import refuse
from unblur.web.hub import Hub
from unblur.web.passwords import Tries, client_of, is_right

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

TOKEN_HEADER = "x-unblur-token"


class Guard:
    """ASGI middleware: host, origin, password, headers, time limits, counts.

    Args:
        app: what is guarded.
        hub: the server's state.
    """

    def __init__(self, app: ASGIApp, hub: Hub) -> None:
        self._app, self._hub = app, hub
        self._tries = Tries()
        self._busy: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        scope, moved = self._without_root(scope)
        client, limits = client_of(scope), self._hub.settings.limits

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._hub.answers[message["status"]] += 1
                _add_headers(MutableHeaders(scope=message), scope["path"])
            # A client that does not take its answer holds memory and a place.
            await asyncio.wait_for(send(message), limits.stall_seconds)

        if self._busy[client] >= limits.connections_address:
            busy = refuse(429, "TooMany", "too many requests at the same time")
            await busy(scope, receive, answer)
            return
        self._busy[client] += 1
        try:
            refusal = self._refusal(scope)
            refusal = refusal or await self._check_password(Headers(scope=scope), scope) or moved
            await (refusal or self._app)(scope, receive, answer)
        finally:
            self._busy[client] -= 1
            if not self._busy[client]:
                del self._busy[client]

    def _without_root(self, scope: Scope) -> tuple[Scope, Response | None]:
        """Return a request without the path that a proxy puts before ours, or where to go for it.

        Proxies that take it away themselves need no setting: the page asks by relative addresses.
        """
        root, path = self._hub.settings.root_path, scope["path"]
        if not root or not (path + "/").startswith(root + "/"):
            return scope, None
        if path == root:
            # Only the last part: what is before it is the proxy's, and may be more than we know.
            there = RedirectResponse(f"{root.rpartition('/')[2]}/", 308)
            return {**scope, "path": "/"}, there
        return {**scope, "path": path[len(root) :], "raw_path": b""}, None

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._hub.settings.knows_host(hosts[0]):
            return refuse(421, "WrongHost", "this server is not known by that host name")
        if scope["path"].startswith("/api/") and not self._is_ours(headers, hosts[0]):
            return refuse(403, "CrossOrigin", "requests of other sites are not answered")
        return None

    def _is_ours(self, headers: Headers, host: str) -> bool:
        """Whether a request comes from our own page, or from a program that is no browser."""
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return False
        origin = headers.get("origin")
        # A proxy in front may have taken the encryption off.
        return origin is None or origin in (f"http://{host}", f"https://{host}")

    async def _check_password(self, headers: Headers, scope: Scope) -> Response | None:
        settings = self._hub.settings
        if settings.password is None or scope["path"] == "/health":
            return None
        right = is_right(headers.get("authorization", ""), settings.password)
        if right is not None:
            seconds = self._tries.seconds(client_of(scope), right=right)
            # A page that is in already is not slowed down by who guesses at the same address.
            if right and seconds and self._hub.session_of(headers.get(TOKEN_HEADER, "")):
                seconds = 0.0
            await asyncio.sleep(seconds)
        if right:
            return None
        response = refuse(401, "PasswordNeeded", "the password is needed (any user name)")
        response.headers["www-authenticate"] = 'Basic realm="unblur", charset="UTF-8"'
        return response


def _add_headers(headers: MutableHeaders, path: str) -> None:
    for name, value in HEADERS.items():
        headers[name] = value
    # The page itself is asked for anew each time, so that it always fits its server.
    kept = "no-cache" if path == "/" or path.startswith("/static/") else "no-store"
    headers["cache-control"] = kept
