"""The folder of a run: its checkpoint, its log, going on; what every way of training shares."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import torch
from torch import nn

from unblur.errors import BadValue, SpecMismatch
from unblur.training.checkpoint import load_checkpoint, save_checkpoint
from unblur.training.config import TrainConfig
from unblur.training.device import on_cpu
from unblur.training.registry import recorded_config
from unblur.training.task import Task


class Means:
    """Weighted means of figures; a batch that cannot tell a figure (NaN) does not count in it."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._weights: dict[str, float] = {}

    @classmethod
    def of(cls, parts: list[Means]) -> Means:
        """Return the means over everything that several have seen."""
        whole = cls()
        for part in parts:
            for key, total in part._sums.items():
                whole._sums[key] = whole._sums.get(key, 0.0) + total
                whole._weights[key] = whole._weights.get(key, 0.0) + part._weights[key]
        return whole

    def add(self, figures: dict[str, float], weight: float = 1.0) -> None:
        """Count the figures of one more batch."""
        for key, value in figures.items():
            known = 0.0 if math.isnan(value) else weight
            self._sums[key] = self._sums.get(key, 0.0) + (known * value if known else 0.0)
            self._weights[key] = self._weights.get(key, 0.0) + known

    def now(self) -> dict[str, float]:
        """Return the means so far."""
        # Every figure keeps its place, known or not: the log's columns must not move.
        weights = self._weights
        return {k: v / weights[k] if weights[k] else math.nan for k, v in self._sums.items()}


def update_average(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Move the average of the weights towards the weights."""
    with torch.no_grad():
        for mean, new in zip(average.parameters(), network.parameters(), strict=True):
            mean.lerp_(new, 1 - decay)


def save_run(
    path: Path,
    config: TrainConfig,
    step: int,
    network: nn.Module,
    average: nn.Module,
    optimiser: torch.optim.Optimizer,
    metrics: dict[str, float],
    privacy: dict[str, Any] | None = None,
) -> None:
    """Write a checkpoint, its tensors on the CPU, so that a run may go on on any device.

    ``privacy`` is what private training has spent.
    """
    state: dict[str, Any] = {
        "config": json.dumps(dataclasses.asdict(config)),
        "step": step,
        "network": network.state_dict(),
        "ema": average.state_dict(),
        "optimiser": optimiser.state_dict(),
        "metrics": {key: float(value) for key, value in metrics.items()},
    }
    if privacy is not None:
        state["privacy"] = privacy
    save_checkpoint(path, on_cpu(state))


def check_same(config: TrainConfig, state: dict[str, Any], run: Path) -> None:
    """Refuse a run of another config than the one asked for.

    Raises:
        BadValue: they differ in more than how long to train and how fast.
    """
    # A field that is younger than the run has its default there.
    older = recorded_config(state["config"], where=str(run))
    before = json.loads(json.dumps(dataclasses.asdict(older)))
    now = json.loads(json.dumps(dataclasses.asdict(config)))
    for changeable in (before["optim"], now["optim"]):
        for key in ("steps", "cooldown", "lr"):
            changeable.pop(key)
    if before != now:
        changed = [key for key in now if before.get(key) != now[key]]
        raise BadValue(
            f"{run} holds a run of another config (different: {', '.join(changed)}); "
            "choose another run folder"
        )


def resume_run(
    state: dict[str, Any],
    network: nn.Module,
    average: nn.Module,
    optimiser: torch.optim.Optimizer,
) -> int:
    """Put a checkpoint's state back; return the step it was saved at."""
    network.load_state_dict(state["network"])
    average.load_state_dict(state["ema"])
    optimiser.load_state_dict(state["optimiser"])
    return int(state["step"])


def start_from(initial: Path, task: Task[Any], network: nn.Module, average: nn.Module) -> None:
    """Give a new run the averaged weights of a checkpoint.

    Raises:
        CorruptWeights: it is no checkpoint.
        SpecMismatch: it is of a network of another shape.
    """
    state = load_checkpoint(initial)
    try:
        weights = task.start(network, state["ema"])
        network.load_state_dict(weights)
        average.load_state_dict(weights)
    except (KeyError, RuntimeError, AttributeError) as error:
        raise SpecMismatch(
            f"{initial} does not fit the network '{task.config.name}' ({first_lines(error)}); "
            "give a checkpoint of the same task, widths and depths"
        ) from error


def first_lines(error: Exception, count: int = 2) -> str:
    """Return the first lines of what an error says, in one."""
    return " ".join(line.strip() for line in str(error).splitlines()[:count])


def append_row(path: Path, row: dict[str, Any]) -> None:
    """Add a row to a CSV file, below a header if it is the first."""
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(row))
        if new:
            writer.writeheader()
        writer.writerow(row)
