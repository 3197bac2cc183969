"""Which photos a command means, and where each result goes. Paths only, no pixels."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from unblur.errors import BadValue, UnreadableImage, WouldOverwrite
from unblur.io.decode import RAW_SUFFIXES
from unblur.io.encode import SUFFIXES, format_of

SUFFIX = ".unblurred"
READ_SUFFIXES = frozenset({*SUFFIXES, *RAW_SUFFIXES, ".heic", ".heif", ".gif"})


@dataclass(frozen=True)
class InputFile:
    """A photo to process.

    Attributes:
        path: of the file.
        relative: its place below the folder that was named, or just its name.
    """

    path: Path
    relative: Path


Plan = list[tuple[InputFile, Path]]


def find_images(paths: Sequence[Path]) -> list[InputFile]:
    """Return the photos that files, folders and patterns stand for.

    A named file is always taken; in folders, at any depth, files with a known extension that
    are neither hidden nor results of ours.

    Raises:
        UnreadableImage: a path or pattern matches nothing, or a folder cannot be read.
    """
    found: list[InputFile] = []
    for path in paths:
        if path.is_dir():
            found += _walk(path)
        elif path.exists() or path.is_symlink():
            found.append(InputFile(path, Path(path.name)))
        else:
            matches = _matches(path)
            if not matches:
                raise UnreadableImage(f"{path} does not exist; check the name")
            found += find_images(matches)
    unique = {item.path.resolve(): item for item in reversed(found)}
    return [item for item in found if unique.get(item.path.resolve()) is item]


def _matches(pattern: Path) -> list[Path]:
    """Return what a pattern with wildcards stands for, sorted."""
    parts = pattern.parts
    fixed = next((i for i, part in enumerate(parts) if set(part) & set("*?[")), None)
    if fixed is None:
        return []
    return sorted(Path(*parts[:fixed]).glob(str(Path(*parts[fixed:]))))


def plan_outputs(
    inputs: Iterable[InputFile], output: Path | None, *, extension: str | None = None
) -> Plan:
    """Return where each result goes.

    Args:
        inputs: the photos.
        output: None: beside each photo, as ``name.unblurred.ext``; a folder (existing, ending
            in a separator, without a known extension, or for several photos): own names and
            tree kept; otherwise a file.
        extension: of the results, as "png"; by default each photo's, or that of the format it
            is written in.

    Raises:
        WouldOverwrite: two photos would get one result, or a result would replace a photo.
        BadValue: several photos for one file.
    """
    items = list(inputs)
    plan = [(item, _target(item, output, extension, single=len(items) == 1)) for item in items]
    owners: dict[Path, Path] = {}
    sources = {item.path.resolve(): item.path for item in items}
    for item, target in plan:
        place = target.resolve()
        if place in sources:
            raise WouldOverwrite(
                f"the result of {item.path} would replace the photo {sources[place]}; "
                "choose another output"
            )
        if place in owners:
            raise WouldOverwrite(
                f"{owners[place]} and {item.path} would both be written to {target}; "
                "process them apart"
            )
        owners[place] = item.path
    return plan


def check_free(plan: Plan, *, overwrite: bool) -> None:
    """Raise if a result exists already, before any work is done.

    Raises:
        WouldOverwrite: one or more exist and ``overwrite`` is false.
    """
    taken = [target for _, target in plan if target.exists()]
    if taken and not overwrite:
        more = f" (and {len(taken) - 1} more)" if len(taken) > 1 else ""
        raise WouldOverwrite(
            f"{taken[0]}{more} exists already; use --overwrite, or choose another output"
        )


def _walk(folder: Path) -> list[InputFile]:
    def refuse(error: OSError) -> None:
        raise UnreadableImage(f"cannot read the folder {error.filename}: {error.strerror}")

    found = []
    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(place) / name
            ours = path.stem.endswith(SUFFIX)
            if path.suffix.lower() in READ_SUFFIXES and not name.startswith(".") and not ours:
                found.append(InputFile(path, path.relative_to(folder)))
    return found


def _target(item: InputFile, output: Path | None, extension: str | None, *, single: bool) -> Path:
    suffix = f".{extension.lstrip('.')}" if extension else written_suffix(item.path.suffix)
    format_of(suffix)
    if output is None:
        return item.path.with_name(f"{item.path.stem}{SUFFIX}{suffix}")
    if not _is_folder(output):
        if single and item.relative == Path(item.path.name):
            format_of(output.suffix)
            return output
        raise BadValue(f"several photos cannot be written to the file {output}; name a folder")
    return output / item.relative.with_suffix(suffix)


def _is_folder(output: Path) -> bool:
    return output.is_dir() or output.suffix.lower() not in READ_SUFFIXES


def written_suffix(suffix: str) -> str:
    """Return the extension that a photo with this extension is written back with."""
    lower = suffix.lower()
    if lower in RAW_SUFFIXES:
        return ".tif"
    if lower in (".heic", ".heif"):
        return ".jpg"
    return suffix if lower in SUFFIXES else ".png"
