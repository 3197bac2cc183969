"""The training loop, to be read from top to bottom."""

from __future__ import annotations

import copy
import csv
import dataclasses
import json
import logging
import math
import shutil
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from unblur.errors import BadValue
from unblur.toml import from_dict
from unblur.training.checkpoint import load_checkpoint, save_checkpoint
from unblur.training.config import OptimConfig, TrainConfig
from unblur.training.photos import Split
from unblur.training.shards import (
    Arrays,
    SampleMaker,
    ShardSource,
    batches,
    make_shard,
    shard_of_visit,
)

log = logging.getLogger(__name__)

Progress = Callable[[int, int, dict[str, float]], None]


class Job(Protocol):
    """What is trained: a network, its augmentation and its loss."""

    def build(self) -> nn.Module:
        """Return a fresh network."""

    def augment(self, batch: Arrays, rng: np.random.Generator) -> Arrays:
        """Return a randomly changed batch, float32."""

    def loss(
        self, network: nn.Module, batch: dict[str, torch.Tensor]
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """Return the loss of a batch and figures to log."""


def train(  # noqa: PLR0915  (one loop, to be read from top to bottom)
    config: TrainConfig,
    photos: Path,
    run: Path,
    *,
    workers: int = 1,
    stop_after: int | None = None,
    initial: Path | None = None,
    progress: Progress | None = None,
) -> Path:
    """Train a network; goes on where an earlier call stopped.

    Args:
        config: what to train.
        photos: folder of sharp photos.
        run: folder of this run: ``checkpoint.pt``, ``log.csv`` and the cache of samples.
        workers: processes that make samples; 0 makes them in this one.
        stop_after: stop after this many steps in all, as if killed (the next call goes on).
        initial: checkpoint or weights to start from, when the run is new.
        progress: called after each step with (step, steps, figures).

    Returns:
        The checkpoint; its ``ema`` is what is validated and shipped.

    Raises:
        BadValue: the folder holds a run of another config.
    """
    job, factory = job_of(config)
    optim, data = config.optim, config.data
    torch.manual_seed(config.seed)
    network = job.build().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(network).requires_grad_(False)
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=optim.lr, weight_decay=optim.weight_decay, betas=(0.9, 0.99)
    )
    checkpoint = run / "checkpoint.pt"
    step = 0
    if checkpoint.exists():
        step = _resume(checkpoint, config, network, average, optimiser)
    else:  # samples of a run that never reached a checkpoint may be of another config
        shutil.rmtree(run / "samples", ignore_errors=True)
    if step == 0 and initial is not None:
        weights = load_checkpoint(initial)["ema"]
        network.load_state_dict(weights)
        average.load_state_dict(weights)
    validation = make_shard(
        factory(photos, "val")(), seed=config.seed + 1, index=0, size=data.val_samples
    )
    source = ShardSource(
        factory(photos, "train"),
        run / "samples",
        seed=config.seed,
        size=data.shard,
        keep=data.keep,
        workers=workers,
    )
    per_visit = data.shard // optim.batch
    end = optim.steps if stop_after is None else min(stop_after, optim.steps)
    means, since = _Means(), time.perf_counter()
    try:
        while step < end:
            visit, within = divmod(step, per_visit)
            index, _ = shard_of_visit(visit, repeats=data.repeats, keep=data.keep, seed=config.seed)
            shard = source.get(index, newest=visit // data.repeats)
            rng = np.random.default_rng((config.seed, visit))
            for number, rows in enumerate(batches(data.shard, optim.batch, rng)):
                batch = job.augment({key: value[rows] for key, value in shard.items()}, rng)
                if number < within or step >= end:
                    continue  # drawn all the same, so that a resumed visit is the same visit
                for group in optimiser.param_groups:
                    group["lr"] = optim.lr * lr_factor(step, optim)
                loss, figures = job.loss(network, to_tensors(batch))
                optimiser.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                nn.utils.clip_grad_norm_(network.parameters(), optim.clip_norm)
                optimiser.step()
                step += 1
                _update(average, network, min(optim.ema, (1 + step) / (10 + step)))
                means.add({"loss": float(loss.detach()), **figures})
                if progress is not None:
                    progress(step, optim.steps, means.now())
                if step % config.validate_every == 0 or step == end:
                    checked = validate(job, average, validation)
                    row: dict[str, float] = {"step": step, "samples": step * optim.batch}
                    row |= {f"train_{key}": round(v, 5) for key, v in means.now().items()}
                    row |= {f"val_{key}": round(v, 5) for key, v in checked.items()}
                    row["seconds"] = round(time.perf_counter() - since, 1)
                    _append(run / "log.csv", row)
                    _save(checkpoint, config, step, network, average, optimiser, checked)
                    log.info("%s", row)
                    means, since = _Means(), time.perf_counter()
    finally:
        source.close()
    return checkpoint


class _Means:
    """Weighted means of figures; a batch that cannot tell a figure (NaN) does not count in it."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._weights: dict[str, float] = {}

    def add(self, figures: dict[str, float], weight: float = 1.0) -> None:
        for key, value in figures.items():
            told = 0.0 if math.isnan(value) else weight
            self._sums[key] = self._sums.get(key, 0.0) + (told * value if told else 0.0)
            self._weights[key] = self._weights.get(key, 0.0) + told

    def now(self) -> dict[str, float]:
        # Every figure keeps its place, told or not: the log's columns must not move.
        weights = self._weights
        return {k: v / weights[k] if weights[k] else math.nan for k, v in self._sums.items()}


_JOBS = {
    "kernel": ("kernel_task", "KernelTask"),
    "restore": ("restore_task", "RestoreTask"),
    "detect": ("detect_task", "DetectTask"),
    "patches": ("patch_task", "PatchTask"),
    "frame": ("frame_task", "FrameTask"),
}
"""Module and class of each task; the module's ``samples`` makes its samples."""


def job_of(
    config: TrainConfig,
) -> tuple[Job, Callable[[Path, Split], Callable[[], SampleMaker]]]:
    """Return what a config trains, and the factory of its samples."""
    module_name, class_name = _JOBS[config.task]
    module = import_module(f"unblur.training.{module_name}")
    job: Job = getattr(module, class_name)(config)
    return job, partial(module.samples, config)


def lr_factor(step: int, optim: OptimConfig) -> float:
    """Return the learning rate's factor: linear rise, plateau, linear fall at the end.

    A plateau can be prolonged by raising ``steps`` and resuming, a cosine cannot.
    """
    rise = min(1.0, (step + 1) / max(1, optim.warmup))
    fall = min(1.0, (optim.steps - step) / max(1, optim.cooldown))
    return min(rise, fall)


def to_tensors(batch: Arrays) -> dict[str, torch.Tensor]:
    """Return a batch as tensors, images with channels last, as CPUs like them."""
    tensors = {key: torch.from_numpy(np.ascontiguousarray(v)) for key, v in batch.items()}
    return {
        key: t.contiguous(memory_format=torch.channels_last) if t.ndim == 4 else t
        for key, t in tensors.items()
    }


@torch.no_grad()
def validate(job: Job, network: nn.Module, samples: Arrays, *, batch: int = 16) -> dict[str, float]:
    """Return the mean figures over fixed samples."""
    network.eval()
    means = _Means()
    count = len(next(iter(samples.values())))
    for start in range(0, count, batch):
        part = {
            key: value[start : start + batch].astype(np.float32) for key, value in samples.items()
        }
        loss, figures = job.loss(network, to_tensors(part))
        means.add({"loss": float(loss), **figures}, weight=len(next(iter(part.values()))))
    network.train()
    return means.now()


def _update(average: nn.Module, network: nn.Module, decay: float) -> None:
    with torch.no_grad():
        for mean, new in zip(average.parameters(), network.parameters(), strict=True):
            mean.lerp_(new, 1 - decay)


def _save(
    path: Path,
    config: TrainConfig,
    step: int,
    network: nn.Module,
    average: nn.Module,
    optimiser: torch.optim.Optimizer,
    metrics: dict[str, float],
) -> None:
    state: dict[str, Any] = {
        "config": json.dumps(dataclasses.asdict(config)),
        "step": step,
        "network": network.state_dict(),
        "ema": average.state_dict(),
        "optimiser": optimiser.state_dict(),
        "metrics": {key: float(value) for key, value in metrics.items()},
    }
    save_checkpoint(path, state)


def _resume(
    path: Path,
    config: TrainConfig,
    network: nn.Module,
    average: nn.Module,
    optimiser: torch.optim.Optimizer,
) -> int:
    state = load_checkpoint(path)
    # A field that is younger than the run has its default there.
    older = from_dict(TrainConfig, json.loads(state["config"]), where=str(path))
    before = json.loads(json.dumps(dataclasses.asdict(older)))
    now = json.loads(json.dumps(dataclasses.asdict(config)))
    for changeable in (before["optim"], now["optim"]):
        for key in ("steps", "cooldown", "lr"):
            changeable.pop(key)
    if before != now:
        changed = [key for key in now if before.get(key) != now[key]]
        raise BadValue(
            f"{path.parent} holds a run of another config (different: {', '.join(changed)}); "
            "choose another run folder"
        )
    network.load_state_dict(state["network"])
    average.load_state_dict(state["ema"])
    optimiser.load_state_dict(state["optimiser"])
    return int(state["step"])


def _append(path: Path, row: dict[str, Any]) -> None:
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(row))
        if new:
            writer.writeheader()
        writer.writerow(row)
