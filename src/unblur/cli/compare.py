"""``unblur compare``: models side by side, as a table, as JSON and as a page."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from unblur.cli.common import names_in, progress_bar, tone_option
from unblur.cli.options import (
    FOLDER,
    crop_option,
    dataset_option,
    json_option,
    protocol_option,
    runtime_options,
    seed_option,
)
from unblur.cli.say import say, say_json, to_json

if TYPE_CHECKING:
    from unblur.evaluate.comparing.run import Comparison
    from unblur.runtime import Runtime

_DEFAULT = "wiener,unblur,unblur+true-psf"
_STOPPED = 130


@click.command()
@click.argument("data", type=FOLDER)
@click.option(
    "--models",
    default=_DEFAULT,
    show_default=True,
    help="Comma-separated: names from 'unblur models list', ONNX files, 'unsharp' and "
    "'classical-blind' to compare with, NAME+true-psf, NAME+no-gate, NAME+gate, "
    "NAME@settings.toml, NAME=FOLDER; 'blurry', which does nothing, is always there.",
)
@dataset_option
@protocol_option
@crop_option
@click.option(
    "--photos",
    type=click.IntRange(min=1),
    help="Only so many, drawn by the seed; every kind and length of motion as far as known. "
    "[default: all]",
)
@seed_option
@click.option(
    "-o",
    "--output",
    type=FOLDER,
    help="Folder of the report, and of the results that are kept so that the same command goes "
    "on where it stopped. [default: NAME.compare]",
)
@tone_option
@runtime_options
@click.option(
    "--show",
    type=click.IntRange(min=0),
    default=24,
    show_default=True,
    help="Photos with pictures in the report, the worst cases first.",
)
@click.option(
    "--keep",
    metavar="NAMES",
    default="",
    help="Comma-separated: those of the models whose earlier results stay good though unblur's "
    "code or motion networks have changed since; the report says so.",
)
@json_option
def compare(
    data: Path,
    models: str,
    dataset: str,
    protocol: str,
    crop_px: int,
    photos: int | None,
    seed: int,
    output: Path | None,
    tone: str,
    runtime: Runtime,
    show: int,
    keep: str,
    as_json: bool,
) -> None:
    """Compare models on DATA: any data set that 'unblur evaluate' reads.

    Writes report.html (one file, nothing is loaded from anywhere) and compare.json. Each model
    runs in a process of its own; seconds and memory are measured. Results are kept by content
    of photos, networks, settings and code: Ctrl-C loses nothing that is done. How samples encode
    light is taken as for 'unblur evaluate'.
    """
    from unblur.evaluate.comparing.drawing import drawn
    from unblur.evaluate.comparing.job import Job
    from unblur.evaluate.report import page, words
    from unblur.io import write_bytes

    job = Job(str(data), dataset, protocol, crop_px, tone, runtime)
    folder = output or output_of(data)
    only = None if photos is None else drawn(job.open()[0], photos, seed=seed)
    found = run_job(
        job, names_in(models), folder, only=only, lasting=names_in(keep), hidden=as_json
    )
    facts = page.to_dict(found)
    if found.shots:
        html = page.to_html(found, shown=show)
        write_bytes(html.encode(), folder / "report.html", overwrite=True)
        write_bytes((to_json(facts) + "\n").encode(), folder / "compare.json", overwrite=True)
    if as_json:
        say_json(facts)
    elif found.shots:
        say(words.text_table(found))
        say("\n" + "\n".join(words.verdict(found)))
        say(f"\n{folder / 'report.html'}: {len(html) / 1e6:.1f} MB")
    tell_failures(found)
    if not found.whole:
        say(
            f"unblur: stopped after {len(found.shots)} of {found.planned} photos; the same "
            "command goes on",
            err=True,
        )
        sys.exit(_STOPPED)


def output_of(data: Path) -> Path:
    """Return the folder in which a comparison is kept if none is named."""
    return Path(f"{data.resolve().name}.compare")


def run_job(
    job: Any,
    names: list[str],
    folder: Path,
    *,
    only: list[str] | None = None,
    lasting: Sequence[str] = (),
    hidden: bool,
) -> Comparison:
    """Run a comparison with a progress bar."""
    from unblur.evaluate.comparing.run import compare as run

    with progress_bar("comparing", 100, hidden=hidden) as bar:

        def progress(done: int, total: int, left: float | None) -> None:
            bar.left(left)
            bar.to(100 * done / total)

        return run(job, names, folder, only=only, lasting=lasting, progress=progress)


def tell_failures(found: Comparison) -> None:
    """Name the first runs that failed."""
    for model, photo, why in found.failures[:5]:
        say(f"unblur: {model} failed on {photo}: {why}", err=True)
    if len(found.failures) > 5:
        say(f"unblur: {len(found.failures) - 5} more runs failed", err=True)
