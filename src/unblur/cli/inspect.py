"""``unblur inspect``: how the camera moved, as a picture, a page, and numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from unblur.cli.common import PointType, tone_option
from unblur.cli.options import runtime_options
from unblur.cli.say import say, say_json, to_json
from unblur.paths import exists, fitted, is_folder, real, shown

if TYPE_CHECKING:
    from unblur.inspection.facts import Inspection
    from unblur.runtime import Runtime

FORMATS = ("png", "html", "json", "npz", "psf")
_ENDINGS = {"psf": "psf.png"}
_SUFFIX = ".motion"


@click.command()
@click.argument("photo", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A file (.png, .html, .json, .npz, .psf.png), or a folder; may be given several times. "
    "Without it, name.motion.png and so on beside the photo.",
)
@click.option(
    "--format",
    "formats",
    help="Comma-separated: png (a picture), html (a page, nothing loaded from elsewhere), json "
    "(numbers), npz (the field, for 'unblur restore --psf', and all arrays), psf (the window's "
    "kernel as a small grey picture, to draw on and give back). [default: png]",
)
@click.option("--window", type=PointType(), help="Show the window nearest to this point, in px.")
@click.option("--json", "as_json", is_flag=True, help="Print the numbers on standard output.")
@click.option("--overwrite", is_flag=True, help="Replace existing files (never the photo).")
@tone_option
@runtime_options
@click.option(
    "--max-megapixels",
    type=click.FloatRange(min=0.001),
    default=96.0,
    show_default=True,
    help="Refuse larger photos.",
)
def inspect(
    photo: Path,
    outputs: tuple[Path, ...],
    formats: str | None,
    window: tuple[int, int] | None,
    as_json: bool,
    overwrite: bool,
    tone: str,
    runtime: Runtime,
    max_megapixels: float,
) -> None:
    """Show how the camera moved in PHOTO: its kernels, where they are trusted, and why.

    The kernels are drawn over the photo; beside it, direction and length, confidence, and what
    the gate would let through; below, one window: its spectrum, cepstrum, high-pass pictures,
    and the maps that the network reads.
    """
    from unblur.inspection.facts import inspect_photo
    from unblur.io import read_photo, write_bytes
    from unblur.zoo.models import default_session

    targets = plan(photo, outputs, formats, nothing=as_json)
    _check_free(photo, [target for _, target in targets], overwrite=overwrite)
    seen = inspect_photo(
        read_photo(photo, max_pixels=int(max_megapixels * 1e6)).with_tone(tone),
        name=shown(photo.name),
        window=window,
        session=default_session(runtime),
    )
    for kind, target in targets:
        write_bytes(rendered(seen, kind), target, overwrite=overwrite)
    if as_json:
        say_json(seen.to_dict())
        return
    from unblur.inspection.sheet import headline

    headed, details = headline(seen)
    say(f"{shown(photo)}: {headed} ({details})")
    for _, target in targets:
        say(f"  -> {shown(target)}")


def plan(
    photo: Path, outputs: tuple[Path, ...], formats: str | None, *, nothing: bool
) -> list[tuple[str, Path]]:
    """Return what is written where, as (format, file).

    Args:
        photo: the photo.
        outputs: files, whose names tell their formats, and folders, which get ``formats``.
        formats: comma-separated, or None for a picture.
        nothing: write no file unless one was asked for.

    Raises:
        click.UsageError: an unknown format, or formats that go nowhere.
    """
    kinds = [kind.strip().lower() for kind in (formats or "").split(",") if kind.strip()]
    unknown = [kind for kind in kinds if kind not in FORMATS]
    if unknown:
        raise click.UsageError(f"unknown format '{unknown[0]}'; one of {', '.join(FORMATS)}")
    targets: list[tuple[str, Path]] = []
    folders = [path for path in outputs if _kind_of(path) is None]
    targets += [(kind, path) for path in outputs if (kind := _kind_of(path)) is not None]
    if not outputs and not kinds and nothing:
        return []
    if kinds and outputs and not folders:
        raise click.UsageError("--format goes with a folder; files tell their format by their name")
    for folder in folders or ([photo.parent] if not outputs else []):
        for kind in kinds or ["png"]:
            ending = _ENDINGS.get(kind, kind)
            targets.append((kind, folder / fitted(photo.stem, f"{_SUFFIX}.{ending}")))
    return list(dict.fromkeys(targets))


def rendered(seen: Inspection, kind: str) -> bytes:
    """Return an inspection in one of FORMATS."""
    if kind == "png":
        from unblur.inspection.sheet import sheet

        return sheet(seen)
    if kind == "html":
        from unblur.inspection.page import page

        return page(seen)
    if kind == "json":
        return (to_json(seen.to_dict()) + "\n").encode()
    if kind == "npz":
        return seen.to_npz()
    from unblur.blur.psf_files import psf_png
    from unblur.inspection.facts import photo_psf

    return psf_png(photo_psf(seen.field, seen.window.estimate))


def _kind_of(path: Path) -> str | None:
    """Return the format that a file's name tells, or None for a folder."""
    if is_folder(path):
        return None
    if path.name.lower().endswith(".psf.png"):
        return "psf"
    kind = path.suffix.lower().lstrip(".")
    if kind in ("htm", "html"):
        return "html"
    if kind and kind not in FORMATS:
        raise click.UsageError(
            f"{path}: the name must end in .png, .html, .json, .npz or .psf.png, or be a folder's"
        )
    return kind or None


def _check_free(photo: Path, targets: list[Path], *, overwrite: bool) -> None:
    """Raise before any work is done if a file is in the way."""
    from unblur.errors import WouldOverwrite
    from unblur.io import destination

    for target in targets:
        if real(target) == real(photo):
            raise WouldOverwrite(f"{shown(target)} is the photo itself; choose another output")
        if exists(target) and not overwrite:
            raise WouldOverwrite(
                f"{shown(target)} exists already; use --overwrite, or another output"
            )
        destination(target)
