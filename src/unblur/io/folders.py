"""Which photos a command means. Paths only, no pixels."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unblur.errors import NothingFound, UnreadableImage
from unblur.io.formats import READ_SUFFIXES
from unblur.paths import exists, is_folder, kind_of, real, shown

SUFFIX = ".unblurred"
OWN_SUFFIXES = (SUFFIX, ".motion", ".motion.psf", ".blur")
"""Ends of the names of our own pictures, which are not taken for photos."""

OTHER_TYPE, NOT_REGULAR, LINK = "other type", "not a regular file", "link to a folder"
"""Why something in a folder is passed over and counted."""

NOT_COUNTED = ""
"""What is passed over without a word: hidden files and folders, and results of ours."""


@dataclass(frozen=True)
class InputFile:
    """A photo to process.

    Attributes:
        path: of the file.
        relative: its place below the folder that was named, or just its name.
    """

    path: Path
    relative: Path


@dataclass(frozen=True)
class Search:
    """What files, folders and patterns stand for.

    Attributes:
        files: the photos.
        passed_over: for each folder that was named and held something that was not taken: how
            much of what kind.
    """

    files: list[InputFile]
    passed_over: dict[Path, Counter[str]]


def find_images(paths: Sequence[Path], *, recursive: bool = True) -> list[InputFile]:
    """Return the photos that :func:`search` finds; none is not an error."""
    return _search(paths, recursive=recursive).files


def search(paths: Sequence[Path], *, recursive: bool = True) -> Search:
    """Return the photos that files, folders and patterns stand for, and what is passed over.

    A named file is always taken; in folders, regular files with an extension of READ_SUFFIXES
    that are neither hidden nor results of ours.

    Args:
        paths: files, folders, and patterns with ``*``, ``?`` and ``[...]``.
        recursive: take folders at any depth; otherwise only what lies directly in them.

    Raises:
        UnreadableImage: a path or pattern matches nothing, or a folder cannot be read.
        NothingFound: the folders hold no photo at all.
    """
    found = _search(paths, recursive=recursive)
    if not found.files:
        where = ", ".join(shown(path) for path in paths[:3]) + (" ..." if len(paths) > 3 else "")
        raise NothingFound(nothing(where, found.passed_over))
    return found


def nothing(where: str, passed: Mapping[Any, Mapping[str, int]]) -> str:
    """Return the message that a place holds no photo, and what it holds instead."""
    counts: Counter[str] = Counter()
    for held in passed.values():
        counts.update(held)
    instead = f"; passed over: {counted(counts)}" if counts else "; there is nothing in it"
    return f"no photos found in {where}{instead} (a file that is named is taken whatever its name)"


def counted(counts: Mapping[str, int]) -> str:
    """Return counts of what is passed over in words, as "2 of other type"."""
    words = {
        OTHER_TYPE: "of other type",
        NOT_REGULAR: "not a regular file",
        LINK: "a link to a folder",
    }
    return ", ".join(f"{counts[kind]} {word}" for kind, word in words.items() if counts.get(kind))


def _search(paths: Sequence[Path], *, recursive: bool) -> Search:
    found: list[InputFile] = []
    passed: dict[Path, Counter[str]] = {}
    for path in paths:
        try:
            found += _found(path, passed, recursive=recursive)
        except (OSError, ValueError, NotImplementedError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UnreadableImage(f"cannot look for '{shown(path)}': {reason}") from error
    unique = {real(item.path): item for item in reversed(found)}
    return Search([item for item in found if unique.get(real(item.path)) is item], passed)


def _found(path: Path, passed: dict[Path, Counter[str]], *, recursive: bool) -> list[InputFile]:
    if is_folder(path):
        return _walk(path, passed, recursive=recursive)
    if exists(path):
        return [InputFile(path, Path(path.name))]
    matches = _matches(path)
    if not matches:
        raise UnreadableImage(f"{shown(path)} does not exist; check the name")
    return [item for match in matches for item in _found(match, passed, recursive=recursive)]


def _matches(pattern: Path) -> list[Path]:
    """Return what a pattern with wildcards stands for, sorted."""
    parts = pattern.parts
    fixed = next((i for i, part in enumerate(parts) if set(part) & set("*?[")), None)
    if fixed is None:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            pattern.lstat()  # says why it cannot be there, if its name is at fault
        return []
    return sorted(Path(*parts[:fixed]).glob(str(Path(*parts[fixed:]))))


def passed_over(name: str) -> str | None:
    """Return why a file of this name is passed over in a folder, None if it is not."""
    path = Path(name)
    if name.startswith(".") or path.stem.endswith(OWN_SUFFIXES):
        return NOT_COUNTED
    return None if path.suffix.lower() in READ_SUFFIXES else OTHER_TYPE


def _walk(folder: Path, passed: dict[Path, Counter[str]], *, recursive: bool) -> list[InputFile]:
    def refuse(error: OSError) -> None:
        raise UnreadableImage(f"cannot read the folder {shown(error.filename)}: {error.strerror}")

    found = []
    counts: Counter[str] = Counter()
    for place, folders, names in os.walk(folder, onerror=refuse):
        below = sorted(name for name in folders if recursive and not name.startswith("."))
        folders[:] = [name for name in below if not (Path(place) / name).is_symlink()]
        counts[LINK] += len(below) - len(folders)
        for name in sorted(names):
            path = Path(place) / name
            why = passed_over(name)
            if why is None and _is_odd(path):
                why = NOT_REGULAR
            if why is None:
                found.append(InputFile(path, path.relative_to(folder)))
            else:
                counts[why] += 1
    counts[NOT_COUNTED] = 0
    if +counts:
        passed[folder] = +counts
    return found


def _is_odd(path: Path) -> bool:
    """Return whether something is there that is no regular file; a broken link fails later."""
    try:
        return kind_of(path) is not None
    except (OSError, ValueError):
        return False
