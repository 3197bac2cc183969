"""``unblur restore``: the main job."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from unblur.cli.common import RegionType, progress_bar, to_json
from unblur.errors import UnblurError
from unblur.io import Region

if TYPE_CHECKING:
    from unblur.restoration.facade import Restored

_STD = Path("-")


@dataclass(frozen=True, eq=False)
class Settings:
    """The options that hold for every photo of one command."""

    model: str
    strength: float
    psf: Path | None
    region: Region | None
    mask: Path | None
    gate: bool
    tuned: Path | None
    threads: int | None
    quality: int | None
    overwrite: bool
    strip_location: bool
    strip_metadata: bool
    max_megapixels: float


@click.command()
@click.argument("photos", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
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
@click.option("--region", type=RegionType(), help="Restore only here, in px.")
@click.option(
    "--mask",
    type=click.Path(path_type=Path),
    help="Picture of the photo's size: restore where it is white.",
)
@click.option(
    "--gate/--no-gate",
    default=True,
    help="--no-gate restores sharp photos too, and where the motion is uncertain.",
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
@click.option("--strip-location", is_flag=True, help="Leave the place out of the metadata.")
@click.option(
    "--strip-metadata", is_flag=True, help="Leave out all metadata but the colour profile."
)
@click.option("--threads", type=click.IntRange(min=1), help="Default: all processors.")
@click.option(
    "--max-megapixels",
    type=click.FloatRange(min=0.001),
    default=96.0,
    show_default=True,
    help="Refuse larger photos.",
)
@click.option("--quiet", is_flag=True, help="Print errors only.")
def restore(
    photos: tuple[Path, ...],
    output: Path | None,
    report: Path | None,
    as_json: bool,
    extension: str | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Take the motion blur out of PHOTOS: files, folders or - for standard input.

    A photo that is already sharp comes back as it is. A photo that fails is named, the others
    go on, and the exit code is that of the first failure.
    """
    settings = Settings(**options)
    if settings.tuned is not None:
        from unblur.restoration.settings import read_settings

        read_settings(settings.tuned)  # a mistake in it stops the command, not each photo
    if _STD in photos or output == _STD:
        rows, code = _stream(photos, output, settings, extension)
    else:
        rows, code = _files(photos, output, settings, extension, quiet=quiet or as_json)
    if report is not None:
        from unblur.io import write_bytes

        write_bytes((to_json(rows) + "\n").encode(), report, overwrite=settings.overwrite)
    if as_json:
        click.echo(to_json(rows), err=output == _STD)
    sys.exit(code)


def _stream(
    photos: tuple[Path, ...], output: Path | None, settings: Settings, extension: str | None
) -> tuple[list[dict[str, Any]], int]:
    """One photo from standard input or to standard output."""
    if len(photos) != 1:
        raise click.UsageError("'-' takes one photo at a time")
    data = sys.stdin.buffer.read() if photos[0] == _STD else None
    restored = _restore(photos[0] if data is None else data, settings, lambda done: None)
    if data is None:
        data = photos[0].read_bytes()
    target: Any = sys.stdout.buffer if output is None or output == _STD else output
    _save(restored, data, target, settings, extension)
    return [_row(photos[0], output or _STD, restored, None)], 0


def _files(
    photos: tuple[Path, ...],
    output: Path | None,
    settings: Settings,
    extension: str | None,
    *,
    quiet: bool,
) -> tuple[list[dict[str, Any]], int]:
    """Photos from files and folders; returns a row for each and the exit code."""
    from unblur.io import check_free, find_images, plan_outputs

    plan = plan_outputs(find_images(photos), output, extension=extension)
    check_free(plan, overwrite=settings.overwrite)
    rows: list[dict[str, Any]] = []
    code, begun = 0, time.perf_counter()
    with progress_bar("restoring", len(plan), hidden=quiet or len(plan) == 0) as bar:
        for number, (source, target) in enumerate(plan):

            def advance(share: float, number: int = number) -> None:
                bar.to(number + share)

            try:
                restored = _restore(source.path, settings, advance)
                _save(restored, source.path.read_bytes(), target, settings, extension)
                rows.append(_row(source.path, target, restored, None))
            except UnblurError as error:
                rows.append(_row(source.path, target, None, error))
                code = code or error.exit_code
            bar.to(number + 1)
    _tell(rows, time.perf_counter() - begun, quiet=quiet)
    return rows, code


def _tell(rows: list[dict[str, Any]], seconds: float, *, quiet: bool) -> None:
    for row in rows:
        if row["error"]:
            click.echo(f"unblur: {row['path']}: {row['error']}", err=True)
        elif not quiet:
            click.echo(f"{row['path']} -> {row['output']}: {row['summary']}")
    failed = sum(1 for row in rows if row["error"])
    if len(rows) > 1 and not quiet:
        click.echo(f"{len(rows) - failed} done, {failed} failed, {seconds:.1f} s")


def _restore(
    source: Path | bytes, settings: Settings, advance: Callable[[float], None]
) -> Restored:
    from unblur.io import read_photo
    from unblur.restoration.facade import restore as restore_photo
    from unblur.restoration.settings import DEFAULTS

    photo = read_photo(source, max_pixels=int(settings.max_megapixels * 1e6))
    return restore_photo(
        photo,
        model=settings.model,
        strength=settings.strength,
        psf=settings.psf,
        region=settings.region,
        mask=_read_mask(settings.mask),
        gate=settings.gate,
        settings=settings.tuned or DEFAULTS,
        threads=settings.threads,
        progress=lambda done, total: advance(done / total),
    )


def _read_mask(path: Path | None) -> Any:
    if path is None:
        return None
    from unblur.io import read_photo

    return read_photo(path).srgb().mean(axis=2)


def _save(
    restored: Restored, data: bytes, target: Any, settings: Settings, extension: str | None
) -> None:
    """Write the result; an unchanged photo is the very file it was, if it may keep all."""
    from unblur.io import same_format, write_bytes, write_photo

    stripped = settings.strip_location or settings.strip_metadata
    asked = stripped or settings.quality is not None
    kept = not restored.report.changed and not asked
    if kept and same_format(restored.photo, target, extension):
        if isinstance(target, Path):
            write_bytes(data, target, overwrite=settings.overwrite)
        else:
            target.write(data)
        return
    write_photo(
        restored.photo,
        target,
        overwrite=settings.overwrite,
        format=None if isinstance(target, Path) else extension,
        quality=settings.quality,
        strip_location=settings.strip_location,
        strip_metadata=settings.strip_metadata,
    )


def _row(
    source: Path, target: Path, restored: Restored | None, error: UnblurError | None
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "path": str(source),
        "output": None if restored is None else str(target),
        "error": None if error is None else str(error),
        "summary": "" if restored is None else _summary(restored),
    }
    if restored is not None:
        row |= dataclasses.asdict(restored.report)
    return row


def _summary(restored: Restored) -> str:
    report, motion = restored.report, restored.motion
    if not report.changed:
        return f"unchanged ({report.reason or 'nothing to improve'})"
    notes = "".join(f"; {note}" for note in report.notes)
    seconds = sum(report.seconds.values())
    if motion is None:
        return f"restored by {report.model} in {seconds:.1f} s{notes}"
    field = "uniform" if motion.uniform else "varying"
    return f"blur of {motion.length_px:.0f} px ({field}) undone in {seconds:.1f} s{notes}"
