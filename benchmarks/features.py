"""What each motion feature is worth to the shipped KernelNet: it is shown another window's.

Windows of the validation split, made as for training (``configs/kernel_net.toml``), at the first
look. For each row some features are taken from another window, drawn at random, so that they look
as they always do but say nothing; the others stay. Told are the cosine similarity of estimated and
true PSF, smoothed with sigma 1.5 px and not smoothed, of windows that moved, and the share of
windows rightly told moved or not; means of several draws. What is lost without a feature is what
the network gets from it that no other tells; what is left with it alone is what it tells by itself
to a network that is used to more.

    python benchmarks/features.py DIR --samples 512 --json features.json
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

from unblur.engines import OnnxEngine
from unblur.motion.features import MAP_NAMES
from unblur.runtime import ONE_THREAD
from unblur.training.kernel_task import compare_psfs
from unblur.training.registry import load_config, task_of
from unblur.training.shards import Arrays, make_shard
from unblur.zoo.catalogue import KERNEL_NET, weights_path

CONFIG = Path(__file__).parents[1] / "configs" / "kernel_net.toml"
POOLED = "pooled"
GROUPS = {
    "pooled high-pass (spatial)": (POOLED,),
    "autocorrelations (frequency)": MAP_NAMES[:4],
    "cepstrum (frequency)": ("cepstrum",),
    "whitened autocorrelation (frequency)": ("whitened",),
    "quotients (both domains)": MAP_NAMES[6:],
}
BATCH, SMOOTHED = 64, 2


def figures(engine: OnnxEngine, windows: Arrays, strange: Sequence[str], seed: int) -> np.ndarray:
    """Return the three figures with some features taken from other windows."""
    order = np.random.default_rng(seed).permutation(len(windows["maps"]))
    maps, pooled = windows["maps"].astype(np.float32), windows["pooled"]
    rows = [MAP_NAMES.index(name) for name in strange if name != POOLED]
    maps[:, rows] = maps[order][:, rows]
    if POOLED in strange:
        pooled = pooled[order]
    answers = [
        engine(maps[i : i + BATCH], pooled[i : i + BATCH]) for i in range(0, len(maps), BATCH)
    ]
    psfs, summaries = (np.concatenate(part) for part in zip(*answers, strict=True))
    truth = torch.from_numpy(windows["psf"].astype(np.float32))
    alike, _ = compare_psfs(torch.from_numpy(psfs), truth)
    moved = windows["targets"][:, 0] > 0.5
    told = ((summaries[:, 0] > 0) == moved).mean()
    return np.array([alike[moved, SMOOTHED].mean(), alike[moved, 0].mean(), told])


def variants() -> dict[str, tuple[str, ...]]:
    """Return what is taken from other windows in each row of the table."""
    everything = (*MAP_NAMES, POOLED)
    rows: dict[str, tuple[str, ...]] = {"all": ()}
    for name, group in GROUPS.items():
        rows[f"without {name}"] = tuple(group)
    for name, group in GROUPS.items():
        rows[f"only {name}"] = tuple(n for n in everything if n not in group)
    return {**rows, "none": everything}


def main() -> None:
    """Measure, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder of sharp photos with a manifest.csv")
    parser.add_argument("--samples", type=int, default=512)
    parser.add_argument("--draws", type=int, default=4)
    parser.add_argument("--json", type=Path, help="write the table here")
    options = parser.parse_args()
    config = load_config(CONFIG)
    one_look = dataclasses.replace(config.data, rounds=1, search=False)
    maker = task_of(dataclasses.replace(config, data=one_look)).samples(options.data, "val")()
    windows = make_shard(maker, seed=config.seed + 1, index=0, size=options.samples)
    engine = OnnxEngine(weights_path(KERNEL_NET), task="kernel", runtime=ONE_THREAD)
    table = {}
    print(f"{'':<46}{'similarity':>11}{'unsmoothed':>12}{'moved or not':>14}")
    for name, strange in variants().items():
        draws = range(options.draws if strange else 1)
        found = np.mean([figures(engine, windows, strange, seed) for seed in draws], axis=0)
        keys = ("similarity_motion", "ncc_motion", "blur_accuracy")
        table[name] = dict(zip(keys, found.round(4).tolist(), strict=True))
        print(f"{name:<46}{found[0]:>11.3f}{found[1]:>12.3f}{found[2]:>14.3f}", flush=True)
    if options.json:
        result = {"samples": options.samples, "draws": options.draws, "table": table}
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
