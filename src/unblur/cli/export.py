"""``unblur export``: a training run becomes an ONNX file that ``--model`` accepts."""

from __future__ import annotations

from pathlib import Path

import click

from unblur.cli.say import say
from unblur.errors import MissingExtra


@click.command()
@click.argument("run", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The ONNX file to write.",
)
@click.option(
    "--trained-on",
    default="own photos",
    show_default=True,
    help="What it was trained on, for its specification.",
)
@click.option("--licence", default="unstated", show_default=True, help="Licence of the weights.")
@click.option("--half", is_flag=True, help="Store the weights in 16 bits: half the size.")
def export(run: Path, output: Path, trained_on: str, licence: str, half: bool) -> None:
    """Export the averaged weights of the training RUN, checked against PyTorch."""
    try:
        import onnx
        import torch
    except ImportError as error:
        raise MissingExtra("torch, onnx", "train", "exporting") from error
    del onnx, torch
    from unblur.training.export import export_checkpoint

    path = export_checkpoint(
        run / "checkpoint.pt", output, trained_on=trained_on, licence=licence, half=half
    )
    say(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
