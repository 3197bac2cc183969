"""Which sharp photos of a folder are meant: all, or one split of its ``manifest.csv``."""

from __future__ import annotations

import csv
from pathlib import Path

from unblur.errors import BadValue, UnreadableImage
from unblur.io import InputFile, find_images


def find_sharp(folder: Path, *, split: str | None = None) -> list[InputFile]:
    """Return the photos of a folder, or of one split of its ``manifest.csv``.

    Raises:
        UnreadableImage: no such folder, no manifest for a split, or no photo.
        BadValue: the manifest is damaged, or names files outside the folder.
    """
    if not folder.is_dir():
        raise UnreadableImage(f"the folder {folder} does not exist; check the name")
    if split is None:
        photos = find_images([folder])
    else:
        manifest = folder / "manifest.csv"
        if not manifest.is_file():
            raise UnreadableImage(f"{manifest} is missing; a split needs it (columns file, split)")
        photos = [InputFile(folder / name, Path(name)) for name in _names(manifest, split)]
    if not photos:
        raise UnreadableImage(f"there is no photo in {folder}" + (f" ({split})" if split else ""))
    return photos


def _names(manifest: Path, split: str) -> list[str]:
    """Return the files of a split, sorted; they must lie below the manifest's folder."""
    try:
        with manifest.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.DictReader(stream))
        names = sorted({row["file"] for row in rows if row["split"] == split and row["file"]})
    except (OSError, ValueError, KeyError, csv.Error) as error:
        raise BadValue(
            f"{manifest} cannot be read as a table with the columns file, split: {error}"
        ) from error
    outside = [name for name in names if Path(name).is_absolute() or ".." in Path(name).parts]
    if outside:
        raise BadValue(f"{manifest} names '{outside[0]}'; files must lie in {manifest.parent}")
    return names
