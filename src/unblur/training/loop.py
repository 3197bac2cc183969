"""The training loop, to be read from top to bottom."""

from __future__ import annotations

import copy
import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from unblur.training.checkpoint import load_checkpoint
from unblur.training.config import OptimConfig, TrainConfig
from unblur.training.device import check_alone
from unblur.training.precision import InBfloat16
from unblur.training.registry import task_of
from unblur.training.runs import (
    Means,
    append_row,
    check_same,
    resume_run,
    save_run,
    start_from,
    update_average,
)
from unblur.training.shards import Arrays, ShardSource, batches, make_shard, shard_of_visit
from unblur.training.task import Task
from unblur.training.worker_pool import WorkerPool

log = logging.getLogger(__name__)

Progress = Callable[[int, int, dict[str, float]], None]

CPU = torch.device("cpu")


def train(  # noqa: PLR0915  (one loop, to be read from top to bottom)
    config: TrainConfig,
    photos: Path,
    run: Path,
    *,
    workers: int = 1,
    device: torch.device = CPU,
    stop_after: int | None = None,
    initial: Path | None = None,
    progress: Progress | None = None,
    pool: WorkerPool | None = None,
) -> Path:
    """Train a network; goes on where an earlier call stopped.

    Args:
        config: what to train.
        photos: folder of sharp photos.
        run: folder of this run: ``checkpoint.pt``, ``log.csv`` and the cache of samples.
        workers: processes that make samples ahead; 0 makes them in this one, in between.
        device: where the network computes. A run may go on on another one.
        stop_after: stop after this many steps in all, as if killed (the next call goes on).
        initial: checkpoint or weights to start from, when the run is new.
        progress: called after each step with (step, steps, figures).
        pool: the processes that train together; each calls this function.

    Returns:
        The checkpoint, written by the first of the pool; its ``ema`` is what is validated and
        shipped.

    Raises:
        BadValue: the folder holds a run of another config, or the batch cannot be shared.
        UnreadableImage: no photo can be used.
    """
    task = task_of(config)
    optim, data = config.optim, config.data
    pool = pool or WorkerPool()
    pool.check(optim.batch)
    check_alone(device, pool.size)
    torch.manual_seed(config.seed)
    # Its weights are drawn on the CPU, whatever the device.
    network = task.build().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(network).requires_grad_(False)
    # The average is validated as it ships, in float32.
    learning = InBfloat16(network, device.type) if optim.bf16 else network
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=optim.lr, weight_decay=optim.weight_decay, betas=(0.9, 0.99)
    )
    checkpoint, cache = run / "checkpoint.pt", run / pool.cache
    step = 0
    state = pool.told(load_checkpoint(checkpoint) if pool.first and checkpoint.exists() else None)
    if state is not None:
        check_same(config, state, run)
        step = resume_run(state, network, average, optimiser)
    else:  # samples of a run that never reached a checkpoint may be of another config
        shutil.rmtree(cache, ignore_errors=True)
    if step == 0 and initial is not None:
        start_from(initial, task, network, average)
    validation = make_shard(
        task.samples(photos, "val")(), seed=config.seed + 1, index=0, size=data.val_samples
    )
    source = ShardSource(
        task.samples(photos, "train"),
        cache,
        seed=config.seed,
        size=data.shard,
        keep=data.keep,
        workers=workers,
        share=(pool.rank, pool.size),
    )
    per_visit = data.shard // optim.batch
    end = optim.steps if stop_after is None else min(stop_after, optim.steps)
    means, since = Means(), time.perf_counter()
    try:
        while step < end:
            visit, within = divmod(step, per_visit)
            index, _ = shard_of_visit(visit, repeats=data.repeats, keep=data.keep, seed=config.seed)
            shard = pool.joined(source.get(index, newest=visit // data.repeats), data.shard)
            rng = np.random.default_rng((config.seed, visit))
            for number, rows in enumerate(batches(data.shard, optim.batch, rng)):
                batch = task.augment({key: value[rows] for key, value in shard.items()}, rng)
                if number < within or step >= end:
                    continue  # drawn all the same, so that a resumed visit is the same visit
                for group in optimiser.param_groups:
                    group["lr"] = optim.lr * lr_factor(step, optim)
                loss, figures = task.loss(learning, to_tensors(pool.part(batch), device))
                optimiser.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                pool.average_gradients(network)
                nn.utils.clip_grad_norm_(network.parameters(), optim.clip_norm)
                optimiser.step()
                step += 1
                update_average(average, network, min(optim.ema, (1 + step) / (10 + step)))
                means.add({"loss": float(loss.detach()), **figures})
                if progress is not None:
                    progress(step, optim.steps, means.now())
                if step % config.validate_every == 0 or step == end:
                    means = Means.of(pool.gathered(means))
                    if pool.first:
                        checked = validate(task, average, validation)
                        row: dict[str, float] = {"step": step, "samples": step * optim.batch}
                        row |= {f"train_{key}": round(v, 5) for key, v in means.now().items()}
                        row |= {f"val_{key}": round(v, 5) for key, v in checked.items()}
                        row["seconds"] = round(time.perf_counter() - since, 1)
                        append_row(run / "log.csv", row)
                        save_run(checkpoint, config, step, network, average, optimiser, checked)
                        log.info("%s", row)
                    means, since = Means(), time.perf_counter()
    finally:
        source.close()
    return checkpoint


def lr_factor(step: int, optim: OptimConfig) -> float:
    """Return the learning rate's factor: linear rise, plateau, linear fall at the end.

    A plateau can be prolonged by raising ``steps`` and resuming, a cosine cannot.
    """
    rise = min(1.0, (step + 1) / max(1, optim.warmup))
    fall = min(1.0, (optim.steps - step) / max(1, optim.cooldown))
    return min(rise, fall)


def to_tensors(batch: Arrays, device: torch.device = CPU) -> dict[str, torch.Tensor]:
    """Return a batch as tensors on a device, images with channels last, as CPUs like them."""
    arrays = {key: torch.from_numpy(np.ascontiguousarray(v)) for key, v in batch.items()}
    tensors = {key: tensor.to(device) for key, tensor in arrays.items()}
    return {
        key: t.contiguous(memory_format=torch.channels_last) if t.ndim == 4 else t
        for key, t in tensors.items()
    }


@torch.no_grad()
def validate(
    task: Task[Any], network: nn.Module, samples: Arrays, *, batch: int = 16
) -> dict[str, float]:
    """Return the mean figures over fixed samples, computed where the network is."""
    network.eval()
    device = next(network.parameters()).device
    means = Means()
    count = len(next(iter(samples.values())))
    for start in range(0, count, batch):
        part = task.as_it_is({key: value[start : start + batch] for key, value in samples.items()})
        loss, figures = task.loss(network, to_tensors(part, device))
        means.add({"loss": float(loss), **figures}, weight=len(next(iter(part.values()))))
    network.train()
    return means.now()
