"""Federated training carried by Flower: its messages, its secure aggregation, its connections.

Server and clients exchange Flower's messages through a :class:`PostGrid`, whether a client sits in
the same process (a simulation) or behind a connection; so a simulation runs what is run for real.
Telemetry is off.

Reference:
    Bell et al., Secure single-server aggregation with (poly)logarithmic overhead, CCS 2020
    (SecAgg+).
"""

from __future__ import annotations

import json
import logging
import os
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")  # before Flower is loaded

from flwr import common
from flwr.app import ConfigRecord, Error, Message
from flwr.common import serde
from flwr.compat.common import recorddict_compat
from flwr.proto.message_pb2 import Message as MessageProto
from flwr.server import Grid, LegacyContext, ServerConfig, SimpleClientManager
from flwr.server.compat.grid_client_proxy import GridClientProxy
from flwr.server.strategy import FedAvg
from flwr.server.workflow import SecAggPlusWorkflow
from flwr.server.workflow.constant import MAIN_CONFIGS_RECORD, MAIN_PARAMS_RECORD, Key
from flwr.server.workflow.default_workflows import default_fit_workflow
from flwr.supercore.task_identity import TaskIdentity

from unblur.training.config import TrainConfig
from unblur.training.federated import (
    Federation,
    Update,
    Vector,
    flat_weights,
    joined,
    put_weights,
)
from unblur.training.flower_client import RUN_ID, context
from unblur.training.loop import lr_factor, validate
from unblur.training.registry import task_of
from unblur.training.runs import append_row, save_run
from unblur.training.shards import Arrays

log = logging.getLogger(__name__)

Post = Callable[[bytes], bytes]
"""Brings a serialised message to a client and its answer back; raises if there is none."""

_COORDINATE_RANGE = 1.0
"""Largest value of one weight's move under secure aggregation, which works with whole numbers."""


class PostGrid(Grid):  # type: ignore[misc]
    """Sends Flower's messages by a post to each client; who does not answer has failed.

    Args:
        posts: of the clients that are there now, by number.
        at_once: clients that are waited for at the same time.
    """

    def __init__(self, posts: Callable[[], Mapping[int, Post]], *, at_once: int = 1) -> None:
        self._posts, self._at_once = posts, at_once
        # Flower writes these into every message made in this process.
        TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = RUN_ID, 0, 0

    def set_run(self, run: Any) -> None:
        """There is one run."""

    @property
    def run(self) -> Any:
        """Return nothing: there is one run."""
        return None

    def create_message(
        self,
        content: Any,
        message_type: str,
        dst_node_id: int,
        group_id: str,
        ttl: float | None = None,
    ) -> Any:
        """Return a message to a client."""
        return Message(content, dst_node_id, message_type, ttl=ttl, group_id=group_id)

    def get_node_ids(self) -> list[int]:
        """Return the numbers of the clients that are there."""
        return sorted(self._posts())

    def push_messages(self, messages: Iterable[Any]) -> list[str]:
        """Not offered: answers are waited for."""
        raise NotImplementedError

    def pull_messages(self, message_ids: Iterable[str]) -> list[Any]:
        """Not offered: answers are waited for."""
        raise NotImplementedError

    def send_and_receive(
        self, messages: Iterable[Any], *, timeout: float | None = None
    ) -> list[Any]:
        """Return every client's answer, or the error that it gave."""
        with ThreadPoolExecutor(self._at_once) as pool:
            return list(pool.map(self._exchange, messages))

    def _exchange(self, message: Any) -> Any:
        number = message.metadata.dst_node_id
        message.metadata.__dict__["_message_id"] = uuid.uuid4().hex
        try:
            post = self._posts()[number]
            data = post(serde.message_to_proto(message).SerializeToString())
            answer = serde.message_from_proto(MessageProto.FromString(data))
            if answer.metadata.src_node_id != number:
                raise ValueError(f"client {number} answers as {answer.metadata.src_node_id}")
        except Exception as error:  # whatever a client does, the others go on
            log.warning("client %d does not answer: %s", number, error)
            return Message(Error(code=0, reason=str(error)), reply_to=message)
        return answer


class _Joining(FedAvg):  # type: ignore[misc]
    """Flower's strategy that asks all clients and joins updates as the terms say."""

    def __init__(self, terms: Federation, weights: Vector) -> None:
        super().__init__()
        self.terms, self.weights, self.lr = terms, weights, 0.0
        self.answered = 0

    def configure_fit(self, server_round: int, parameters: Any, client_manager: Any) -> Any:
        config = {
            "local_steps": self.terms.local_steps,
            "lr": self.lr,
            "max_norm": self.terms.max_norm,
            "secure": self.terms.secure,
        }
        ins = common.FitIns(parameters, config)
        return [(proxy, ins) for proxy in client_manager.all().values()]

    def aggregate_fit(self, server_round: int, results: Any, failures: Any) -> Any:
        self.answered = len(results)
        updates = []
        for _, result in results:
            (moved, *_) = common.parameters_to_ndarrays(result.parameters)
            updates.append(Update(np.asarray(moved), int(result.num_examples)))
        if self.terms.secure:
            moved = _of_sum(updates, len(self.weights), self.terms)
        else:
            moved = joined(updates, len(self.weights), self.terms)
        if moved is None:
            log.warning("round %d: too few usable updates, the network stays", server_round)
            return None, {}
        return common.ndarrays_to_parameters([self.weights + moved]), {}


def _of_sum(updates: list[Update], size: int, terms: Federation) -> Vector | None:
    """Return the mean that secure aggregation gave (all updates are the same), if it can be one.

    The mean of bounded moves is bounded; a longer one shows that somebody did not bound his, or
    that masks were not taken off. Nobody counts more than others here.
    """
    if len(updates) < terms.clients or any(u.photos != 1 for u in updates):
        return None
    moved = np.asarray(updates[0].moved, np.float32)
    fits = moved.shape == (size,) and bool(np.isfinite(moved).all())
    return moved if fits and float(np.linalg.norm(moved)) <= 1.01 * terms.max_norm else None


def federate(
    config: TrainConfig,
    terms: Federation,
    grid: PostGrid,
    run: Path,
    *,
    public: Arrays | None = None,
    wait_s: float = 600.0,
    told: Callable[[int, dict[str, float]], None] | None = None,
) -> Path:
    """Lead a federation; return the checkpoint of the network that came out.

    Args:
        config: of the network; its learning rate rises and falls over all rounds' steps.
        terms: of the federation.
        grid: reaches the clients.
        run: folder of ``checkpoint.pt`` and ``log.csv``.
        public: samples of the server's own photos: validated on each round, and a round that
            makes them much worse is undone.
        wait_s: how long to wait for enough clients before a round is given up.
        told: called after each round with its number and figures.
    """
    task = task_of(config)
    torch.manual_seed(config.seed)
    network = task.build()
    run.mkdir(parents=True, exist_ok=True)
    (run / "terms.json").write_text(json.dumps(asdict(terms)), encoding="utf-8")
    rounds = _Rounds(terms, grid, flat_weights(network))
    loss = validate(task, network, public)["loss"] if public is not None else 0.0
    for number in range(1, terms.rounds + 1):
        wait_for(grid, terms.clients, wait_s)
        factor = lr_factor((number - 1) * terms.local_steps, config.optim)
        before = rounds.strategy.weights
        after = rounds.play(number, lr=config.optim.lr * factor)
        put_weights(network, after)
        figures = validate(task, network, public) if public is not None else {}
        now = figures.get("loss", 0.0)
        kept = now <= (1 + terms.tolerance) * loss and not np.array_equal(before, after)
        if kept:
            rounds.strategy.weights, loss = after, now
        else:
            log.warning("round %d changes nothing", number)
            put_weights(network, before)
        row: dict[str, float] = {"round": number, "clients": rounds.strategy.answered}
        row |= {"kept": int(kept), **{f"val_{key}": round(v, 5) for key, v in figures.items()}}
        append_row(run / "log.csv", row)
        optimiser = torch.optim.AdamW(network.parameters())  # clients keep none, a file has one
        steps = number * terms.local_steps
        save_run(run / "checkpoint.pt", config, steps, network, network, optimiser, figures)
        if told is not None:
            told(number, figures)
    return run / "checkpoint.pt"


class _Rounds:
    """Plays rounds by Flower's workflows, of which secure aggregation is one."""

    def __init__(self, terms: Federation, grid: PostGrid, weights: Vector) -> None:
        self.strategy = _Joining(terms, weights)
        self._grid, self._manager = grid, SimpleClientManager()
        self._context = LegacyContext(
            context(), ServerConfig(num_rounds=terms.rounds), self.strategy, self._manager
        )
        self._workflow = default_fit_workflow
        if terms.secure:
            self._workflow = SecAggPlusWorkflow(
                num_shares=1.0,
                reconstruction_threshold=0.6,
                max_weight=1.0,
                clipping_range=_COORDINATE_RANGE,
            )

    def play(self, number: int, *, lr: float) -> Vector:
        """Return the weights after a round; the same ones if it failed."""
        for proxy in list(self._manager.all().values()):
            self._manager.unregister(proxy)
        for node in self._grid.get_node_ids():
            self._manager.register(GridClientProxy(node, self._grid, RUN_ID))
        self.strategy.lr, self.strategy.answered = lr, 0
        state = self._context.state
        state.config_records[MAIN_CONFIGS_RECORD] = ConfigRecord({Key.CURRENT_ROUND: number})
        before = common.ndarrays_to_parameters([self.strategy.weights])
        state.array_records[MAIN_PARAMS_RECORD] = recorddict_compat.parameters_to_arrayrecord(
            before, keep_input=True
        )
        try:
            self._workflow(self._grid, self._context)
        except Exception as error:  # a client's answer that Flower itself cannot read
            log.warning("round %d failed: %s", number, error)
            return self.strategy.weights
        after = recorddict_compat.arrayrecord_to_parameters(
            state.array_records[MAIN_PARAMS_RECORD], keep_input=True
        )
        return np.asarray(common.parameters_to_ndarrays(after)[0], np.float32)


def wait_for(grid: PostGrid, wanted: int, wait_s: float) -> None:
    """Wait until so many clients are there, or time is up."""
    end = time.monotonic() + wait_s
    while len(grid.get_node_ids()) < wanted and time.monotonic() < end:
        time.sleep(0.2)
