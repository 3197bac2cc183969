"""Which photos a command means, and where each result goes. Paths only, no pixels."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from unblur.errors import BadValue, UnreadableImage, WouldOverwrite
from unblur.io.encode import format_of
from unblur.io.formats import HEIF_SUFFIXES, RAW_SUFFIXES, SUFFIXES

SUFFIX = ".unblurred"
OWN_SUFFIXES = (SUFFIX, ".motion", ".motion.psf", ".blur")
"""Ends of the names of our own pictures, which are not taken for photos."""

READ_SUFFIXES = frozenset({*SUFFIXES, *RAW_SUFFIXES, *HEIF_SUFFIXES, ".gif"})


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


def find_images(paths: Sequence[Path], *, recursive: bool = True) -> list[InputFile]:
    """Return the photos that files, folders and patterns stand for.

    A named file is always taken; in folders, files with a known extension that are neither
    hidden nor results of ours.

    Args:
        paths: files, folders, and patterns with ``*``, ``?`` and ``[...]``.
        recursive: take folders at any depth; otherwise only what lies directly in them.

    Raises:
        UnreadableImage: a path or pattern matches nothing, or a folder cannot be read.
    """
    found: list[InputFile] = []
    for path in paths:
        try:
            found += _found(path, recursive=recursive)
        except (OSError, ValueError, NotImplementedError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UnreadableImage(f"cannot look for {str(path)!r}: {reason}") from error
    unique = {item.path.resolve(): item for item in reversed(found)}
    return [item for item in found if unique.get(item.path.resolve()) is item]


def _found(path: Path, *, recursive: bool) -> list[InputFile]:
    if path.is_dir():
        return _walk(path, recursive=recursive)
    if path.exists() or path.is_symlink():
        return [InputFile(path, Path(path.name))]
    matches = _matches(path)
    if not matches:
        raise UnreadableImage(f"{path} does not exist; check the name")
    return find_images(matches, recursive=recursive)


def _matches(pattern: Path) -> list[Path]:
    """Return what a pattern with wildcards stands for, sorted."""
    parts = pattern.parts
    fixed = next((i for i, part in enumerate(parts) if set(part) & set("*?[")), None)
    if fixed is None:
        return []
    return sorted(Path(*parts[:fixed]).glob(str(Path(*parts[fixed:]))))


def plan_outputs(
    inputs: Iterable[InputFile],
    output: Path | None,
    *,
    suffix: str = SUFFIX,
    extension: str | None = None,
) -> Plan:
    """Return where each result goes.

    Args:
        inputs: the photos.
        output: None: beside each photo, its name with ``suffix``; a folder (one that exists, or
            a name without a known extension): own names and tree kept; otherwise a file.
        suffix: what tells a result from its photo, when they lie side by side.
        extension: of the results, as "png"; by default each photo's, or that of the format it
            is written in.

    Raises:
        WouldOverwrite: two photos would get one result, or a result would replace a photo.
        BadValue: several photos for one file.
    """
    items = list(inputs)
    plan: Plan = []
    for item in items:
        ending = f".{extension.lstrip('.')}" if extension else written_suffix(item.path.suffix)
        format_of(ending)
        beside = item.path.with_name(f"{item.path.stem}{suffix}{ending}")
        single = len(items) == 1
        plan.append((item, _target(item, output, ending, single=single) if output else beside))
    check_apart(plan)
    return plan


def check_apart(plan: Plan) -> None:
    """Raise if results would replace each other, or a photo.

    Raises:
        WouldOverwrite: two photos would get one result, or a result would replace a photo.
    """
    owners: dict[Path, Path] = {}
    sources = {item.path.resolve(): item.path for item, _ in plan}
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


def is_photo(name: str) -> bool:
    """Return whether a file in a folder is taken: known extension, not hidden, not a result."""
    path = Path(name)
    known = path.suffix.lower() in READ_SUFFIXES
    return known and not name.startswith(".") and not path.stem.endswith(OWN_SUFFIXES)


def _walk(folder: Path, *, recursive: bool) -> list[InputFile]:
    def refuse(error: OSError) -> None:
        raise UnreadableImage(f"cannot read the folder {error.filename}: {error.strerror}")

    found = []
    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if recursive and not name.startswith("."))
        for name in sorted(names):
            path = Path(place) / name
            if is_photo(name):
                found.append(InputFile(path, path.relative_to(folder)))
    return found


def _target(item: InputFile, output: Path, ending: str, *, single: bool) -> Path:
    if not is_folder(output):
        if single:
            format_of(output.suffix)
            return output
        raise BadValue(f"several photos cannot be written to the file {output}; name a folder")
    return output / item.relative.with_suffix(ending)


def is_folder(output: Path) -> bool:
    """Return whether results go into this folder (that may be yet to be made), not this file."""
    return output.is_dir() or output.suffix.lower() not in READ_SUFFIXES


def written_suffix(suffix: str) -> str:
    """Return the extension that a photo with this extension is written back with."""
    lower = suffix.lower()
    if lower in RAW_SUFFIXES:
        return ".tif"
    if lower in HEIF_SUFFIXES:
        return ".jpg"
    return suffix if lower in SUFFIXES else ".png"
