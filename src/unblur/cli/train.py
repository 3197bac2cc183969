"""``unblur train``: train a network on synthetic blur made from sharp photos."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from unblur.cli.say import say
from unblur.errors import BadValue, MissingExtra, UnblurError

if TYPE_CHECKING:
    import torch

    from unblur.training.config import TrainConfig
    from unblur.training.device import Device

_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False)


class _Command(click.Command):
    """Lets ``--private`` be followed by several words: ``--private epsilon=8 delta=1e-5``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--private" in args:
            start = args.index("--private") + 1
            words = list(takewhile(lambda word: "=" in word and word[0] != "-", args[start:]))
            args = [*args[:start], ",".join(words), *args[start + len(words) :]]
        return super().parse_args(ctx, args)


@click.command(cls=_Command)
@click.argument("config", type=_FILE)
@click.option("--photos", type=_FOLDER, required=True, help="Folder of sharp photos.")
@click.option(
    "--run",
    "run_folder",
    type=_FOLDER,
    required=True,
    help="Folder of this run; an interrupted run goes on from its checkpoint.",
)
@click.option("--gyro", type=_FILE, help="Recorded hand shake: rows of t_ns wx wy wz (rad/s).")
@click.option(
    "--kernel-weights",
    type=_FILE,
    help="ONNX file of the KernelNet whose estimates RestoreNet is trained on "
    "(default: the shipped one).",
)
@click.option("--initial", type=_FILE, help="Checkpoint whose weights a new run starts from.")
@click.option("--steps", type=click.IntRange(min=1), help="Train for this many steps in all.")
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    help="Processes that make samples ahead (default: 1; for an accelerator all cores but one).",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Threads that train.",
)
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where the network computes; auto takes an accelerator if PyTorch sees one.",
)
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Processes of this machine that share each batch; over several machines, use torchrun.",
)
@click.option(
    "--private",
    metavar="epsilon=E delta=D [clip=C]",
    help="Train so that the network tells little of any one photo; see docs/private_training.md.",
)
@click.option(
    "--plot/--no-plot",
    default=True,
    show_default=True,
    help="Draw the learning curves into curves.png.",
)
def train(
    config: Path,
    photos: Path,
    run_folder: Path,
    gyro: Path | None,
    kernel_weights: Path | None,
    initial: Path | None,
    steps: int | None,
    workers: int | None,
    threads: int,
    device: Device,
    processes: int,
    private: str | None,
    plot: bool,
) -> None:
    """Train the network of CONFIG; resumable at any time."""
    try:
        import torch
    except ImportError as error:
        raise MissingExtra("torch", "train", "training") from error

    from unblur.training.curves import plot_curves
    from unblur.training.device import device_of, workers_for
    from unblur.training.registry import load_config
    from unblur.training.worker_pool import enlist

    del torch
    if not photos.is_dir():
        raise BadValue(f"the folder of photos {photos} does not exist")
    settings = _adapted(load_config(config), gyro, kernel_weights, steps)
    where = device_of("cpu" if device == "auto" and (private or processes > 1) else device)
    workers = workers_for(where) if workers is None else workers
    work = partial(_train, settings, photos, run_folder, workers, threads, where, initial)
    if private is not None:
        if where.type != "cpu":
            raise BadValue(f"--private trains on the CPU, got --device {device}")
        if processes > 1:
            raise BadValue(f"--private trains in one process, got --processes {processes}")
        _train_private(private, settings, photos, run_folder, workers, threads, initial)
    elif processes > 1:
        enlist(processes, partial(_speaking_up, work))
    elif not work():
        return  # one of several that torchrun has started; the first of them speaks
    if plot:
        say(f"curves: {plot_curves(run_folder / 'log.csv')}")
    say(f"checkpoint: {run_folder / 'checkpoint.pt'}")


def _speaking_up(work: Callable[[], object]) -> None:
    """Do one process's work; its mistakes are told, not raised into a trace of calls."""
    try:
        work()
    except UnblurError as error:
        say(f"unblur: {error}", err=True)
        os._exit(error.exit_code)  # the others may wait for this process for ever


def _train(
    settings: TrainConfig,
    photos: Path,
    run: Path,
    workers: int,
    threads: int,
    device: torch.device,
    initial: Path | None,
) -> bool:
    """Train in this process, with its pool if it has one; return whether it is the first."""
    import torch

    from unblur.training.loop import train as run_training
    from unblur.training.worker_pool import assemble, disband

    torch.set_num_threads(threads)
    pool = assemble()
    with _bar(settings, hidden=not pool.first) as show:
        run_training(
            settings,
            photos,
            run,
            workers=workers,
            device=device,
            initial=initial,
            progress=show,
            pool=pool,
        )
    disband()
    return pool.first


def _train_private(
    budget: str,
    settings: TrainConfig,
    photos: Path,
    run: Path,
    workers: int,
    threads: int,
    initial: Path | None,
) -> None:
    import torch

    from unblur.training.checkpoint import load_checkpoint
    from unblur.training.privacy import budget_from
    from unblur.training.private import train_private

    torch.set_num_threads(threads)
    privacy = budget_from(budget)
    with _bar(settings) as show:
        path = train_private(
            settings, privacy, photos, run, workers=workers, initial=initial, progress=show
        )
    terms = load_checkpoint(path)["privacy"]
    say(
        f"spent: epsilon {terms['epsilon']:.2f} at delta {terms['delta']:g}, of any one of "
        f"{terms['photos']} photos; {run / 'records'} holds pieces of them: keep it to yourself"
    )


@contextmanager
def _bar(
    settings: TrainConfig, *, hidden: bool = False
) -> Iterator[Callable[[int, int, dict[str, float]], None]]:
    """Show a progress bar; gives the function that moves it on."""
    with click.progressbar(
        length=settings.optim.steps,
        label=settings.name,
        item_show_func=lambda text: text,
        hidden=hidden,
    ) as bar:

        def show(step: int, total: int, figures: dict[str, float]) -> None:
            text = "  ".join(f"{key} {value:.3f}" for key, value in figures.items())
            bar.update(step - bar.pos, text)

        yield show


def _adapted(
    config: TrainConfig, gyro: Path | None, kernel_weights: Path | None, steps: int | None
) -> TrainConfig:
    """Put this machine's paths into a config."""
    from unblur.zoo.catalogue import FUSE_NET, KERNEL_NET, weights_path

    recipe, data, optim = config.recipe, config.data, config.optim
    if gyro is not None:
        recipe = dataclasses.replace(recipe, gyro_file=str(gyro))
    shipped = {
        "kernel_weights": kernel_weights or weights_path(KERNEL_NET),
        "fuse_weights": weights_path(FUSE_NET),
    }
    needed: dict[str, Any] = {name: str(shipped[name]) for name in data.weights_needed()}
    data = dataclasses.replace(data, **needed)
    if steps is not None:
        optim = dataclasses.replace(optim, steps=steps)
    return dataclasses.replace(config, recipe=recipe, data=data, optim=optim)
