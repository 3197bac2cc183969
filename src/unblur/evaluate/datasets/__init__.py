"""Readers of the data sets by which deblurring is judged, in the layouts as published.

The user brings the data; nothing is downloaded. Every reader knows where its data come from, under
which licence, and what a right copy looks like (:meth:`DataSet.check`).
"""

from __future__ import annotations

from pathlib import Path

from unblur.errors import BadValue, UnreadableImage, nearest
from unblur.evaluate.datasets.base import About, DataSet, Expected, Reader
from unblur.evaluate.datasets.folders import PHOTOS, find_pairs

__all__ = ["About", "DataSet", "Expected", "Reader", "open_dataset", "readers"]


def readers() -> dict[str, Reader]:
    """Return every reader by name, in the order in which a layout is tried."""
    from unblur.evaluate.datasets import averaged, folders, koehler, lai, levin, real

    found = [
        *koehler.READERS,
        *levin.READERS,
        *lai.READERS,
        *real.READERS,
        *averaged.READERS,
        folders.SYNTH,
        folders.PAIRS,
        folders.PHOTOS,
    ]
    return {reader.name: reader for reader in found}


def open_dataset(folder: Path, name: str = "auto") -> DataSet:
    """Return the data set that lies in a folder.

    Args:
        folder: as its authors publish it: the folder that their archive makes.
        name: one of :func:`readers`, or "auto": the first whose layout the folder has, other
            than "photos", which any folder has.

    Raises:
        UnreadableImage: no such folder, or it has not the layout asked for, or none that is known.
        BadValue: no such data set, or the layout is damaged: a partner is missing.
    """
    if not folder.is_dir():
        raise UnreadableImage(f"the folder {folder} does not exist; check the name")
    known = readers()
    if name != "auto" and name not in known:
        raise BadValue(f"no data set is called '{name}'; {nearest(name, [*known, 'auto'])}")
    tried = [reader for reader in known.values() if name in (reader.name, "auto")]
    for reader in tried:
        if name == "auto" and reader.name == PHOTOS.name:
            continue
        found = reader.read(folder)
        if found is None and reader.flat and name != "auto":
            found = find_pairs(folder)
        if found is not None and found.cases:
            ordered = tuple(sorted(found.cases, key=lambda case: case.name))
            protocol = found.protocol or reader.protocol
            return DataSet(reader.name, ordered, protocol, reader.about, found.notes)
    if name == "auto":
        raise UnreadableImage(
            f"{folder} has no layout that is known; pairs lie in blurry/ and sharp/, others: "
            "unblur evaluate --list"
        )
    raise UnreadableImage(
        f"{folder} has not the layout of {known[name].about.title}: {known[name].about.layout}"
    )
