"""A federation of eight cameras against central training and against each client alone.

The network is a BlurNet of 34 thousand weights on windows of 128 px. Every client has its own
photos (an eighth of the split "train"), its own camera (noise, tone, JPEG) and 256 windows; all are
judged on the same samples of the split "val", an eighth of them by each camera. Central training
pools all clients' windows; it, the federation and every client alone make equally many steps per
network. Bad clients are one that answers nothing finite, and one that sends its move backwards,
three times as long, and claims a million photos.

    python benchmarks/federated.py central alone trimmed secure bad bad-mean --photos DIR --work DIR
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

from unblur.training.config import OptimConfig, TrainConfig
from unblur.training.federated import Federation, LocalTrainer, flat_weights, put_weights
from unblur.training.loop import lr_factor, validate
from unblur.training.registry import load_config, task_of
from unblur.training.shards import Arrays
from unblur.training.simulation import public_samples, trainers
from unblur.training.windows import WindowData

ROOT = Path(__file__).parents[1]
COUNT = 8


def config_of(args: argparse.Namespace) -> TrainConfig:
    """The small BlurNet."""
    steps = args.rounds * args.local_steps
    return TrainConfig(
        name="small_blur_net",
        task="detect",
        seed=args.seed,
        widths=(8, 16),
        depths=(1, 1),
        data=WindowData(window_px=128, shard=256, repeats=10**6, keep=1, val_samples=768),
        optim=OptimConfig(
            steps=steps, batch=16, lr=3e-3, warmup=10, cooldown=steps // 3, weight_decay=0.0
        ),
        recipe=load_config(ROOT / "configs" / "blur_net.toml").recipe,
    )


class Backwards:
    """A client that undoes what it learned, three times over, and claims a million photos."""

    photos = 10**6

    def __init__(self, honest: LocalTrainer) -> None:
        self._honest = honest

    def __call__(self, weights: np.ndarray, *, steps: int, lr: float) -> np.ndarray:
        """Return the honest move, turned round."""
        return -3 * self._honest(weights, steps=steps, lr=lr)


class Broken(Backwards):
    """A client that answers nothing finite."""

    def __call__(self, weights: np.ndarray, *, steps: int, lr: float) -> np.ndarray:
        """Return nothing that can be used."""
        return np.full_like(weights, np.nan)


def alone(config: TrainConfig, clients: list[LocalTrainer], args: argparse.Namespace) -> list:
    """Return the networks of clients that hear of nobody."""
    networks = []
    for client in clients:
        network = fresh(config)
        weights = flat_weights(network)
        for number in range(args.rounds):
            lr = config.optim.lr * lr_factor(number * args.local_steps, config.optim)
            weights = weights + client(weights, steps=args.local_steps, lr=lr)
        put_weights(network, weights)
        networks.append(network)
    return networks


def central(config: TrainConfig, clients: list[LocalTrainer], args: argparse.Namespace) -> list:
    """Return the network of one who has all clients' samples: every step takes another's batch."""

    class Pooled(LocalTrainer):
        def __init__(self) -> None:
            self.__dict__.update(clients[0].__dict__)
            streams = [client._batches for client in clients]
            self._batches = (next(streams[i]) for _ in iter(int, 1) for i in range(len(streams)))

    return alone(config, [Pooled()], args)


def federation(
    config: TrainConfig, clients: list, args: argparse.Namespace, public: Arrays, name: str
) -> list:
    """Return the network of a federation."""
    from unblur.training.checkpoint import load_checkpoint
    from unblur.training.flower import PostGrid, federate
    from unblur.training.flower_client import Answerer, FederatedClient, UnboundedClient

    terms = Federation(
        rounds=args.rounds,
        local_steps=args.local_steps,
        clients=4,
        combine="mean" if name in ("mean", "secure", "bad-mean") else "trimmed",
        secure=name == "secure",
        max_weight=10**9 if name == "bad-mean" else 200,
        max_norm=1e9 if name == "bad-mean" else 5.0,
        tolerance=1e9,  # the update rules by themselves, without the server's own photos
    )
    honest = [FederatedClient(client) for client in clients]
    if name.startswith("bad"):
        honest[6:] = [UnboundedClient(Broken(clients[6])), UnboundedClient(Backwards(clients[7]))]
    posts = {i: Answerer(client, secure=terms.secure) for i, client in enumerate(honest, 1)}
    path = federate(
        config, terms, PostGrid(lambda: posts), args.work / name, public=public, wait_s=0.0
    )
    network = fresh(config)
    network.load_state_dict(load_checkpoint(path)["ema"])
    return [network]


def fresh(config: TrainConfig) -> Any:
    """Return a network as it starts everywhere."""
    import torch

    torch.manual_seed(config.seed)
    return task_of(config).build()


def samples_of(config: TrainConfig, args: argparse.Namespace) -> Arrays:
    """Return what everybody is judged on, from the work folder if it is there."""
    path = args.work / "public.npz"
    if not path.exists():
        args.work.mkdir(parents=True, exist_ok=True)
        np.savez(path, **public_samples(config, args.photos, COUNT))
    with np.load(path) as stored:
        return {key: stored[key] for key in stored.files}


def main() -> None:
    """Train and judge what was asked for; print a row of the table for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="+")
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="folder for samples and runs")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--local-steps", type=int, default=12)
    parser.add_argument("--seed", type=int, default=11)
    args = parser.parse_args()
    config = config_of(args)
    public = samples_of(config, args)
    for name in args.parts:
        started = time.process_time()
        clients = trainers(config, args.photos, args.work / "samples", COUNT)
        if name == "alone":
            networks = alone(config, clients, args)
        elif name == "central":
            networks = central(config, clients, args)
        else:
            networks = federation(config, clients, args, public, name)
        judged = [validate(task_of(config), network, public) for network in networks]
        accuracy = [100 * figures["accuracy"] for figures in judged]
        spread = f" ({min(accuracy):.1f} to {max(accuracy):.1f})" if len(judged) > 1 else ""
        print(
            f"| {name} | {np.mean(accuracy):.1f}{spread} "
            f"| {np.mean([figures['loss'] for figures in judged]):.3f} "
            f"| {time.process_time() - started:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
