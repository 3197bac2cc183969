"""The training loop, to be read from top to bottom."""

from __future__ import annotations

import copy
import logging
import shutil
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import nn

from unblur.training.checkpoint import load_checkpoint
from unblur.training.config import OptimConfig, TrainConfig
from unblur.training.crew import Crew
from unblur.training.photos import Split
from unblur.training.runs import (
    Means,
    append_row,
    check_same,
    resume_run,
    save_run,
    start_from,
    update_average,
)
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
    crew: Crew | None = None,
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
        crew: the processes that train together; each calls this function.

    Returns:
        The checkpoint, written by the first of the crew; its ``ema`` is what is validated and
        shipped.

    Raises:
        BadValue: the folder holds a run of another config, or the batch cannot be shared.
    """
    job, factory = job_of(config)
    optim, data = config.optim, config.data
    crew = crew or Crew()
    crew.check(optim.batch)
    torch.manual_seed(config.seed)
    network = job.build().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(network).requires_grad_(False)
    set_precision(network, optim)  # of this one only: the average is validated as it ships
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=optim.lr, weight_decay=optim.weight_decay, betas=(0.9, 0.99)
    )
    checkpoint, cache = run / "checkpoint.pt", run / crew.cache
    step = 0
    state = crew.told(load_checkpoint(checkpoint) if crew.first and checkpoint.exists() else None)
    if state is not None:
        check_same(config, state, run)
        step = resume_run(state, network, average, optimiser)
    else:  # samples of a run that never reached a checkpoint may be of another config
        shutil.rmtree(cache, ignore_errors=True)
    if step == 0 and initial is not None:
        start_from(initial, network, average)
    validation = make_shard(
        factory(photos, "val")(), seed=config.seed + 1, index=0, size=data.val_samples
    )
    source = ShardSource(
        factory(photos, "train"),
        cache,
        seed=config.seed,
        size=data.shard,
        keep=data.keep,
        workers=workers,
        share=(crew.rank, crew.size),
    )
    per_visit = data.shard // optim.batch
    end = optim.steps if stop_after is None else min(stop_after, optim.steps)
    means, since = Means(), time.perf_counter()
    try:
        while step < end:
            visit, within = divmod(step, per_visit)
            index, _ = shard_of_visit(visit, repeats=data.repeats, keep=data.keep, seed=config.seed)
            shard = crew.joined(source.get(index, newest=visit // data.repeats), data.shard)
            rng = np.random.default_rng((config.seed, visit))
            for number, rows in enumerate(batches(data.shard, optim.batch, rng)):
                batch = job.augment({key: value[rows] for key, value in shard.items()}, rng)
                if number < within or step >= end:
                    continue  # drawn all the same, so that a resumed visit is the same visit
                for group in optimiser.param_groups:
                    group["lr"] = optim.lr * lr_factor(step, optim)
                loss, figures = job.loss(network, to_tensors(crew.part(batch)))
                optimiser.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                crew.average_gradients(network)
                nn.utils.clip_grad_norm_(network.parameters(), optim.clip_norm)
                optimiser.step()
                step += 1
                update_average(average, network, min(optim.ema, (1 + step) / (10 + step)))
                means.add({"loss": float(loss.detach()), **figures})
                if progress is not None:
                    progress(step, optim.steps, means.now())
                if step % config.validate_every == 0 or step == end:
                    means = Means.of(crew.gathered(means))
                    if crew.first:
                        checked = validate(job, average, validation)
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


_JOBS = {
    "kernel": ("kernel_task", "KernelTask"),
    "restore": ("restore_task", "RestoreTask"),
    "detect": ("detect_task", "DetectTask"),
    "patches": ("patch_task", "PatchTask"),
    "frame": ("frame_task", "FrameTask"),
    "fuse": ("fuse_task", "FuseTask"),
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


def set_precision(network: nn.Module, optim: OptimConfig) -> None:
    """Let a network compute in bfloat16 if it is to; its weights and answers stay float32."""
    if not optim.bf16:
        return
    plain = network.forward

    def forward(*inputs: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        with torch.autocast("cpu", torch.bfloat16):
            out = plain(*inputs)
        return out.float() if isinstance(out, torch.Tensor) else tuple(x.float() for x in out)

    network.forward = forward


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
    means = Means()
    count = len(next(iter(samples.values())))
    for start in range(0, count, batch):
        part = {
            key: value[start : start + batch].astype(np.float32) for key, value in samples.items()
        }
        loss, figures = job.loss(network, to_tensors(part))
        means.add({"loss": float(loss), **figures}, weight=len(next(iter(part.values()))))
    network.train()
    return means.now()
