"""Listening: uvicorn with time limits, and an end that waits for nobody."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from unblur.errors import CannotListen
from unblur.web.app import make_app
from unblur.web.hub import Hub
from unblur.web.settings import Settings

_HEAD_BYTES = 64_000
_MORE_PORTS = 20


class PatientProtocol(H11Protocol):
    """HTTP whose heads must come in time; uvicorn by itself waits for ever."""

    head_seconds = 10.0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See :class:`asyncio.Protocol`."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """See :class:`asyncio.Protocol`."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._rest()
        elif self._deadline is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """See :class:`asyncio.Protocol`."""
        self._rest()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._deadline = self.loop.call_later(self.head_seconds, self.transport.abort)

    def _rest(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class Server(uvicorn.Server):
    """A uvicorn server whose open streams end when it is asked to stop."""

    def __init__(self, config: uvicorn.Config, hub: Hub) -> None:
        super().__init__(config)
        self._hub = hub

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop."""
        self._hub.stopping.set()
        await super().shutdown(sockets)


def listen(host: str, port: int, *, exact: bool) -> socket.socket:
    """Return a socket that listens.

    Args:
        host: address.
        port: wanted; 0 lets the system choose.
        exact: no other port will do; otherwise the next free one is taken.

    Raises:
        CannotListen: no port is free, or the address is not this machine's.
    """
    reason: OSError | None = None
    for offset in range(1 if exact or port == 0 else _MORE_PORTS):
        try:
            family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
            return socket.create_server((host, port + offset), family=family, backlog=256)
        except OSError as error:
            reason = error
    text = getattr(reason, "strerror", None) or reason
    raise CannotListen(f"cannot listen on {host}, port {port}: {text}; choose another --port")


def make_server(settings: Settings, hub: Hub) -> Server:
    """Return a server, not running yet."""
    protocol: type[Any] = type(
        "Protocol", (PatientProtocol,), {"head_seconds": settings.limits.header_seconds}
    )
    config = uvicorn.Config(
        make_app(hub),
        http=protocol,
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=settings.limits.connections,
        backlog=256,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=3,
        h11_max_incomplete_event_size=_HEAD_BYTES,
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.key,
    )
    return Server(config, hub)


def serve(settings: Settings, listener: socket.socket) -> None:
    """Serve until a signal ends it.

    Args:
        settings: how.
        listener: made by :func:`listen`.
    """
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    hub = Hub(settings)
    try:
        make_server(settings, hub).run(sockets=[listener])
    finally:
        hub.close()
        listener.close()
