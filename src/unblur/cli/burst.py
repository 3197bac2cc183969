"""``unblur burst``: one photo of a burst, restored with its neighbours' help."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from unblur.cli.common import progress_bar, tone_option
from unblur.cli.options import runtime_options
from unblur.cli.say import say, say_json
from unblur.paths import names_of, real, shown
from unblur.runtime import Runtime

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("photos", nargs=-1, required=True, type=_FILE)
@click.option("-o", "--output", type=_FILE, help="Default: beside the restored photo.")
@click.option(
    "--choose",
    type=click.IntRange(min=1),
    help="Restore this photo, counted from 1 (default: the sharpest).",
)
@click.option(
    "--model", help="'photo', the only one: neighbours of a burst lie too far apart for 'frame'."
)
@click.option("--strength", type=click.FloatRange(0, 1), default=1.0, show_default=True)
@click.option("--overwrite", is_flag=True, help="Replace an existing result (never a photo).")
@runtime_options
@tone_option
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def burst(
    photos: tuple[Path, ...],
    output: Path | None,
    choose: int | None,
    model: str | None,
    strength: float,
    overwrite: bool,
    runtime: Runtime,
    tone: str,
    as_json: bool,
) -> None:
    """Restore one of PHOTOS, taken in a row, with the help of the others.

    Where a file does not say how its samples encode light, sRGB is assumed; nothing is estimated.
    """
    from unblur.io import InputFile, check_free, plan_outputs, write_photo
    from unblur.video import restore_burst
    from unblur.zoo.models import default_session

    with progress_bar("restoring", len(photos), hidden=as_json) as bar:
        restored, report = restore_burst(
            photos,
            chosen=None if choose is None else choose - 1,
            model=model,
            strength=strength,
            tone=tone,
            session=default_session(runtime),
            progress=lambda done, total: bar.to(len(photos) * done / total),
        )
    source = photos[report.chosen]
    plan = plan_outputs([InputFile(source, Path(source.name))], output)
    check_free(plan, overwrite=overwrite)
    target = plan[0][1]
    if any(real(target) == real(photo) for photo in photos):
        raise click.UsageError(f"{shown(target)} is one of the photos; choose another output")
    write_photo(restored, target, overwrite=overwrite)
    if as_json:
        say_json({**names_of(str(target), "output"), **dataclasses.asdict(report)})
        return
    notes = "".join(f"; {note}" for note in report.notes)
    say(f"{shown(source)} -> {shown(target)}: {len(report.helped)} neighbour(s) helped{notes}")
