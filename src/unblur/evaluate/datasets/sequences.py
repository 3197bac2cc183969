"""Sets of many folders, each with a folder of blurry and one of sharp frames."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from unblur.evaluate.cases import Case, paired
from unblur.evaluate.matching import match


class Clip(NamedTuple):
    """A folder of blurry frames and one of sharp frames; frames of one name belong together.

    Attributes:
        name: of the clip.
        blurry, sharp: the folders.
    """

    name: str
    blurry: Path
    sharp: Path


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


def clips_with(folder: Path, blurry: str, sharp: str) -> list[Clip]:
    """Return the folders directly below that have both subfolders, sorted."""
    clips = (Clip(below.name, below / blurry, below / sharp) for below in sorted(folder.iterdir()))
    return [clip for clip in clips if clip.blurry.is_dir() and clip.sharp.is_dir()]


def frames_of(clips: Iterable[Clip]) -> tuple[Case, ...]:
    """Return a case for each frame.

    Raises:
        UnreadableImage: a folder is missing or empty.
        BadValue: a frame has no partner.
    """
    return tuple(
        paired(f"{clip.name}/{frame}", *files, facts={"clip": clip.name, "frame": frame})
        for clip in clips
        for frame, files in match(clip.blurry, clip.sharp).items()
    )
