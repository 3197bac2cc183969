"""A federation over a network: Flower's gRPC connections as the post of its messages.

A connection is made by the client; the server never calls a machine. Without certificates it goes
to this machine only.
"""

from __future__ import annotations

import ipaddress
import itertools
import logging
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from unblur.errors import BadValue, EngineFailed
from unblur.training import flower
from unblur.training.config import TrainConfig
from unblur.training.federated import Federation, LocalTrainer, flat_weights
from unblur.training.flower_client import Answerer, FederatedClient
from unblur.training.registry import task_of
from unblur.training.shards import Arrays

# After our own module, which turns Flower's telemetry off.
import grpc  # isort: skip
from flwr import common  # isort: skip
from flwr.client import Client, start_client  # isort: skip
from flwr.server import SimpleClientManager  # isort: skip
from flwr.server.superlink.fleet.grpc_bidi.grpc_server import start_grpc_server  # isort: skip

log = logging.getLogger(__name__)

_MESSAGE = "message"
_AT_ONCE = 64
_PAUSE_S = 1.0
_TALKED_S = 10.0
"""A connection that lasted so long was one."""


def check_address(address: str, *, safe: bool) -> None:
    """Refuse to send anything readable off this machine.

    Raises:
        BadValue: not HOST:PORT, or another machine's without certificates.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise BadValue(f"an address is HOST:PORT, got '{address}'")
    try:
        here = ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        here = host == "localhost"
    if not here and not safe:
        raise BadValue(
            f"{address} is not on this machine, and without certificates everybody on the way "
            "can read along; give --certificate, or use an SSH tunnel to 127.0.0.1"
        )


def serve(
    config: TrainConfig,
    terms: Federation,
    run: Path,
    *,
    address: str,
    certificates: tuple[Path, Path, Path] | None = None,
    public: Arrays | None = None,
    wait_s: float = 600.0,
    told: Callable[[int, dict[str, float]], None] | None = None,
) -> Path:
    """Lead a federation of the clients that connect; return the checkpoint.

    Args:
        config, terms, run, public, wait_s, told: see :func:`unblur.training.flower.federate`.
        address: HOST:PORT to listen at.
        certificates: files of the authority's certificate, the server's certificate and its key.
    """
    check_address(address, safe=certificates is not None)
    manager = SimpleClientManager()
    weights = len(flat_weights(task_of(config).build()))
    server = start_grpc_server(
        manager,
        address,
        max_message_length=32 * weights + 2**22,  # masked weights take 8 bytes each
        certificates=tuple(path.read_bytes() for path in certificates) if certificates else None,
    )
    numbers: dict[str, int] = {}
    count = itertools.count(1)

    def posts() -> dict[int, flower.Post]:
        for name in manager.all():
            numbers.setdefault(name, next(count))
        return {
            numbers[name]: partial(_send, proxy, terms.timeout_s)
            for name, proxy in manager.all().items()
        }

    grid = flower.PostGrid(posts, at_once=_AT_ONCE)
    try:
        return flower.federate(config, terms, grid, run, public=public, wait_s=wait_s, told=told)
    finally:
        for proxy in list(manager.all().values()):
            try:
                proxy.reconnect(common.ReconnectIns(None), timeout=5.0, group_id=None)
            except Exception as error:  # it has gone already
                log.info("a client had gone before the end: %s", error)
        server.stop(grace=1)


def _send(proxy: Any, timeout_s: float, data: bytes) -> bytes:
    ins = common.FitIns(common.Parameters([], ""), {_MESSAGE: data})
    answer = proxy.fit(ins, timeout=timeout_s, group_id=None).metrics.get(_MESSAGE)
    if not isinstance(answer, bytes):
        raise ConnectionError("it could not do what it was asked for")
    return answer


class _Tunnel(Client):  # type: ignore[misc]
    """Takes messages out of Flower's connection and puts the answers in."""

    def __init__(self, answerer: Answerer) -> None:
        self._answerer = answerer

    def fit(self, ins: Any) -> Any:
        """Return the answer to the message within."""
        metrics: dict[str, Any] = {}
        try:
            metrics[_MESSAGE] = self._answerer(ins.config[_MESSAGE])
        except Exception as error:  # the server hears only that there is no answer
            log.warning("cannot answer the server: %s", error)
        return common.FitRes(
            common.Status(common.Code.OK, ""), common.Parameters([], ""), 1, metrics
        )


def join(
    trainer: LocalTrainer,
    *,
    address: str,
    secure: bool,
    certificate: Path | None = None,
    wait_s: float = 600.0,
) -> None:
    """Take part in a federation until the server ends it.

    Args:
        trainer: of this machine's photos.
        address: the server's HOST:PORT.
        secure: answer under secure aggregation only; a server that asks otherwise gets nothing.
        certificate: file of the authority that vouches for the server.
        wait_s: how long to try to reach it, at first and when it is lost.

    Raises:
        EngineFailed: there is no server.
    """
    check_address(address, safe=certificate is not None)
    answerer = Answerer(FederatedClient(trainer), secure=secure)
    authority = certificate.read_bytes() if certificate else None
    heard = time.monotonic()
    while True:
        tried = time.monotonic()
        try:
            start_client(
                server_address=address,
                client=_Tunnel(answerer),
                root_certificates=authority,
                insecure=authority is None,
            )
            return  # the server has said that it is over
        except grpc.RpcError as error:  # Flower does not try again by itself
            now = time.monotonic()
            heard = now if now - tried > _TALKED_S else heard
            if now - heard > wait_s:
                raise EngineFailed(f"cannot reach the server at {address}; is it there?") from error
            time.sleep(_PAUSE_S)
