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

from unblur.cli.common import progress_bar, tone_option
from unblur.cli.options import device_option
from unblur.cli.say import nothing_as_json, say, say_json
from unblur.paths import names_of, shown
from unblur.runtime import Device, Runtime, available_cores

if TYPE_CHECKING:
    from collections import Counter

    from unblur.detection.culling import Seen
    from unblur.io import InputFile
    from unblur.io.outputs import OnCollision

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
@device_option
@tone_option
@click.option("--overwrite", is_flag=True, help="Replace existing copies, lists and maps.")
@click.option(
    "--on-collision",
    type=click.Choice(["error", "suffix"]),
    default="error",
    show_default=True,
    help="Copies or maps that would get the same name: refuse, or write a-2.jpg, a-3.jpg ...",
)
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
    device: Device,
    tone: str,
    overwrite: bool,
    on_collision: OnCollision,
) -> None:
    """Tell which PHOTOS (files and folders) are sharp, moved or out of focus.

    Lengths and angles (counter-clockwise from the right) are of the blur, in px of the photo.
    A photo that fails is named, the others go on, and the exit code is that of the first
    failure. Of folders all photos are taken, by their extensions; what is passed over is
    counted. No photo at all: exit code 7. Where a file does not say how its samples encode light,
    sRGB is assumed; nothing is estimated.
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other")
    from unblur.cli.detect_files import plan_files
    from unblur.io.folders import search

    with nothing_as_json(as_json):
        found = search(photos)
    files = found.files
    written = plan_files(
        files, blurred_to, list_file, map_to, overwrite=overwrite, on_collision=on_collision
    )
    begun, mapped = time.perf_counter(), map_to is not None
    how = {"full": full, "everywhere": mapped, "keep_luma": mapped, "tone": tone}
    how |= {"runtime": Runtime(1, device)}
    verdicts: dict[int, Seen] = {}
    with progress_bar("judging", len(files)) as bar:
        for number, item in _all(files, workers, how):
            written.draw(number, item)
            verdicts[number] = replace(item, luma=None) if mapped else item
            bar.to(len(verdicts))
    seen = [verdicts[number] for number in range(len(files))]
    rows = [_row(item, threshold) for item in seen]
    if burst:
        _mark_bursts(seen, rows)
    written.cull(rows)
    passed = [_passed_row(folder, counts) for folder, counts in found.passed_over.items()]
    if as_json:
        say_json([*rows, *passed])
    elif as_csv:
        say(_as_csv(rows), nl=False)
    else:
        _tell(rows, passed, time.perf_counter() - begun)
    if written.list_problem is not None:
        raise written.list_problem
    errors = [item.error or written.problems.get(number) for number, item in enumerate(seen)]
    sys.exit(next((error.exit_code for error in errors if error is not None), 0))


def _all(
    files: Sequence[InputFile], workers: int | None, how: dict[str, Any]
) -> Iterator[tuple[int, Seen]]:
    """Go through the photos in as many processes as pay; yields (index, verdict)."""
    from unblur.batch.pool import Lost, in_processes
    from unblur.detection.culling import Seen, go_through
    from unblur.errors import EngineFailed

    job = partial(go_through, **how)
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
    row: dict[str, Any] = dict(names_of(str(item.path)))
    if item.detection is None:
        return {**row, "blur_probability": None, "blurred": None, "error": str(item.error)}
    blurred = item.detection.blur_probability >= threshold
    told = {"blurred": blurred, "device": item.device, "error": None}
    return {**row, **item.detection.to_dict(), **told}


def _mark_bursts(seen: Sequence[Seen], rows: list[dict[str, Any]]) -> None:
    from unblur.detection.culling import bursts, sharpest

    for number, run in enumerate(bursts(seen)):
        best = sharpest(seen, run)
        for index in run:
            rows[index] |= {"burst": number, "sharpest": index == best}


def _passed_row(folder: Path, counts: Counter[str]) -> dict[str, Any]:
    from unblur.io.folders import counted

    return {
        **names_of(str(folder)),
        "blur_probability": None,
        "blurred": None,
        "error": None,
        "summary": f"passed over: {counted(counts)}",
        "passed_over": dict(counts),
    }


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


def _tell(rows: Sequence[dict[str, Any]], passed: Sequence[dict[str, Any]], seconds: float) -> None:
    for row in rows:
        if row["error"]:
            say(f"unblur: {shown(row['path'])}: {row['error']}", err=True)
        else:
            say(f"{_verdict(row)}  {shown(row['path'])}")
    for row in passed:
        say(f"{shown(row['path'])}: {row['summary']}")
    good = [row for row in rows if not row["error"]]
    if len(rows) > 1:
        blurred = sum(1 for row in good if row["blurred"])
        over = sum(sum(row["passed_over"].values()) for row in passed)
        say(
            f"{len(good)} photos, {blurred} blurred, {len(rows) - len(good)} unreadable"
            f"{f', {over} passed over' if over else ''}; "
            f"{seconds:.1f} s, {60 * len(rows) / max(seconds, 1e-9):.0f} a minute"
        )


def _verdict(row: dict[str, Any]) -> str:
    shown = f"{row['kind']:<8}{100 * row['blur_probability']:4.0f} %"
    length = f"{row['length_px']:7.1f} px" if row["length_px"] else " " * 10
    angle = f"{row['angle_deg']:5.0f} deg" if row["angle_deg"] is not None else " " * 9
    burst = f"  burst {row['burst']}{'*' if row['sharpest'] else ' '}" if "burst" in row else ""
    return f"{shown}{length}{angle}{burst}"
