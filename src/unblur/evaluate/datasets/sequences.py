"""Sets of many folders, each with a folder of blurry and one of sharp frames."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from unblur.evaluate.cases import Case
from unblur.evaluate.matching import match
from unblur.evaluate.samples import Photo8


def part_of(folder: Path, parts: tuple[str, ...]) -> tuple[Path, str]:
    """Return the first part of a set that a folder has, and its name; the folder itself if none.

    Args:
        folder: a whole set, or one part of it.
        parts: names of its parts, that which is scored first.
    """
    for part in parts:
        if (folder / part).is_dir():
            return folder / part, part
    return folder, ""


def clips_with(folder: Path, blurry: str, sharp: str) -> list[Path]:
    """Return the folders directly below that have both subfolders, sorted."""
    return sorted(
        clip
        for clip in folder.iterdir()
        if clip.is_dir() and (clip / blurry).is_dir() and (clip / sharp).is_dir()
    )


def frames_of(clips: Iterable[tuple[str, Path, Path]]) -> list[Case]:
    """Return a case for each frame.

    Args:
        clips: (name, folder of blurry frames, folder of sharp frames); frames of one name belong
            together.

    Raises:
        UnreadableImage: a folder is missing or empty.
        BadValue: a frame has no partner.
    """
    cases = []
    for clip, blurry, sharp in clips:
        for name, files in match(blurry, sharp).items():
            facts = {"clip": clip, "frame": name}
            cases.append(Case(f"{clip}/{name}", Photo8(files[0]), (Photo8(files[1]),), facts=facts))
    return cases
