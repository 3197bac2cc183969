"""What whoever starts the server may choose, and what it lets in."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass, field

from unblur.confine import physical_bytes
from unblur.errors import BadValue
from unblur.io import MAX_PIXELS
from unblur.runtime import ALL_THREADS, Runtime

_SHORTEST_PASSWORD = 8
_ROOT_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")

RENDERERS = 2
"""Processes that write results to take home, beside the workers: enough for people, and one is
free while the other packs a ZIP."""

_CLIP_PATIENCE = 3
"""A clip may take so many times as long as a photo: 15 s at 30 frames a second, 4 s a frame."""

_MEMORY_BYTES = 8_000_000_000
_MEMORY_SHARE = 0.75
"""A worker's memory unless told otherwise, at most this share of what the computer has."""


def default_memory_bytes() -> int:
    """Return what a worker process may have unless told otherwise, in bytes."""
    return min(_MEMORY_BYTES, int(_MEMORY_SHARE * physical_bytes()))


@dataclass(frozen=True)
class Limits:
    """Bounds on what clients may ask for.

    Attributes:
        upload_bytes: of one file.
        stored_bytes: of all uploads and results together.
        pixels: of one photo; a quarter of it of one frame of a clip.
        clip_seconds: length of a clip.
        waiting: jobs in the queue, of all clients; a client that has none there may add one more.
        waiting_session, waiting_address: of one session, of one address.
        connections: open at a time.
        connections_address: of one address, and its requests at a time.
        streams: of events, open at a time.
        streams_session, streams_address: of one session, of one address.
        idle_seconds: files of a client that is not heard of for so long are removed.
        job_seconds: a photo that takes longer is ended; a clip may take three times as long.
        reading_seconds: of it, a file that is not read by then is given up: what takes so long is
            made to, and others wait.
        render_seconds: writing one result may take so long.
        memory_bytes: of each worker process.
        header_seconds: the head of a request must have come in this time.
        stall_seconds: a body, or the taking of an answer, may not stand still for longer.
        slowest_bytes: per second; a body that is slower on the whole is given up.
    """

    upload_bytes: int = 200_000_000
    stored_bytes: int = 8_000_000_000
    pixels: int = MAX_PIXELS
    clip_seconds: float = 15.0
    waiting: int = 400
    waiting_session: int = 200
    waiting_address: int = 300
    connections: int = 256
    connections_address: int = 64
    streams: int = 128
    streams_session: int = 4
    streams_address: int = 32
    idle_seconds: float = 900.0
    job_seconds: float = 600.0
    reading_seconds: float = 120.0
    render_seconds: float = 300.0
    memory_bytes: int = field(default_factory=default_memory_bytes)
    header_seconds: float = 10.0
    stall_seconds: float = 20.0
    slowest_bytes: int = 20_000

    @property
    def renderer_bytes(self) -> int:
        """Memory of a process that writes results: it holds a photo, but no networks, no tiles."""
        return self.memory_bytes // 2

    def seconds_of(self, *, clip: bool) -> float:
        """Return how long a job may take."""
        return self.job_seconds * (_CLIP_PATIENCE if clip else 1)


@dataclass(frozen=True)
class Settings:
    """How a server runs.

    Attributes:
        host: address that is listened on.
        port: 0 lets the system choose.
        password: asked of everybody; needed where others can reach the server.
        names: further host names by which the server may be called.
        workers: processes that restore, each one photo at a time.
        runtime: how each runs the networks.
        certificate, key: files of a TLS certificate and its key; plain HTTP without.
        trusted_proxies: addresses or networks whose X-Forwarded-For is believed.
        root_path: where a proxy puts the page, as "/photos", if it sends that along; else empty.
        limits: what is let in.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    password: str | None = field(default=None, repr=False)
    names: tuple[str, ...] = ()
    workers: int = 1
    runtime: Runtime = ALL_THREADS
    certificate: str | None = None
    key: str | None = None
    trusted_proxies: tuple[str, ...] = ()
    root_path: str = ""
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        if self.password is not None and len(self.password) < _SHORTEST_PASSWORD:
            raise BadValue(
                f"the password has {len(self.password)} characters; "
                f"give one of at least {_SHORTEST_PASSWORD}"
            )
        if not is_loopback(self.host) and self.password is None:
            raise BadValue(
                f"'{self.host}' can be reached by others, so a password is needed: "
                "give --password-file, or leave --host out"
            )
        if self.workers < 1:
            raise BadValue(f"there must be at least one worker, got {self.workers}")
        for proxy in self.trusted_proxies:
            _check_network(proxy)
        if self.root_path and not _ROOT_PATH.fullmatch(self.root_path):
            raise BadValue(f"the root path must be like /photos, got '{self.root_path[:80]}'")

    @property
    def scheme(self) -> str:
        """ "http", or "https" where there is a certificate."""
        return "https" if self.certificate else "http"

    @property
    def session_share(self) -> float:
        """How much of the store one session may fill; all of it where nobody else gets in."""
        return 1.0 if self.password is None else 0.5

    def is_proxy(self, address: str) -> bool:
        """Return whether an address is that of a trusted proxy."""
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        networks = (ipaddress.ip_network(proxy, strict=False) for proxy in self.trusted_proxies)
        return any(found in network for network in networks)

    def knows_host(self, header: str) -> bool:
        """Return whether a Host header names this server.

        Names of a stranger's choosing could point here (DNS rebinding), so only our own are
        taken; an address cannot be rebound, and is taken where others may reach the server.
        """
        name = _without_port(header).lower()
        if name in ("localhost", "127.0.0.1", "::1", *(n.lower() for n in self.names)):
            return True
        if is_loopback(self.host):
            return False
        return _is_address(name) or name in (self.host.lower(), socket.gethostname().lower())


def _check_network(text: str) -> None:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise BadValue(
            f"a trusted proxy is an address or a network, as 10.0.0.2 or 10.0.0.0/24, got '{text}'"
        ) from error
    if network.prefixlen == 0:
        raise BadValue(f"'{text}' trusts everybody, so that anybody could claim any address")


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _without_port(header: str) -> str:
    if header.startswith("["):
        return header[1:].split("]")[0]
    return header.rsplit(":", 1)[0] if header.count(":") == 1 else header
