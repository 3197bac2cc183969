"""One photo of a batch: read, restored, written beside its final name. Runs in any process."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unblur.errors import UnblurError
from unblur.io import Photo, Region, read_photo, same_format, stage, write_photo
from unblur.pipeline.facade import Restored
from unblur.pipeline.facade import restore as restore_photo
from unblur.pipeline.settings import DEFAULTS
from unblur.scale.stores import fetch, is_url, put

Row = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Settings:
    """The options that hold for every photo of one command; see ``unblur restore --help``."""

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


@dataclass(frozen=True)
class Task:
    """A photo to restore.

    Attributes:
        source: path or URL.
        target: path or URL of the result.
        stamp: of the source, when the work was planned; changes when the photo does.
    """

    source: str
    target: str
    stamp: str


@dataclass(frozen=True)
class Outcome:
    """What became of a photo.

    Attributes:
        row: for the report.
        exit_code: 0, or that of the error.
        staged: the result, whole, waiting for its name; None in a store, which names at once.
        result: stamp of the result.
    """

    row: Row
    exit_code: int = 0
    staged: str | None = None
    result: str = field(default="")


def process(
    task: Task, settings: Settings, progress: Callable[[float], None] | None = None
) -> Outcome:
    """Restore one photo; what goes wrong with it is told, not raised.

    Args:
        task: which.
        settings: how.
        progress: called with the share that is done.
    """
    try:
        data = fetch(task.source) if is_url(task.source) else None
        source = Path(task.source) if data is None else data
        restored = restore_one(source, settings, progress, name=task.source)
        as_it_was = Path(task.source).read_bytes() if data is None else data
        suffix = Path(task.target).suffix
        result = as_bytes(restored, as_it_was, settings, suffix)
        row = row_of(task.source, task.target, restored)
        if is_url(task.target):
            put(result, task.target)
            return Outcome(row, result=f"{len(result)} ")
        staged = stage(result, Path(task.target))
        return Outcome(row, staged=str(staged), result=file_stamp(staged))
    except UnblurError as error:
        return failure(task, str(error), error.exit_code)
    except OSError as error:  # the photo went away meanwhile
        return failure(task, f"cannot read {task.source}: {error.strerror or error}", 3)


def failure(task: Task, reason: str, exit_code: int) -> Outcome:
    """Return the outcome of a photo that could not be done."""
    row: Row = {"path": task.source, "output": None, "error": reason, "summary": ""}
    return Outcome(row, exit_code)


def restore_one(
    source: Path | bytes,
    settings: Settings,
    progress: Callable[[float], None] | None,
    *,
    name: str | None = None,
) -> Restored:
    """Read and restore one photo; ``name`` is what messages call it."""
    photo = read_photo(source, max_pixels=int(settings.max_megapixels * 1e6), name=name)
    return restore_photo(
        photo,
        model=settings.model,
        strength=settings.strength,
        psf=settings.psf,
        region=settings.region,
        mask=None if settings.mask is None else read_photo(settings.mask).srgb().mean(axis=2),
        gate=settings.gate,
        settings=settings.tuned or DEFAULTS,
        threads=settings.threads,
        progress=progress and (lambda done, total: progress(done / total)),
    )


def as_bytes(restored: Restored, data: bytes, settings: Settings, suffix: str) -> bytes:
    """Return the file of a result; an unchanged photo is the very file it was, if it may keep all.

    Args:
        restored: the result.
        data: the photo's own file.
        settings: what is to be stripped, and the quality.
        suffix: extension of the result, as ".png"; "" for the photo's own format.
    """
    stripped = settings.strip_location or settings.strip_metadata
    asked = stripped or settings.quality is not None
    if not restored.report.changed and not asked and _fits(restored.photo, suffix):
        return data
    with io.BytesIO() as stream:
        write_photo(
            restored.photo,
            stream,
            format=suffix or None,
            quality=settings.quality,
            strip_location=settings.strip_location,
            strip_metadata=settings.strip_metadata,
        )
        return stream.getvalue()


def _fits(photo: Photo, suffix: str) -> bool:
    return same_format(photo, Path(f"result{suffix}") if suffix else None, None)


def row_of(source: str, target: str, restored: Restored) -> Row:
    """Return what the report says of a photo that was done."""
    row: Row = {
        "path": source,
        "output": target,
        "error": None,
        "summary": _summary(restored),
    }
    return row | dataclasses.asdict(restored.report)


def _summary(restored: Restored) -> str:
    report, motion = restored.report, restored.motion
    if not report.changed:
        return f"unchanged ({report.reason or 'nothing to improve'})"
    notes = "".join(f"; {note}" for note in report.notes)
    seconds = sum(report.seconds.values())
    if motion is None:
        return f"restored by {report.model} in {seconds:.1f} s{notes}"
    kind = "uniform" if motion.uniform else "varying"
    return f"blur of {motion.length_px:.0f} px ({kind}) undone in {seconds:.1f} s{notes}"


def file_stamp(path: Path) -> str:
    """Return size and time of a file; it changes when the file does. Renaming keeps it."""
    facts = path.stat()
    return f"{facts.st_size} {facts.st_mtime_ns}"
