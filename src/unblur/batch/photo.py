"""One photo of a batch: read, restored, written beside its final name. Runs in any process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unblur.batch.results import Source, restore_file
from unblur.batch.settings import Settings
from unblur.batch.stores import fetch, is_url, put
from unblur.errors import UnblurError, UnreadableImage
from unblur.files import read_regular
from unblur.io import destination, stage
from unblur.io.decode import most_bytes
from unblur.paths import names_of, shown

Row = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """A photo to restore.

    Attributes:
        source: path or URL.
        target: path or URL of the result.
        stamp: of the source, when the work was planned; changes when the photo does.
        problem: why the result cannot be written, known before any work; "" if nothing is.
    """

    source: str
    target: str
    stamp: str
    problem: str = ""


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
        if not is_url(task.target):
            destination(Path(task.target))  # before the work
        source = _source(task.source, most_bytes(int(settings.max_megapixels * 1e6)))
        result, facts = restore_file(source, settings, Path(task.target).suffix, progress)
        row = row_of(task.source, task.target, facts)
        if is_url(task.target):
            put(result, task.target)
            return Outcome(row, result=f"{len(result)} ")
        staged = stage(result, Path(task.target))
        return Outcome(row, staged=str(staged), result=file_stamp(staged))
    except UnblurError as error:
        return failure(task, str(error), error.exit_code)
    except OSError as error:  # the photo went away meanwhile
        return failure(task, f"cannot read {shown(task.source)}: {error.strerror or error}", 3)


def _source(place: str, max_bytes: int) -> Source:
    if is_url(place):
        data = fetch(place, max_bytes=max_bytes)
        return Source(data, lambda: data, place)
    return Source(Path(place), lambda: read_regular(Path(place), UnreadableImage), place)


def failure(task: Task, reason: str, exit_code: int) -> Outcome:
    """Return the outcome of a photo that could not be done."""
    row: Row = {**names_of(task.source), "output": None, "error": reason, "summary": ""}
    return Outcome(row, exit_code)


def row_of(source: str, target: str, facts: Row) -> Row:
    """Return what the report says of a photo that was done."""
    return {**names_of(source), **names_of(target, "output"), "error": None, **facts}


def file_stamp(path: Path) -> str:
    """Return size and time of a file; it changes when the file does. Renaming keeps it."""
    facts = path.stat()
    return f"{facts.st_size} {facts.st_mtime_ns}"
