"""Differentially private training, to be read from top to bottom; the engine is Opacus.

What is protected is one source photo, with everything that was cut out of it: two folders that
differ in one photo give networks that can be told apart no better than epsilon and delta say.
Sampling, clipping and noise are per photo:

* the photos' records are made once, before training, each from its own photo only;
* each step draws every photo with the same probability, independently of all others, and of the
  drawn one some of its samples, turned and mirrored at random; the mean of their gradients is
  clipped, so that a photo counts once, however many windows it gave and however often;
* noise and draws come from the operating system's entropy, never from the config's seed, which
  is published with the network.

The average of the weights is made of the noisy weights only, so it costs nothing. The validation
photos are not protected, and must be public: their figures are in the checkpoint.
"""

from __future__ import annotations

import copy
import logging
import secrets
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from unblur.errors import BadValue, MissingExtra
from unblur.training.checkpoint import load_checkpoint
from unblur.training.config import TrainConfig
from unblur.training.loop import Progress, lr_factor, to_tensors, validate
from unblur.training.privacy import ACCOUNTANT, Mechanism, Privacy, mechanism_for
from unblur.training.records import all_records, fingerprint
from unblur.training.registry import TASKS, task_of
from unblur.training.runs import (
    append_row,
    check_same,
    resume_run,
    save_run,
    start_from,
    update_average,
)
from unblur.training.shards import Arrays, make_shard
from unblur.training.task import Task

log = logging.getLogger(__name__)

CHUNK = 64
"""Samples whose gradients are held in memory at a time."""


def train_private(
    config: TrainConfig,
    privacy: Privacy,
    photos: Path,
    run: Path,
    *,
    workers: int = 0,
    stop_after: int | None = None,
    initial: Path | None = None,
    progress: Progress | None = None,
    entropy: int | None = None,
) -> Path:
    """Train a network that tells little of any one photo; goes on where an earlier call stopped.

    Args:
        config: what to train; ``optim.batch`` is the mean number of photos per step;
            ``data.shard``, ``repeats`` and ``keep`` do not count.
        privacy: the budget of the whole run.
        photos: folder of sharp photos; "train" is protected, "val" is not.
        run: folder of this run. Its ``records`` are pieces of the photos: keep them to yourself.
        workers: processes that make the records.
        stop_after: stop after this many steps in all; less is spent then.
        initial: checkpoint of public weights to start from, when the run is new.
        progress: called after each step with (step, steps, figures); figures are of the public
            photos.
        entropy: for tests and measurements only: draws and noise that can be repeated, by others
            too. The checkpoint tells of it.

    Returns:
        The checkpoint; what was spent is in it.

    Raises:
        BadValue: a task that is not for private training, or a run of another config or budget.
        MissingExtra: Opacus is not installed.
    """
    task = task_of(config)
    if not task.private:
        fit = [name for name, entry in TASKS.items() if entry.task_type().private]
        raise BadValue(
            f"private training is for {', '.join(fit)}, got the task '{config.task}'; "
            "train it without --private"
        )
    optim = config.optim
    torch.manual_seed(config.seed)
    network = task.build()
    average = copy.deepcopy(network).requires_grad_(False)
    records = list(
        all_records(
            task.samples(photos, "train"),
            photos,
            run / "records" / fingerprint(config, privacy.windows),
            seed=config.seed,
            windows=privacy.windows,
            workers=workers,
        ).values()
    )
    mechanism = mechanism_for(privacy, photos=len(records), batch=optim.batch, steps=optim.steps)
    if initial is not None:
        start_from(initial, task, network, average)
    entropy_source = np.random.SeedSequence(secrets.randbits(256) if entropy is None else entropy)
    draws, noise = _generators(entropy_source)
    wrapped, optimiser = _wrapped(network, config, privacy, mechanism, noise)
    terms = _terms(privacy, mechanism, len(records), optim.steps, repeatable=entropy is not None)
    checkpoint, step = run / "checkpoint.pt", 0
    if checkpoint.exists():
        state = load_checkpoint(checkpoint)
        check_same(config, state, run)
        _check_terms(terms, state, run)
        step = resume_run(state, network, average, optimiser)
    validation = make_shard(
        task.samples(photos, "val")(), seed=config.seed + 1, index=0, size=config.data.val_samples
    )
    end = optim.steps if stop_after is None else min(stop_after, optim.steps)
    checked, since = {"loss": float("nan")}, time.perf_counter()
    while step < end:
        for group in optimiser.param_groups:
            group["lr"] = optim.lr * lr_factor(step, optim)
        drawn = np.flatnonzero(draws.random(len(records)) < mechanism.rate)
        batch = _batch(task, records, drawn, privacy.views, draws)
        _accumulate(task, wrapped, optimiser, batch, privacy.views)
        optimiser.step()  # adds the noise, whether or not any photo was drawn
        step += 1
        update_average(average, network, min(optim.ema, (1 + step) / (10 + step)))
        if step % config.validate_every == 0 or step == end:
            checked = validate(task, average, validation)
            spent = mechanism.spent(step, privacy.delta)
            row: dict[str, float] = {"step": step, "samples": step * optim.batch}
            row |= {f"val_{key}": round(v, 5) for key, v in checked.items()}
            row |= {"epsilon": round(spent, 4), "seconds": round(time.perf_counter() - since, 1)}
            append_row(run / "log.csv", row)
            save_run(
                checkpoint, config, step, network, average, optimiser, checked,
                privacy={**terms, "epsilon": spent, "steps": step},
            )  # fmt: skip
            log.info("%s", row)
            since = time.perf_counter()
        if progress is not None:
            progress(step, optim.steps, checked)
    return checkpoint


def _generators(entropy: np.random.SeedSequence) -> tuple[np.random.Generator, torch.Generator]:
    """Return a generator of draws and one of noise; neither is ever stored.

    A stored state could be turned back, and the noise of earlier steps taken off.
    """
    for_draws, for_noise = entropy.spawn(2)
    noise = torch.Generator()
    noise.manual_seed(int(for_noise.generate_state(1, np.uint64)[0] >> np.uint64(1)))
    return np.random.default_rng(for_draws), noise


def _wrapped(
    network: nn.Module,
    config: TrainConfig,
    privacy: Privacy,
    mechanism: Mechanism,
    noise: torch.Generator,
) -> tuple[nn.Module, Any]:
    """Return the network with gradients per sample, and AdamW with clipping and noise per photo."""
    try:
        from opacus import GradSampleModule
        from opacus.optimizers import DPOptimizer
    except ImportError as error:
        raise MissingExtra("opacus", "private", "private training") from error

    class PerPhoto(DPOptimizer):  # type: ignore[misc]
        """Clips the mean gradient of a photo's views, which lie side by side in the batch."""

        def _get_flat_grad_sample(self, p: torch.Tensor) -> torch.Tensor:
            flat: torch.Tensor = super()._get_flat_grad_sample(p)
            return flat.reshape(-1, privacy.views, *p.shape).mean(1)

    adamw = torch.optim.AdamW(
        network.parameters(),
        lr=config.optim.lr,
        weight_decay=config.optim.weight_decay,
        betas=(0.9, 0.99),
    )
    optimiser = PerPhoto(
        adamw,
        noise_multiplier=mechanism.noise,
        max_grad_norm=privacy.clip,
        expected_batch_size=config.optim.batch,
        generator=noise,
        secure_mode=True,  # noise whose floating-point digits tell nothing
    )
    # Not by its hooks for each kind of layer: those misread convolutions with channels last.
    return GradSampleModule(network, force_functorch=True), optimiser


def _batch(
    task: Task[Any],
    records: list[Arrays],
    drawn: NDArray[np.intp],
    views: int,
    draws: np.random.Generator,
) -> Arrays:
    """Return some samples of each drawn photo, augmented, a photo's views side by side."""
    if not len(drawn):
        return {}
    held = len(next(iter(records[0].values())))
    chosen = [draws.permutation(held)[:views] for _ in drawn]
    keys = records[0].keys()
    batch = {
        key: np.concatenate([records[i][key][rows] for i, rows in zip(drawn, chosen, strict=True)])
        for key in keys
    }
    return task.augment(batch, draws)


def _accumulate(
    task: Task[Any], wrapped: nn.Module, optimiser: Any, batch: Arrays, views: int
) -> None:
    """Leave in the optimiser the gradients of a batch, in chunks that memory can hold."""
    optimiser.zero_grad(set_to_none=True)
    chunks = list(_chunks(batch, max(1, CHUNK // views) * views))
    if not chunks:
        for parameter in wrapped.parameters():
            parameter.grad_sample = parameter.new_zeros((0, *parameter.shape))  # type: ignore
    for number, chunk in enumerate(chunks):
        loss = task.loss(wrapped, to_tensors(chunk))[0]
        with warnings.catch_warnings():
            # Opacus hooks every layer; PyTorch remarks that nobody asks for the input's gradient.
            warnings.filterwarnings("ignore", "Full backward hook is firing")
            loss.backward()  # type: ignore[no-untyped-call]
        if number + 1 < len(chunks):
            optimiser.signal_skip_step(do_skip=True)
            optimiser.step()  # clips and adds up, no more
            optimiser.zero_grad(set_to_none=True)


def _chunks(batch: Arrays, size: int) -> Iterator[Arrays]:
    count = len(next(iter(batch.values()))) if batch else 0
    for start in range(0, count, size):
        yield {key: value[start : start + size] for key, value in batch.items()}


def _terms(
    privacy: Privacy, mechanism: Mechanism, photos: int, steps: int, *, repeatable: bool
) -> dict[str, Any]:
    """What the checkpoint and the model card say besides what has been spent."""
    return {
        "protected": "one source photo and all that was cut out of it",
        "not_protected": "validation photos; choice of settings; number of photos",
        "delta": privacy.delta,
        "budget": privacy.epsilon,
        "budgeted_steps": steps,
        "noise_multiplier": mechanism.noise,
        "sample_rate": mechanism.rate,
        "clip": privacy.clip,
        "photos": photos,
        "windows": privacy.windows,
        "views": privacy.views,
        "accountant": ACCOUNTANT,
        "noise_can_be_repeated": repeatable,
    }


def _check_terms(terms: dict[str, Any], state: dict[str, Any], run: Path) -> None:
    """Refuse to go on with a run whose budget, photos or length were others."""
    before = {k: v for k, v in state.get("privacy", {}).items() if k not in ("epsilon", "steps")}
    if before != terms:
        changed = [key for key in terms if before.get(key) != terms[key]]
        raise BadValue(
            f"{run} holds a run of other privacy (different: {', '.join(changed)}); "
            "its budget cannot be changed afterwards: choose another run folder"
        )
