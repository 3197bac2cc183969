"""Options that several of the commands that measure share, word for word."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from unblur.runtime import DEVICES, VARIABLE, Device, Runtime

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


def _known_device(_: click.Context, __: click.Parameter, device: Device | None) -> Device:
    """Return the device that is asked for, which must be there, or else the environment's."""
    if device is None:
        return Runtime.of_process().provider
    from unblur.engines.onnx import require_device

    require_device(Runtime(provider=device))
    return device


device_option = click.option(
    "--device",
    type=click.Choice(DEVICES),
    callback=_known_device,
    help="What runs the networks; auto: the first that is there and works. Default: cpu, or "
    f"${VARIABLE}.",
)


def runtime_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add ``--threads`` and ``--device``; the command is given both as one ``runtime``."""

    @threads_option
    @device_option
    @functools.wraps(command)
    def with_runtime(*args: Any, threads: int | None, device: Device, **options: Any) -> None:
        command(*args, runtime=Runtime(threads, device), **options)

    return with_runtime


json_option = click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
