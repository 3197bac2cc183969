"""Which blurry photo belongs to which sharp one: two folders, equal names."""

from __future__ import annotations

from pathlib import Path

from unblur.errors import BadValue, UnreadableImage
from unblur.io import find_images

SIDES = (
    ("blurry", "sharp"),
    ("blur", "sharp"),
    ("blurred", "sharp"),
    ("input", "target"),
    ("lq", "gt"),
)
"""Usual names of the folders of blurry and of sharp photos; the first that exist are taken."""


def sides_of(folder: Path) -> tuple[Path, Path]:
    """Return the folders of blurry and of sharp photos in a folder; blurry/, sharp/ if none."""
    sides = [(folder / blurry, folder / sharp) for blurry, sharp in SIDES]
    return next((pair for pair in sides if all(side.is_dir() for side in pair)), sides[0])


def photos_by_name(folder: Path) -> dict[str, Path]:
    """Return the photos of a folder by relative path without extension, sorted.

    Raises:
        UnreadableImage: no such folder.
        BadValue: two photos share a name.
    """
    found: dict[str, Path] = {}
    for file in find_images([folder]):
        name = file.relative.with_suffix("").as_posix()
        if name in found:
            raise BadValue(f"{found[name]} and {file.path} share a name; keep one of them")
        found[name] = file.path
    return dict(sorted(found.items()))


def match(blurry: Path, sharp: Path) -> dict[str, tuple[Path, Path]]:
    """Return the files (blurry, sharp) of two folders by their common names.

    Raises:
        UnreadableImage: a folder is missing or empty.
        BadValue: a photo has no partner, or two share a name.
    """
    for folder in (blurry, sharp):
        if not folder.is_dir():
            raise UnreadableImage(
                f"{folder} is missing; pairs lie in {blurry.name}/ and {sharp.name}/"
            )
    sides = [photos_by_name(folder) for folder in (blurry, sharp)]
    lonely = sorted(set(sides[0]) ^ set(sides[1]))
    if lonely:
        owner = blurry if lonely[0] in sides[0] else sharp
        raise BadValue(
            f"{len(lonely)} photos of {blurry.parent} have no partner, as '{lonely[0]}', "
            f"which is in {owner.name}/ only"
        )
    if not sides[0]:
        raise UnreadableImage(f"there is no photo in {blurry}")
    return {name: (path, sides[1][name]) for name, path in sides[0].items()}
