"""``unblur restore``: the main job, for one photo or a million."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from unblur.cli.common import PointType, RegionType, tone_option
from unblur.cli.options import runtime_options
from unblur.cli.restoring import STD, Job, files, journal_of, local, stream
from unblur.cli.say import nothing_as_json
from unblur.cli.summary import check_report, finish, is_report

if TYPE_CHECKING:
    from unblur.io.outputs import OnCollision
    from unblur.pipeline.only import Only


@click.command()
@click.argument("photos", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    help="A file (one photo), a folder (names and tree kept), or - for standard output. "
    "Without it, name.unblurred.ext beside each photo.",
)
@click.option(
    "--model",
    default="unblur",
    show_default=True,
    help="See 'unblur models list'; or an ONNX file exported by 'unblur export'. Networks from "
    "elsewhere are added by 'unblur models add'.",
)
@click.option(
    "--strength",
    type=click.FloatRange(0, 1),
    default=1.0,
    show_default=True,
    help="0 leaves the photo, 1 restores fully.",
)
@click.option(
    "--psf",
    type=click.Path(path_type=Path),
    help="Use the PSF of this file (picture, .npy, .npz, .txt), or the motion field (.npz) that "
    "'unblur inspect' exports, in place of an estimate.",
)
@click.option(
    "--region", type=RegionType(), help="Look for the motion, and restore, only here, in px."
)
@click.option(
    "--mask",
    type=click.Path(path_type=Path),
    help="Picture of the photo's size: look for the motion, and restore, where it is white.",
)
@click.option(
    "--subject",
    is_flag=True,
    help="Look for what moved by itself, and restore the largest piece of that, nothing else.",
)
@click.option("--at", type=PointType(), help="With --subject: what moved at this point, in px.")
@click.option(
    "--only",
    type=click.Choice(["camera", "objects"]),
    help="'camera' undoes the camera's motion alone, 'objects' that of whatever moved by itself.",
)
@click.option(
    "--gate/--no-gate",
    default=True,
    help="--no-gate restores sharp photos too, and where the motion is uncertain.",
)
@click.option(
    "--fast",
    is_flag=True,
    help="Search the motion once, in the light that the file tells, or sRGB: about a third of the "
    "time, and results that are a little less sharp.",
)
@click.option(
    "--settings",
    "tuned",
    type=click.Path(path_type=Path, dir_okay=False),
    help="TOML file of the pipeline's settings, as 'unblur tune' writes it.",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    help="Write what was done where into this JSON file.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the same on standard output.")
@click.option(
    "--format", "extension", help="Extension of the results, as png; by default that of each photo."
)
@click.option(
    "--quality",
    type=click.IntRange(1, 100),
    help="Of JPEG and WebP results; by default as each photo was stored.",
)
@click.option("--overwrite", is_flag=True, help="Replace existing results (never a photo).")
@click.option(
    "--on-collision",
    type=click.Choice(["error", "suffix"]),
    default="error",
    show_default=True,
    help="Results that would get the same name (IMG_1.HEIC and IMG_1.jpg): 'error' names the "
    "photos and leaves them, 'suffix' writes IMG_1-heic and so on; the others go on either way.",
)
@click.option("--strip-location", is_flag=True, help="Leave the place out of the metadata.")
@click.option(
    "--strip-metadata", is_flag=True, help="Leave out all metadata but what tells the colour."
)
@click.option(
    "--page",
    type=click.IntRange(min=1),
    help="Of a TIFF of several pages restore this one only; by default all, into one file.",
)
@tone_option
@runtime_options
@click.option(
    "--max-megapixels",
    type=click.FloatRange(min=0.001),
    default=96.0,
    show_default=True,
    help="Refuse larger photos.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Photos in work at a time, each in a process of one thread.",
)
@click.option(
    "--worker-memory",
    type=click.IntRange(min=200),
    metavar="MB",
    help="Allotted to each process; by default an equal share of the computer's.",
)
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=1),
    metavar="SECONDS",
    help="That a photo may take; then it is named and given up, and the others go on. By default "
    "1800, for a single photo none.",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Keep a journal of what is done, and go on where a run with the same journal stopped; "
    "photos or options that changed are done again.",
)
@click.option(
    "--journal",
    type=click.Path(path_type=Path, dir_okay=False),
    help="With --resume; default: in the output folder.",
)
@click.option(
    "--engine",
    type=click.Choice(["local", "dask"]),
    help="Where the work is done; default: this computer, or the cluster of --scheduler.",
)
@click.option(
    "--scheduler", metavar="ADDRESS", help="Of a Dask cluster; default: one of --workers here."
)
@click.option("--quiet", is_flag=True, help="Print errors only.")
def restore(
    photos: tuple[str, ...],
    output: str | None,
    report: Path | None,
    as_json: bool,
    extension: str | None,
    on_collision: OnCollision,
    workers: int,
    worker_memory: int | None,
    timeout_s: float | None,
    resume: bool,
    journal: Path | None,
    engine: str | None,
    scheduler: str | None,
    quiet: bool,
    tuned: Any,
    subject: bool,
    only: Only | None,
    **options: Any,
) -> None:
    """Take the motion blur out of PHOTOS: files, folders, URLs or - for standard input.

    A photo that is already sharp comes back as it is. A photo that fails is named, the others
    go on, and the exit code is that of the first failure. Of folders all photos are taken, by
    their extensions; what is passed over is counted. No photo at all: exit code 7.
    """
    from unblur.batch.plan import plan_tasks
    from unblur.batch.run import How
    from unblur.batch.settings import Settings
    from unblur.pipeline.settings import read_settings

    # Read here: a mistake in it stops the command, not each photo, and it is read once.
    tuned = None if tuned is None else read_settings(tuned)
    settings = Settings(**options, tuned=tuned, only=_only(subject, only, options))
    if scheduler is not None and engine == "local":
        raise click.UsageError("--scheduler is for --engine dask")
    if journal is not None and not resume:
        raise click.UsageError("--journal is for --resume")
    replace = settings.overwrite or (resume and report is not None and is_report(report))
    how = How(
        workers, engine or ("dask" if scheduler else "local"), scheduler, worker_memory, timeout_s
    )
    piped = STD in photos or output == STD
    if piped:
        named = [place for place in (*photos, output) if place not in (None, STD)]
        check_report(report, overwrite=replace, others=map(str, named))
        end = stream(photos, output, settings, extension)
    else:
        with ExitStack() as stack:
            with nothing_as_json(as_json):
                work = plan_tasks(
                    [local(text) for text in photos],
                    output and local(output),
                    extension=extension,
                    on_collision=on_collision,
                )
            places = (place for task in work.tasks for place in (task.source, task.target))
            check_report(report, overwrite=replace, others=(p for p in places if "://" not in p))
            kept = journal_of(stack, output, journal, settings) if resume else None
            job = Job(settings, how, kept, whole=as_json or report is not None)
            end = files(work, job, quiet=quiet or as_json)
    told = not (piped or quiet or as_json)
    finish(end, report, replace=replace, as_json=as_json, told=told, err=output == STD)


def _only(subject: bool, only: Only | None, options: dict[str, Any]) -> Only | None:
    """Return what is to be restored, checked with the other options before any photo is read."""
    from unblur.pipeline.only import check_only

    if subject and only is not None:
        raise click.UsageError(f"--subject and --only {only} exclude each other; give one of them")
    wanted: Only | None = "subject" if subject else only
    masked = options["region"] is not None or options["mask"] is not None
    given = options["psf"] is not None
    check_only(wanted, at=options["at"], given=given, masked=masked, gate=options["gate"])
    return wanted
