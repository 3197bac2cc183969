"""``unblur federate``: train across machines that keep their photos."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from unblur.cli.say import say
from unblur.errors import MissingExtra

if TYPE_CHECKING:
    from unblur.training.config import TrainConfig

_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
_Function = Callable[..., Any]
Combine = Literal["trimmed", "median", "mean"]


@click.group()
def federate() -> None:
    """Train across machines that keep their photos: only weights travel."""
    for package in ("torch", "flwr"):
        if find_spec(package) is None:
            raise MissingExtra(package, "federated", "federated training")


def _terms(command: _Function) -> _Function:
    """Options of those who lead a federation."""
    for option in (
        click.option("--rounds", type=click.IntRange(min=1), default=20, show_default=True),
        click.option(
            "--local-steps",
            type=click.IntRange(min=1),
            default=20,
            show_default=True,
            help="Steps that each client makes per round.",
        ),
        click.option(
            "--combine",
            type=click.Choice(["trimmed", "median", "mean"]),
            default="trimmed",
            show_default=True,
            help="How updates are joined; a mean is moved by clients that lie.",
        ),
        click.option(
            "--max-norm",
            type=click.FloatRange(min=0, min_open=True),
            default=5.0,
            show_default=True,
            help="Length that an update is shortened to.",
        ),
        click.option(
            "--secure/--plain",
            default=False,
            show_default=True,
            help="Secure aggregation: the server sees sums of updates only (then --combine mean).",
        ),
    ):
        command = option(command)
    return command


@federate.command()
@click.argument("config", type=_FILE)
@click.option("--run", type=_FOLDER, required=True, help="Folder of the checkpoint and the log.")
@click.option("--address", default="127.0.0.1:8093", show_default=True, help="HOST:PORT.")
@click.option(
    "--clients",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="Fewest clients that make a round.",
)
@click.option(
    "--photos",
    type=_FOLDER,
    help="Public photos of the server: those of the split 'val' judge every round.",
)
@click.option(
    "--certificate",
    type=(_FILE, _FILE, _FILE),
    metavar="AUTHORITY SERVER KEY",
    help="PEM files; needed for any HOST but this machine.",
)
@_terms
def server(
    config: Path,
    run: Path,
    address: str,
    clients: int,
    photos: Path | None,
    certificate: tuple[Path, Path, Path] | None,
    rounds: int,
    local_steps: int,
    combine: Combine,
    max_norm: float,
    secure: bool,
) -> None:
    """Lead a federation that trains the network of CONFIG."""
    from unblur.training.federated import Federation
    from unblur.training.flower_net import serve
    from unblur.training.registry import task_of
    from unblur.training.shards import make_shard

    settings = _config(config)
    public = None
    if photos is not None:
        maker = task_of(settings).samples(photos, "val")()
        public = make_shard(maker, seed=settings.seed + 1, index=0, size=settings.data.val_samples)
    path = serve(
        settings,
        Federation(
            clients=clients,
            rounds=rounds,
            local_steps=local_steps,
            combine=combine,
            max_norm=max_norm,
            secure=secure,
        ),
        run,
        address=address,
        certificates=certificate,
        public=public,
        told=_told,
    )
    say(f"checkpoint: {path}")


@federate.command()
@click.argument("config", type=_FILE)
@click.option("--photos", type=_FOLDER, required=True, help="Folder of sharp photos; they stay.")
@click.option("--cache", type=_FOLDER, required=True, help="Folder for samples; they stay, too.")
@click.option("--address", default="127.0.0.1:8093", show_default=True, help="The server's.")
@click.option("--certificate", type=_FILE, help="PEM file of the server's authority.")
@click.option(
    "--secure/--plain",
    default=False,
    show_default=True,
    help="Take part in secure aggregation only; must be what the server asks for.",
)
@click.option("--workers", type=click.IntRange(min=0), default=1, show_default=True)
def client(
    config: Path,
    photos: Path,
    cache: Path,
    address: str,
    certificate: Path | None,
    secure: bool,
    workers: int,
) -> None:
    """Train the network of CONFIG on this machine's photos, for a server."""
    from unblur.training.federated import LocalTrainer
    from unblur.training.flower_net import join

    trainer = LocalTrainer(_config(config), photos, cache, workers=workers)
    try:
        join(trainer, address=address, secure=secure, certificate=certificate)
    finally:
        trainer.close()


@federate.command()
@click.argument("config", type=_FILE)
@click.option("--photos", type=_FOLDER, required=True, help="Sharp photos to deal out.")
@click.option("--run", type=_FOLDER, required=True, help="Folder of checkpoint, log and samples.")
@click.option("--clients", type=click.IntRange(min=2), default=8, show_default=True)
@_terms
def simulate(
    config: Path,
    photos: Path,
    run: Path,
    clients: int,
    rounds: int,
    local_steps: int,
    combine: Combine,
    max_norm: float,
    secure: bool,
) -> None:
    """Play a federation of clients with different cameras on this machine."""
    from unblur.training.federated import Federation
    from unblur.training.flower import PostGrid
    from unblur.training.flower import federate as lead
    from unblur.training.flower_client import Answerer, FederatedClient
    from unblur.training.simulation import public_samples, trainers

    settings = _config(config)
    asked = Federation(
        clients=max(2, clients // 2),
        rounds=rounds,
        local_steps=local_steps,
        combine=combine,
        max_norm=max_norm,
        secure=secure,
    )
    public = public_samples(settings, photos, clients)
    workers = [FederatedClient(t) for t in trainers(settings, photos, run / "clients", clients)]
    posts = {i: Answerer(worker, secure=asked.secure) for i, worker in enumerate(workers, 1)}
    path = lead(settings, asked, PostGrid(lambda: posts), run, public=public, told=_told)
    say(f"checkpoint: {path}")


def _config(path: Path) -> TrainConfig:
    from unblur.training.registry import load_config

    return load_config(path)


def _told(number: int, figures: dict[str, float]) -> None:
    text = "  ".join(f"{key} {value:.3f}" for key, value in figures.items())
    say(f"round {number}: {text or 'done'}")
