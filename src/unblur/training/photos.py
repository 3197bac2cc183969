"""Sharp photos to train on: a folder, split by source photo, cut into windows."""

from __future__ import annotations

import copy
import csv
import hashlib
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unblur.color import FloatArray, to_float
from unblur.errors import BadValue
from unblur.training.byte_cache import ByteCache
from unblur.training.photo_check import read_rgb, usable

Split = Literal["train", "val", "test"]
_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"}
_TRIES = 3
_FLAT = 0.012
"""Mean absolute luma step below which a window is too flat to learn motion from."""


class SharpPhotos:
    """The photos of one split of a folder.

    A ``manifest.csv`` with the columns ``file`` and ``split`` decides the split if there is
    one; otherwise the file's name does: of ten, eight train, one validates, one tests.

    Args:
        root: the folder.
        split: which part.
        smallest_px: photos with a shorter side are left out.

    Raises:
        UnreadableImage: no photo is left.
        BadValue: a manifest without the columns ``file`` and ``split``.
    """

    def __init__(self, root: Path, split: Split, *, smallest_px: int) -> None:
        listed = _from_manifest(root, split)
        candidates = _from_names(root, split) if listed is None else listed
        self._sides = usable(candidates, smallest_px=smallest_px, split=split, root=root)
        self.paths = [path for path in candidates if path in self._sides]
        self.split: Split = split
        self._of_side: dict[int, list[Path]] = {}

    def only(self, paths: list[Path]) -> SharpPhotos:
        """Return the same with some of the photos only."""
        some = copy.copy(self)
        some.paths, some._of_side = paths, {}
        return some

    def window(self, side: int, rng: np.random.Generator, *, downscale: float) -> FloatArray:
        """Return a random window.

        Args:
            side: of the window, px.
            rng: source of randomness.
            downscale: smallest factor by which the photo may be shrunk first.

        Returns:
            (side, side, 3) float32 in [0, 1], sRGB; seldom flat. Of a photo that is large
            enough; enlarged only if there is none.
        """
        if side not in self._of_side:
            large = [p for p in self.paths if self._sides[p] >= side]
            self._of_side[side] = large or self.paths
        paths = self._of_side[side]
        for attempt in range(_TRIES):
            pixels = _pixels(paths[int(rng.integers(len(paths)))])
            window = _random_window(pixels, side, rng, downscale)
            detail = np.abs(np.diff(window.mean(axis=2), axis=1)).mean()
            if detail > _FLAT or attempt == _TRIES - 1:
                break
        return window


def by_source(root: Path, paths: list[Path]) -> dict[str, list[Path]]:
    """Return files grouped by the photo they were cut from.

    A ``manifest.csv`` with the column ``source_photo`` (and ``source``, if names repeat) tells
    which pieces are of one photo; otherwise every file is a photo of its own.

    Returns:
        Files by a name that depends on the photo only, not on the others.
    """
    sources: dict[Path, str] = {}
    manifest = root / "manifest.csv"
    if manifest.is_file():
        with manifest.open(newline="", encoding="utf-8") as stream:
            for row in csv.DictReader(stream):
                if row.get("source_photo"):
                    sources[root / row["file"]] = f"{row.get('source', '')}/{row['source_photo']}"
    groups: dict[str, list[Path]] = {}
    for path in paths:
        groups.setdefault(sources.get(path, path.relative_to(root).as_posix()), []).append(path)
    return groups


_photos = ByteCache()


def _pixels(path: Path) -> NDArray[np.uint8]:
    return _photos.get(path, lambda: [read_rgb(path)])[0]


def _random_window(
    pixels: NDArray[np.uint8], side: int, rng: np.random.Generator, downscale: float
) -> FloatArray:
    room = min(pixels.shape[:2]) / side
    factor = rng.uniform(max(downscale, 1 / room), 1.0) if room > 1 else 1.0
    wide = min(round(side / factor), *pixels.shape[:2])
    y = int(rng.integers(pixels.shape[0] - wide + 1))
    x = int(rng.integers(pixels.shape[1] - wide + 1))
    piece = pixels[y : y + wide, x : x + wide]
    if wide != side:
        shrunk = Image.fromarray(piece).resize((side, side), Image.Resampling.BOX)
        piece = np.asarray(shrunk)
    return to_float(np.ascontiguousarray(piece))


def _from_manifest(root: Path, split: Split) -> list[Path] | None:
    """Return the photos that a manifest gives to a split, or None if there is no manifest."""
    manifest = root / "manifest.csv"
    if not manifest.is_file():
        return None
    with manifest.open(newline="", encoding="utf-8") as stream:
        rows = csv.DictReader(stream)
        missing = {"file", "split"} - set(rows.fieldnames or ())
        if missing:
            raise BadValue(f"{manifest} has no column {' and '.join(sorted(missing))}")
        return sorted(root / row["file"] for row in rows if row["split"] == split)


def _from_names(root: Path, split: Split) -> list[Path]:
    chosen = []
    for path in sorted(root.rglob("*")):
        if path.suffix.lower() not in _SUFFIXES:
            continue
        tenth = hashlib.sha256(path.stem.encode()).digest()[0] % 10
        if split == ("val" if tenth == 8 else "test" if tenth == 9 else "train"):
            chosen.append(path)
    return chosen
