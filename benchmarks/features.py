"""What each motion feature is worth: KernelNet trained without it, and with nothing else.

The same windows, order, seed and number of steps for every row; a feature that is left out is
zero in training and at the end. Windows are those of ``configs/kernel_net.toml`` at the first
look. Told are the cosine similarity of estimated and true PSF smoothed with sigma 1.5 px, and not
smoothed, and the share of windows rightly told moved or not, all on the validation split.

These are short trainings from nothing, to compare the features with each other; the shipped
network is far better than the best row.

    python benchmarks/features.py DIR --samples 2048 --steps 320 --json features.json
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from torch import nn

from unblur.motion.features import MAP_NAMES
from unblur.training.config import TrainConfig, load_config
from unblur.training.kernel_task import KernelTask, samples
from unblur.training.loop import lr_factor, set_precision, to_tensors, validate
from unblur.training.shards import Arrays, batches, make_shard

CONFIG = Path(__file__).parents[1] / "configs" / "kernel_net.toml"
POOLED = "pooled"
GROUPS = {
    "pooled high-pass (spatial)": (POOLED,),
    "autocorrelations (spatial)": MAP_NAMES[:4],
    "cepstrum (frequency)": ("cepstrum",),
    "whitened (frequency)": ("whitened",),
    "quotients (both)": MAP_NAMES[6:],
}


class Shown(KernelTask):
    """KernelNet's task with some features hidden."""

    def __init__(self, config: TrainConfig, hidden: Sequence[str]) -> None:
        super().__init__(config)
        self._maps = [MAP_NAMES.index(name) for name in hidden if name != POOLED]
        self._pooled = POOLED in hidden

    def loss(
        self, network: nn.Module, batch: dict[str, torch.Tensor]
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """Return the loss of a batch of which some is hidden."""
        shown = dict(batch)
        shown["maps"] = batch["maps"].index_fill(1, torch.tensor(self._maps, dtype=torch.long), 0)
        if self._pooled:
            shown["pooled"] = torch.zeros_like(batch["pooled"])
        return super().loss(network, shown)


def trained(config: TrainConfig, task: KernelTask, shard: Arrays) -> nn.Module:
    """Return a network trained on one shard, turned and mirrored anew each time."""
    torch.manual_seed(config.seed)
    rng = np.random.default_rng(config.seed)
    network = task.build().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    plain = network.forward
    set_precision(network, config.optim)
    optimiser = torch.optim.AdamW(network.parameters(), lr=config.optim.lr, betas=(0.9, 0.99))
    step, size = 0, len(shard["maps"])
    while step < config.optim.steps:
        for rows in batches(size, config.optim.batch, rng):
            batch = task.augment({key: value[rows] for key, value in shard.items()}, rng)
            for group in optimiser.param_groups:
                group["lr"] = config.optim.lr * lr_factor(step, config.optim)
            loss, _ = task.loss(network, to_tensors(batch))
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), config.optim.clip_norm)
            optimiser.step()
            step += 1
            if step == config.optim.steps:
                break
    network.forward = plain
    return network


def variants() -> dict[str, tuple[str, ...]]:
    """Return what is hidden in each row of the table."""
    everything = (*MAP_NAMES, POOLED)
    rows: dict[str, tuple[str, ...]] = {"all": ()}
    for name, group in GROUPS.items():
        rows[f"without {name}"] = tuple(group)
    for name, group in GROUPS.items():
        rows[f"only {name}"] = tuple(n for n in everything if n not in group)
    return rows


def main() -> None:
    """Train a network for each row, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder of sharp photos with a manifest.csv")
    parser.add_argument("--samples", type=int, default=2048)
    parser.add_argument("--steps", type=int, default=320)
    parser.add_argument("--val-samples", type=int, default=256)
    parser.add_argument("--json", type=Path, help="write the table here")
    options = parser.parse_args()
    torch.set_num_threads(1)
    config = load_config(CONFIG)
    config = dataclasses.replace(
        config,
        data=dataclasses.replace(config.data, looks=1, search=False),
        optim=dataclasses.replace(
            config.optim, steps=options.steps, cooldown=options.steps // 2, warmup=50
        ),
    )
    make = {split: samples(config, options.data, split)() for split in ("train", "val")}
    shard = make_shard(make["train"], seed=config.seed, index=0, size=options.samples)
    checked = make_shard(make["val"], seed=config.seed + 1, index=0, size=options.val_samples)
    table = {}
    print(f"{'':<42}{'similarity':>11}{'unsmoothed':>12}{'moved or not':>14}")
    for name, hidden in variants().items():
        task = Shown(config, hidden)
        figures = validate(task, trained(config, task, shard), checked)
        table[name] = {key: round(value, 4) for key, value in figures.items()}
        print(
            f"{name:<42}{figures['similarity_motion']:>11.3f}{figures['ncc_motion']:>12.3f}"
            f"{figures['blur_accuracy']:>14.3f}",
            flush=True,
        )
    if options.json:
        result = {"samples": options.samples, "steps": options.steps, "table": table}
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
