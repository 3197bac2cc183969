"""``unblur models choose``: which model serves one's own photos best."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click

from unblur.cli.common import names_in, tone_option
from unblur.cli.compare import output_of, run_job, tell_failures
from unblur.cli.options import (
    FOLDER,
    dataset_option,
    json_option,
    runtime_options,
    seed_option,
)
from unblur.cli.say import say, say_json
from unblur.runtime import Runtime


@click.command("choose")
@click.option(
    "--data",
    type=FOLDER,
    required=True,
    help="Pairs (blurry/ and sharp/), any data set that 'unblur evaluate' reads, or just a "
    "folder of blurry photos.",
)
@click.option("--models", help="Comma-separated candidates; default: all that run here.")
@click.option(
    "--photos",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="So many are tried, drawn by the seed; every kind and length of motion as far as known.",
)
@seed_option
@dataset_option
@click.option(
    "-o",
    "--output",
    type=FOLDER,
    help="Folder of the results and of choice.html, shared with 'unblur compare'. "
    "[default: NAME.compare]",
)
@tone_option
@runtime_options
@json_option
def choose(
    data: Path,
    models: str | None,
    photos: int,
    seed: int,
    dataset: str,
    output: Path | None,
    tone: str,
    runtime: Runtime,
    as_json: bool,
) -> None:
    """Try the models on your own photos and say which to use, why, and how sure that is.

    With sharp originals the gain in PSNR decides (or the data set's own protocol). Without, it
    is a hint: the sharpest of the models whose results explain the photos. How samples encode
    light is taken as for 'unblur evaluate'.
    """
    from unblur.evaluate import choosing
    from unblur.evaluate.comparing.drawing import drawn
    from unblur.evaluate.comparing.job import Job
    from unblur.evaluate.methods import as_options
    from unblur.evaluate.report import page
    from unblur.io import write_bytes

    job = Job(str(data), _reader(data, dataset), tone=tone, runtime=runtime)
    names, unable = choosing.candidates() if models is None else (names_in(models), [])
    only = drawn(job.open()[0], photos, seed=seed)
    folder = output or output_of(data)
    found = run_job(job, names, folder, only=only, hidden=as_json)
    tell_failures(found)
    choice = choosing.choose(found)
    report = folder / "choice.html"
    write_bytes(page.to_html(found).encode(), report, overwrite=True)
    if as_json:
        facts: dict[str, Any] = dataclasses.asdict(choice)
        say_json({**facts, "left_out": unable, "device": found.device, "report": str(report)})
        return
    if choice.model is None:
        say("use none: leaving these photos alone is as good as anything tried\n")
    else:
        say(f"use {choice.model}: unblur photo.jpg {as_options(choice.model)}\n")
    say("\n".join((*choice.reasons, *unable)))
    say(f"\n{report}")


def _reader(data: Path, dataset: str) -> str:
    """Return which reader to use: a folder of no known layout holds photos without truth."""
    from unblur.errors import UnreadableImage
    from unblur.evaluate.datasets import open_dataset

    if dataset != "auto":
        return dataset
    try:
        return open_dataset(data).name
    except UnreadableImage:
        return open_dataset(data, "photos").name
