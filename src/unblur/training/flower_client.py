"""A client of a federation that Flower carries, see :mod:`unblur.training.flower`."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")  # before Flower is loaded

from flwr import common
from flwr.app import Context, RecordDict
from flwr.client import Client, mod
from flwr.clientapp import ClientApp
from flwr.common import serde
from flwr.proto.message_pb2 import Message as MessageProto

from unblur.training.federated import LocalTrainer, Vector, bounded

RUN_ID = 1
"""Flower counts runs; here each server has one."""


class FederatedClient(Client):  # type: ignore[misc]
    """A client of Flower that trains on its photos; it bounds what it returns by itself.

    Under secure aggregation nobody else could.
    """

    def __init__(self, trainer: LocalTrainer) -> None:
        self._trainer = trainer

    def fit(self, ins: Any) -> Any:
        """Train the network that came; return by how much it moved."""
        (weights,) = common.parameters_to_ndarrays(ins.parameters)
        moved = self._trainer(
            weights, steps=int(ins.config["local_steps"]), lr=float(ins.config["lr"])
        )
        if not np.isfinite(moved).all():
            raise FloatingPointError("training gave no finite weights; this round is sat out")
        moved = bounded(moved, float(ins.config["max_norm"]))
        weight = 1 if ins.config["secure"] else self._trainer.photos
        return _answer(moved, weight)


class UnboundedClient(FederatedClient):
    """A client that does not keep to the rules, to measure what that does."""

    def fit(self, ins: Any) -> Any:
        """Return whatever its trainer gives, and claim whatever it claims."""
        (weights,) = common.parameters_to_ndarrays(ins.parameters)
        moved = self._trainer(
            weights, steps=int(ins.config["local_steps"]), lr=float(ins.config["lr"])
        )
        return _answer(moved, self._trainer.photos)


def _answer(moved: Vector, photos: int) -> Any:
    return common.FitRes(
        status=common.Status(common.Code.OK, ""),
        parameters=common.ndarrays_to_parameters([moved]),
        num_examples=photos,
        metrics={},
    )


class Answerer:
    """A client's end of the post: runs Flower's app on each message."""

    def __init__(self, client: Any, *, secure: bool) -> None:
        mods = [mod.secaggplus_mod] if secure else []
        self._app = ClientApp(client_fn=lambda context: client, mods=mods)
        self._context = context()

    def __call__(self, data: bytes) -> bytes:
        """Return the serialised answer to a serialised message."""
        message = serde.message_from_proto(MessageProto.FromString(data))
        answer = self._app(message, self._context)
        return bytes(serde.message_to_proto(answer).SerializeToString())


def context() -> Any:
    """Return a fresh context of Flower's, of the one run that there is."""
    return Context(run_id=RUN_ID, node_id=0, node_config={}, state=RecordDict(), run_config={})
