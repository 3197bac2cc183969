"""Listening: uvicorn with time limits, and an end that waits for nobody."""

from __future__ import annotations

import asyncio
import logging
import socket
from functools import partial
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from unblur.errors import CannotListen
from unblur.web.app import make_app
from unblur.web.connections import Connections
from unblur.web.hub import Hub
from unblur.web.passwords import client_key
from unblur.web.settings import Settings

_HEAD_BYTES = 64_000
_MORE_PORTS = 20
_TOO_MANY_BODY = b'{"error":{"code":"TooMany","message":"too many connections from this address"}}'
_TOO_MANY = (
    b"HTTP/1.1 429 Too Many Requests\r\nconnection: close\r\nretry-after: 10\r\n"
    b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
    % (len(_TOO_MANY_BODY), _TOO_MANY_BODY)
)


class PatientProtocol(H11Protocol):
    """HTTP whose heads must come in time, and of whose connections each address has its share.

    uvicorn by itself waits for ever, and lets one client have all connections.
    """

    head_seconds = 10.0
    registry: Connections
    address = ""
    _deadline: asyncio.TimerHandle | None = None

    @property
    def is_quiet(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def drop(self) -> None:
        """Close the connection at once."""
        self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See :class:`asyncio.Protocol`."""
        super().connection_made(transport)
        self.address = client_key(self.client[0]) if self.client else ""
        if not self.registry.enter(self, self.address):
            transport.write(_TOO_MANY)
            transport.close()
            return
        self._wait()

    def data_received(self, data: bytes) -> None:
        """See :class:`asyncio.Protocol`."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if not self.is_quiet:
            self._rest()
        elif self._deadline is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """See :class:`asyncio.Protocol`."""
        self._rest()
        self.registry.leave(self, self.address)
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

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen; a client that begins TLS and says no more is dropped like one that is silent."""
        if self.config.is_ssl:
            loop = asyncio.get_running_loop()
            seconds = self._hub.settings.limits.header_seconds
            create = partial(loop.create_server, ssl_handshake_timeout=seconds)
            loop.create_server = create  # type: ignore[method-assign]
        await super().startup(sockets)

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
    limits = settings.limits
    registry = Connections(limits.connections, limits.connections_address, settings.is_proxy)
    protocol: type[Any] = type(
        "Protocol",
        (PatientProtocol,),
        {"head_seconds": limits.header_seconds, "registry": registry},
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
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        # The last resort only: connections that were dropped still count for a moment.
        limit_concurrency=2 * limits.connections,
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
