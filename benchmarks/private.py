"""What privacy costs, and what an attack finds: a small BlurNet trained at several epsilons.

``quality`` trains on all photos of the split "train" and gives the accuracy of the three kinds of
blur on the split "val". ``audit`` trains networks on random halves of a few photos, long enough to
learn them by heart, and asks two attacks which half it was: a threshold on the loss, and a
likelihood ratio with the other networks as shadows. Noise is seeded here, so that figures can be
repeated; ``unblur train --private`` never does that.

    python benchmarks/private.py quality --photos DIR --work /tmp/private
    python benchmarks/private.py audit --photos DIR --work /tmp/private
"""

from __future__ import annotations

import argparse
import csv
import functools
import math
import shutil
import time
from pathlib import Path

import numpy as np
from scipy import stats

from unblur.training import private
from unblur.training.audit import attack_from, likelihood_ratios, photo_losses
from unblur.training.checkpoint import load_checkpoint
from unblur.training.config import OptimConfig, TrainConfig
from unblur.training.photos import SharpPhotos, by_source
from unblur.training.privacy import Privacy
from unblur.training.records import all_records, fingerprint
from unblur.training.registry import load_config, task_of
from unblur.training.shards import Arrays, SampleMaker, make_shard
from unblur.training.windows import WindowData, drawn_px

ROOT = Path(__file__).parents[1]


def config_of(seed: int, args: argparse.Namespace, *, val_samples: int) -> TrainConfig:
    """A BlurNet of 34 thousand weights on windows of 128 px, blurred as the shipped one's."""
    steps = args.steps
    return TrainConfig(
        name="small_blur_net",
        task="detect",
        seed=seed,
        validate_every=steps,
        widths=(8, 16),
        depths=(1, 1),
        # Private training has no shards, but a config's must be a multiple of the batch.
        data=WindowData(window_px=128, shard=96, val_samples=val_samples),
        optim=OptimConfig(
            steps=steps,
            batch=args.batch,
            lr=args.lr,
            warmup=10,
            cooldown=steps // 3,
            ema=0.95,
            weight_decay=0.0,
        ),
        recipe=load_config(ROOT / "configs" / "blur_net.toml").recipe,
    )


def run_once(
    config: TrainConfig, privacy: Privacy, photos: Path, run: Path, shared: Path, entropy: int
) -> dict:
    """Train anew, on records that all runs share; return the checkpoint."""
    shutil.rmtree(run, ignore_errors=True)
    run.mkdir(parents=True)
    shared.mkdir(parents=True, exist_ok=True)
    (run / "records").symlink_to(shared.resolve())
    return load_checkpoint(private.train_private(config, privacy, photos, run, entropy=entropy))


def quality(photos: Path, work: Path, args: argparse.Namespace) -> None:
    """Print accuracy against epsilon, mean and range over the seeds."""
    config = config_of(9, args, val_samples=768)

    # Every run judges on the same samples, which take longer to make than a network to train.
    @functools.cache
    def samples(seed: int, index: int, size: int) -> Arrays:
        maker: SampleMaker = task_of(config).samples(photos, "val")()
        return make_shard(maker, seed=seed, index=index, size=size)

    private.make_shard = lambda _maker, *, seed, index, size: samples(seed, index, size)
    print("| ε | δ | noise σ | ε spent | accuracy, % | loss | s |\n| --- " + "| --- " * 6 + "|")
    for epsilon in args.epsilons:
        privacy = Privacy(epsilon, args.delta, clip=args.clip, windows=args.windows, views=1)
        found, since = [], time.process_time()
        for seed in range(1, args.seeds + 1):
            found.append(
                run_once(config, privacy, photos, work / f"run-{epsilon:g}", work / "records", seed)
            )
        accuracy = [100 * s["metrics"]["accuracy"] for s in found]
        terms = found[0]["privacy"]
        print(
            f"| {epsilon:g} | {args.delta:g} | {terms['noise_multiplier']:.2f} "
            f"| {terms['epsilon']:.2f} | {np.mean(accuracy):.1f} "
            f"({min(accuracy):.1f} to {max(accuracy):.1f}) "
            f"| {np.mean([s['metrics']['loss'] for s in found]):.3f} "
            f"| {(time.process_time() - since) / args.seeds:.0f} |",
            flush=True,
        )


def audit(photos: Path, work: Path, args: argparse.Namespace) -> None:
    """Print how well the attacks do at each epsilon."""
    config = config_of(9, args, val_samples=8)  # nobody asks how good the networks are
    halves = _halves(photos, work, config, count=args.audited, networks=args.networks)
    print("| ε | ε spent | loss in | loss out | attack | AUC (95 %) | found at 5 % accused |")
    print("| --- " * 7 + "|")
    for epsilon in args.epsilons:
        privacy = Privacy(epsilon, args.delta, clip=args.clip, windows=args.windows, views=1)
        losses, trained, spent = [], [], math.nan
        for k, (folder, names, members) in enumerate(halves):
            state = run_once(
                config, privacy, folder, work / f"run-{epsilon:g}", work / "records", k
            )
            spent = state["privacy"]["epsilon"]
            task = task_of(config)
            network = task.build()
            network.load_state_dict(state["ema"])
            everyone = all_records(
                task.samples(folder / "all", "train"),
                folder / "all",
                work / "records" / fingerprint(config, args.windows),
                seed=config.seed,
                windows=args.windows,
            )
            losses.append(photo_losses(task, network, [everyone[n] for n in names]))
            trained.append(members)
        table = np.array(losses), np.array(trained)
        for name, scores in (("loss", -table[0]), ("likelihood ratio", likelihood_ratios(*table))):
            pairs = zip(scores, table[1], strict=True)
            attacks = [attack_from(s[m], s[~m]) for s, m in pairs]
            aucs = [a.auc for a in attacks]
            error = np.std(aucs, ddof=1) / math.sqrt(len(aucs)) * stats.t.ppf(0.975, len(aucs) - 1)
            hits = 100 * np.mean([a.hits for a in attacks])
            print(
                f"| {epsilon:g} | {spent:.2f} | {table[0][table[1]].mean():.3f} "
                f"| {table[0][~table[1]].mean():.3f} | {name} "
                f"| {np.mean(aucs):.3f} ± {error:.3f} | {hits:.0f} % |",
                flush=True,
            )


def _halves(
    photos: Path, work: Path, config: TrainConfig, *, count: int, networks: int
) -> list[tuple[Path, list[str], np.ndarray]]:
    """Folders with a random half of ``count`` photos each (linked), and who is in which."""
    side = drawn_px(config)
    groups = by_source(photos, SharpPhotos(photos, "train", smallest_px=side).paths)
    public = SharpPhotos(photos, "val", smallest_px=side).paths[:40]
    rng = np.random.default_rng(3)
    names = [sorted(groups)[i] for i in rng.permutation(len(groups))[:count]]
    found = []
    for k in range(networks):
        # In pairs that complement each other, so that every photo is in half of the networks.
        if k % 2 == 0:
            members = np.zeros(count, bool)
            members[rng.permutation(count)[: count // 2]] = True
        else:
            members = ~found[-1][2]
        folder = work / f"half-{k}"
        for place, inside in ((folder, members), (folder / "all", np.ones(count, bool))):
            _linked(place, [groups[n][0] for n, m in zip(names, inside, strict=True) if m], public)
        found.append((folder, [groups[n][0].name for n in names], members))
    return found


def _linked(folder: Path, train: list[Path], public: list[Path]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "split"])
        for split, paths in (("train", train), ("val", public)):
            for path in paths:
                link = folder / path.name
                link.unlink(missing_ok=True)
                link.symlink_to(path.resolve())
                writer.writerow([path.name, split])


def main() -> None:
    """Run one of the two parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=["quality", "audit"])
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="folder for runs; may be removed")
    parser.add_argument("--epsilons", type=float, nargs="+", default=[math.inf, 8.0, 3.0, 1.0])
    parser.add_argument("--delta", type=float, default=1e-4)
    parser.add_argument("--clip", type=float, default=1.0)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch", type=int, default=96)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--windows", type=int, default=4, help="samples per photo")
    parser.add_argument("--seeds", type=int, default=2, help="of the noise, for quality")
    parser.add_argument("--audited", type=int, default=100, help="photos, for audit")
    parser.add_argument("--networks", type=int, default=8, help="trained, for audit")
    args = parser.parse_args()
    {"quality": quality, "audit": audit}[args.part](args.photos, args.work, args)


if __name__ == "__main__":
    main()
