"""Which photos a batch means and where each result goes, on disks and in stores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from unblur.errors import BadValue, WouldOverwrite
from unblur.io.encode import format_of
from unblur.io.folders import find_images, is_folder, plan_outputs, written_suffix
from unblur.scale.photo import Task, file_stamp
from unblur.scale.stores import canonical, find_entries, is_url

Found = tuple[str, PurePosixPath, str]
"""Path or URL, place below what was named, stamp."""


def plan_tasks(
    photos: Sequence[str], output: str | None, *, extension: str | None = None
) -> list[Task]:
    """Return the work: every photo with the place of its result.

    Args:
        photos: files, folders, patterns; URLs of objects or of what lies above them.
        output: file, folder or URL; None: beside each photo.
        extension: of the results, as "png"; by default as :func:`plan_outputs` has it.

    Raises:
        UnreadableImage: something named is not there.
        WouldOverwrite: two photos would get one result, or a result would replace a photo.
        BadValue: photos from a store, and no output is named; several photos for one file.
    """
    if not any(is_url(text) for text in (*photos, output or "")):
        local = plan_outputs(
            find_images([Path(text) for text in photos]),
            None if output is None else Path(output),
            extension=extension,
        )
        return [Task(str(item.path), str(target), _stamp(item.path)) for item, target in local]
    if output is None:
        raise BadValue("photos from a store need an output; name a folder or a URL with -o")
    output = canonical(output) if is_url(output) else output
    found = [item for text in photos for item in _found(text)]
    tasks = [
        Task(source, _target(output, relative, extension, single=len(found) == 1), stamp)
        for source, relative, stamp in found
    ]
    _check_apart(tasks)
    return tasks


def _found(text: str) -> list[Found]:
    if is_url(text):
        return [(entry.url, entry.relative, entry.stamp) for entry in find_entries(text)]
    return [
        (str(item.path), PurePosixPath(item.relative.as_posix()), _stamp(item.path))
        for item in find_images([Path(text)])
    ]


def _target(output: str, relative: PurePosixPath, extension: str | None, *, single: bool) -> str:
    ending = f".{extension.lstrip('.')}" if extension else written_suffix(relative.suffix)
    format_of(ending)
    if not is_folder(Path(output)):
        if not single:
            raise BadValue(f"several photos cannot be written to the file {output}; name a folder")
        format_of(Path(output).suffix)
        return output
    place = relative.with_suffix(ending)
    return f"{output.rstrip('/')}/{place}" if is_url(output) else str(Path(output) / place)


def _check_apart(tasks: Sequence[Task]) -> None:
    sources = {task.source for task in tasks}
    owners: dict[str, str] = {}
    for task in tasks:
        if task.target in sources:
            raise WouldOverwrite(
                f"the result of {task.source} would replace the photo {task.target}; "
                "choose another output"
            )
        if task.target in owners:
            raise WouldOverwrite(
                f"{owners[task.target]} and {task.source} would both be written to "
                f"{task.target}; process them apart"
            )
        owners[task.target] = task.source


def _stamp(path: Path) -> str:
    """Return the stamp of a photo; one that is gone, or is no file, fails when its turn comes."""
    try:
        return file_stamp(path)
    except OSError:
        return ""
