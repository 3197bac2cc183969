"""Which photos a batch means and where each result goes, on disks and in stores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from unblur.batch.photo import Row, Task, file_stamp
from unblur.batch.stores import beginning, canonical, find_entries, is_url
from unblur.errors import BadValue, NothingFound, WouldOverwrite
from unblur.io.bmff import BEGINNING_BYTES, is_deep, is_deep_still
from unblur.io.encode import format_of
from unblur.io.folders import Search, counted, nothing, search
from unblur.io.outputs import (
    OnCollision,
    Place,
    is_folder,
    local_key,
    own_suffix,
    settle,
    wanted_outputs,
)
from unblur.paths import fitted, folded, names_of, shown

Found = tuple[str, PurePosixPath, str]
"""Path or URL, place below what was named, stamp."""


@dataclass
class Work:
    """What a command has to do.

    Attributes:
        tasks: the photos; one whose result would meet another's has its ``problem``.
        passed_over: for each folder or URL that was named and held something that is not taken:
            how much of what kind.
    """

    tasks: list[Task]
    passed_over: dict[str, dict[str, int]] = field(default_factory=dict)

    def rows(self) -> list[Row]:
        """Return for the report what was passed over: one row for each folder."""
        return [
            {
                **names_of(folder),
                "output": None,
                "error": None,
                "summary": f"passed over: {counted(counts)}",
                "passed_over": counts,
            }
            for folder, counts in self.passed_over.items()
        ]


def plan_tasks(
    photos: Sequence[str],
    output: str | None,
    *,
    extension: str | None = None,
    on_collision: OnCollision = "error",
) -> Work:
    """Return the work: every photo with the place of its result.

    Args:
        photos: files, folders, patterns; URLs of objects or of what lies above them.
        output: file, folder or URL; None: beside each photo.
        extension: of the results, as "png"; by default as :func:`plan_outputs` has it.
        on_collision: see :func:`unblur.io.outputs.settle`.

    Raises:
        UnreadableImage: something named is not there.
        NothingFound: there is no photo at all.
        WouldOverwrite: no photo could be written, because each result would meet another or
            replace a photo.
        BadValue: photos from a store, and no output is named; several photos for one file.
    """
    if not any(is_url(text) for text in (*photos, output or "")):
        found = search([Path(text) for text in photos])
        plan = wanted_outputs(found.files, Path(output) if output else None, extension=extension)
        tasks = [Task(str(item.path), str(target), _stamp(item.path)) for item, target in plan]
        return _settled(Work(tasks, _counts(found)), on_collision)
    if output is None:
        raise BadValue("photos from a store need an output; name a folder or a URL with -o")
    output = canonical(output) if is_url(output) else output
    work = Work([])
    everything: list[Found] = []
    for text in photos:
        items, counts = _found(text)
        everything += items
        work.passed_over |= counts
    if not everything:
        raise NothingFound(nothing(", ".join(map(shown, photos)), work.passed_over))
    work.tasks = [
        Task(found[0], _target(output, found, extension, single=len(everything) == 1), found[2])
        for found in everything
    ]
    return _settled(work, on_collision)


def _counts(found: Search) -> dict[str, dict[str, int]]:
    return {str(folder): dict(counts) for folder, counts in found.passed_over.items()}


def _found(text: str) -> tuple[list[Found], dict[str, dict[str, int]]]:
    if is_url(text):
        entries, counts = find_entries(text)
        found = [(entry.url, entry.relative, entry.stamp) for entry in entries]
        return found, {text: counts} if counts else {}
    try:
        local = search([Path(text)])
    except NothingFound:  # the others may hold some
        return [], {}
    return [
        (str(item.path), PurePosixPath(item.relative.as_posix()), _stamp(item.path))
        for item in local.files
    ], _counts(local)


def _target(output: str, found: Found, extension: str | None, *, single: bool) -> str:
    source, relative, _ = found
    own = own_suffix(relative.suffix, partial(_is_deep, source))
    ending = f".{extension.lstrip('.')}" if extension else own
    format_of(ending)
    if not is_folder(Path(output)):
        if not single:
            raise BadValue(
                f"several photos cannot be written to the file {shown(output)}; name a folder"
            )
        format_of(Path(output).suffix)
        return output
    place = relative.with_name(fitted(relative.stem, ending))
    return f"{output.rstrip('/')}/{place}" if is_url(output) else str(Path(output) / place)


def _is_deep(place: str) -> bool:
    if is_url(place):
        return is_deep(beginning(place, BEGINNING_BYTES))
    return is_deep_still(Path(place))


def _settled(work: Work, on_collision: OnCollision) -> Work:
    """Give every task its place, or the problem that it has with others."""
    places = [Place(task.source, task.target) for task in work.tasks]
    settled = settle(places, _key, on_collision=on_collision)
    problems = [result for result in settled if isinstance(result, WouldOverwrite)]
    if len(problems) == len(settled):
        more = f" (and {len(problems) - 1} more like it)" if len(problems) > 1 else ""
        raise WouldOverwrite(f"{problems[0]}{more}")
    work.tasks = [
        Task(task.source, task.target, task.stamp, problem=str(result))
        if isinstance(result, WouldOverwrite)
        else Task(task.source, result, task.stamp)
        for task, result in zip(work.tasks, settled, strict=True)
    ]
    return work


def _key(place: str) -> str:
    return folded(place) if is_url(place) else local_key(place)


def _stamp(path: Path) -> str:
    """Return the stamp of a photo; one that is gone, or is no file, fails when its turn comes."""
    try:
        return file_stamp(path)
    except (OSError, ValueError):
        return ""
