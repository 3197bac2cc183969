"""``unblur train``: train a network on synthetic blur made from sharp photos."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from unblur.errors import BadValue, MissingExtra

if TYPE_CHECKING:
    from unblur.training.config import TrainConfig

_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
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
    default=1,
    show_default=True,
    help="Processes that make samples.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Threads that train.",
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
    workers: int,
    threads: int,
    plot: bool,
) -> None:
    """Train the network of CONFIG; resumable at any time."""
    try:
        import torch
    except ImportError as error:
        raise MissingExtra("torch", "train", "training") from error

    from unblur.training.config import load_config
    from unblur.training.curves import plot_curves
    from unblur.training.loop import train as run_training

    if not photos.is_dir():
        raise BadValue(f"the folder of photos {photos} does not exist")
    torch.set_num_threads(threads)
    settings = _adapted(load_config(config), gyro, kernel_weights, steps)
    with click.progressbar(
        length=settings.optim.steps, label=settings.name, item_show_func=lambda text: text
    ) as bar:

        def show(step: int, total: int, figures: dict[str, float]) -> None:
            text = "  ".join(f"{key} {value:.3f}" for key, value in figures.items())
            bar.update(step - bar.pos, text)

        run_training(settings, photos, run_folder, workers=workers, initial=initial, progress=show)
    if plot:
        click.echo(f"curves: {plot_curves(run_folder / 'log.csv')}")
    click.echo(f"checkpoint: {run_folder / 'checkpoint.pt'}")


def _adapted(
    config: TrainConfig, gyro: Path | None, kernel_weights: Path | None, steps: int | None
) -> TrainConfig:
    """Put this machine's paths into a config."""
    from unblur.restoration.catalogue import KERNEL_NET, weights_path

    recipe, data, optim = config.recipe, config.data, config.optim
    if gyro is not None:
        recipe = dataclasses.replace(recipe, gyro_file=str(gyro))
    if config.task == "restore" or (config.task == "kernel" and config.data.looks > 1):
        data = dataclasses.replace(
            data, kernel_weights=str(kernel_weights or weights_path(KERNEL_NET))
        )
    if steps is not None:
        optim = dataclasses.replace(optim, steps=steps)
    return dataclasses.replace(config, recipe=recipe, data=data, optim=optim)
