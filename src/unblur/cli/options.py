"""Options that several of the commands that measure share, word for word."""

from __future__ import annotations

import os
from pathlib import Path

import click

from unblur.runtime import DEVICES, VARIABLE, Runtime

FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)

dataset_option = click.option(
    "--dataset",
    default="auto",
    show_default=True,
    help="The data set that DATA holds, by the word of 'unblur evaluate --list'; auto: by its "
    "layout.",
)

protocol_option = click.option(
    "--protocol",
    default="auto",
    show_default=True,
    help="How results are scored, by the word of 'unblur evaluate --list'; auto: as the data set "
    "is scored in papers.",
)

crop_option = click.option(
    "--crop",
    "crop_px",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Pixels left out on each side when scoring (plain protocol).",
)

seed_option = click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Equal seeds draw the same.",
)

threads_option = click.option(
    "--threads", type=click.IntRange(min=1), help="Default: all processors."
)


def _take_device(context: click.Context, _: click.Parameter, device: str | None) -> None:
    """Let this process and its workers compute on a device, as long as the command runs."""
    if device is None:
        return
    import onnxruntime

    Runtime(provider=device).choices(onnxruntime.get_available_providers())  # type: ignore[arg-type]
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = device
    context.call_on_close(lambda: _put_back(before))


def _put_back(before: str | None) -> None:
    if before is None:
        os.environ.pop(VARIABLE, None)
    else:
        os.environ[VARIABLE] = before


device_option = click.option(
    "--device",
    type=click.Choice(DEVICES),
    expose_value=False,
    callback=_take_device,
    help="What runs the networks; auto: the first that is there and works. Default: cpu, or "
    f"${VARIABLE}.",
)

json_option = click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
