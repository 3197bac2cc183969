"""``unblur detect``: which photos are blurred, how, and where."""

from __future__ import annotations

import csv
import io
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from unblur.cli.common import progress_bar, to_json

if TYPE_CHECKING:
    from unblur.detection.culling import Seen
    from unblur.io import InputFile

_FEW = 8
"""So many photos are looked at in this process; starting others would take longer."""


@click.command()
@click.argument("photos", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--full",
    is_flag=True,
    help="Look at the full size. By default the longer side is reduced to 1000-2000 px: quick, "
    "and blind only to blur that no screen shows.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Blur probability from which a photo counts as blurred.",
)
@click.option("--burst", is_flag=True, help="Group similar neighbours, name each group's sharpest.")
@click.option(
    "--blurred-to",
    type=click.Path(path_type=Path, file_okay=False),
    help="Copy the blurred photos (with --burst: all but the sharpest) into this folder; "
    "nothing is ever deleted.",
)
@click.option(
    "--list",
    "list_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write their paths into this file, one a line.",
)
@click.option(
    "--map",
    "map_to",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write a heat map of each photo, NAME.blur.png, into this folder.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes; default: all processors.")
@click.option("--overwrite", is_flag=True, help="Replace existing copies, lists and maps.")
def detect(
    photos: tuple[Path, ...],
    full: bool,
    threshold: float,
    burst: bool,
    blurred_to: Path | None,
    list_file: Path | None,
    map_to: Path | None,
    as_json: bool,
    as_csv: bool,
    workers: int | None,
    overwrite: bool,
) -> None:
    """Tell which PHOTOS (files and folders) are sharp, moved or out of focus.

    Lengths and angles (counter-clockwise from the right) are of the blur, in px of the photo.
    A photo that fails is named, the others go on, and the exit code is that of the first
    failure.
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other")
    from unblur.io import find_images

    files = find_images(photos)
    _check_targets(files, blurred_to, list_file, map_to, overwrite)
    begun = time.perf_counter()
    verdicts: dict[int, Seen] = {}
    with progress_bar("looking", len(files), hidden=not files) as bar:
        for number, item in _all(files, full, map_to is not None, workers):
            if map_to is not None:
                _draw_map(item, files[number], map_to, overwrite)
                item = replace(item, luma=None)
            verdicts[number] = item
            bar.to(len(verdicts))
    seen = [verdicts[number] for number in range(len(files))]
    rows = [_row(item, threshold) for item in seen]
    if burst:
        _mark_bursts(seen, rows)
    _cull(files, rows, blurred_to, list_file, overwrite)
    if as_json or as_csv:
        click.echo(to_json(rows) if as_json else _as_csv(rows), nl=as_json)
    else:
        _tell(rows, time.perf_counter() - begun)
    sys.exit(next((item.error.exit_code for item in seen if item.error is not None), 0))


def _check_targets(
    files: Sequence[InputFile],
    blurred_to: Path | None,
    list_file: Path | None,
    map_to: Path | None,
    overwrite: bool,
) -> None:
    """Refuse before the work what could not be written after it."""
    from unblur.io import check_apart, check_free

    plans = [[(item, list_file) for item in files[:1]]] if list_file is not None else []
    if blurred_to is not None:
        plans.append([(item, blurred_to / item.relative) for item in files])
    if map_to is not None:
        plans.append([(item, _map_of(item, map_to)) for item in files])
    for plan in plans:
        check_apart(plan)
        check_free(plan, overwrite=overwrite)


def _all(
    files: Sequence[InputFile], full: bool, mapped: bool, workers: int | None
) -> Iterator[tuple[int, Seen]]:
    """Go through the photos in as many processes as pay; yields (index, verdict)."""
    from unblur.detection.culling import Seen, go_through
    from unblur.engines.onnx import available_cores
    from unblur.errors import EngineFailed
    from unblur.scale.pool import Lost, in_processes

    job = partial(go_through, full=full, everywhere=mapped, keep_luma=mapped)
    paths = [item.path for item in files]
    count = min(workers or available_cores(), len(paths))
    if count <= 1 or (workers is None and len(paths) <= _FEW):
        yield from enumerate(map(job, paths))
        return
    for number, seen in in_processes(job, paths, count):
        if isinstance(seen, Lost):
            seen = Seen(paths[number], None, EngineFailed(seen.reason), None)
        yield number, seen


def _row(item: Seen, threshold: float) -> dict[str, Any]:
    row: dict[str, Any] = {"path": str(item.path)}
    if item.detection is None:
        return {**row, "blur_probability": None, "blurred": None, "error": str(item.error)}
    blurred = item.detection.blur_probability >= threshold
    return {**row, **item.detection.to_dict(), "blurred": blurred, "error": None}


def _mark_bursts(seen: Sequence[Seen], rows: list[dict[str, Any]]) -> None:
    from unblur.detection.culling import bursts, sharpest

    for number, run in enumerate(bursts(seen)):
        best = sharpest(seen, run)
        for index in run:
            rows[index] |= {"burst": number, "sharpest": index == best}


def _cull(
    files: Sequence[InputFile],
    rows: Sequence[dict[str, Any]],
    folder: Path | None,
    list_file: Path | None,
    overwrite: bool,
) -> None:
    """Copy or list the photos that are not to be kept."""
    from unblur.io import write_bytes

    out = [
        file
        for file, row in zip(files, rows, strict=True)
        if (not row["sharpest"] if "sharpest" in row else row["blurred"])
    ]
    if folder is not None:
        for file in out:
            write_bytes(file.path.read_bytes(), folder / file.relative, overwrite=overwrite)
    if list_file is not None:
        text = "".join(f"{file.path}\n" for file in out)
        write_bytes(text.encode("utf-8", "surrogateescape"), list_file, overwrite=overwrite)


def _draw_map(item: Seen, file: InputFile, folder: Path, overwrite: bool) -> None:
    if item.detection is None or item.luma is None:
        return
    from unblur.detection.heatmap import heat_map
    from unblur.io import Photo, write_photo

    picture = Photo.from_array(heat_map(item.detection, item.luma))
    write_photo(picture, _map_of(file, folder), overwrite=overwrite)


def _map_of(file: InputFile, folder: Path) -> Path:
    return folder / file.relative.with_name(f"{file.relative.name}.blur.png")


def _as_csv(rows: Sequence[dict[str, Any]]) -> str:
    flat = [_flat(row) for row in rows]
    columns = list(dict.fromkeys(key for row in flat for key in row))
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return stream.getvalue()


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in row.items():
        if key == "probabilities":
            out |= {f"{name}_probability": p for name, p in value.items()}
        elif key == "length_px_95":
            out["length_px_low"], out["length_px_high"] = value or (None, None)
        else:
            out[key] = value
    return out


def _tell(rows: Sequence[dict[str, Any]], seconds: float) -> None:
    if not rows:
        click.echo("unblur: no photos found", err=True)
    for row in rows:
        if row["error"]:
            click.echo(f"unblur: {row['path']}: {row['error']}", err=True)
        else:
            click.echo(f"{_verdict(row)}  {row['path']}")
    good = [row for row in rows if not row["error"]]
    if len(rows) > 1:
        blurred = sum(1 for row in good if row["blurred"])
        click.echo(
            f"{len(good)} photos, {blurred} blurred, {len(rows) - len(good)} unreadable; "
            f"{seconds:.1f} s, {60 * len(rows) / max(seconds, 1e-9):.0f} a minute"
        )


def _verdict(row: dict[str, Any]) -> str:
    shown = f"{row['kind']:<8}{100 * row['blur_probability']:4.0f} %"
    length = f"{row['length_px']:7.1f} px" if row["length_px"] else " " * 10
    angle = f"{row['angle_deg']:5.0f} deg" if row["angle_deg"] is not None else " " * 9
    burst = f"  burst {row['burst']}{'*' if row['sharpest'] else ' '}" if "burst" in row else ""
    return f"{shown}{length}{angle}{burst}"
