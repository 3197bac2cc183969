"""Folders of photos as sequences: frames in the order of their names, which they keep."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from unblur.color import as_rgb
from unblur.errors import UnreadableImage, WouldOverwrite
from unblur.io.decode import read_photo
from unblur.io.encode import write_photo
from unblur.io.folders import InputFile, find_images, written_suffix
from unblur.io.photo import Photo
from unblur.io.video import ClipInfo, Frame


class FolderSource:
    """The photos of a folder, by name, numbers counted as numbers (2 before 10).

    ``origin`` of a frame is its photo and its place in the folder. Grey photos become RGB.

    Raises:
        UnreadableImage: the folder holds no photo.
    """

    def __init__(self, folder: Path) -> None:
        found = find_images([folder], recursive=False)
        if not found:
            raise UnreadableImage(f"the folder {folder} holds no frames (photos)")
        self.files = sorted(found, key=lambda item: _natural(item.relative.name))
        self.info = ClipInfo(0, 0, len(self.files), None)

    def __iter__(self) -> Iterator[Frame]:
        """Yield frames of each photo's own depth."""
        for item in self.files:
            photo = read_photo(item.path)
            yield Frame(as_rgb(photo.samples), origin=(photo, item.relative))

    def close(self) -> None:
        """Nothing is held open."""


class FolderSink:
    """A folder of photos: names, formats, depths and metadata are those of the source's.

    Args:
        folder: made if needed.
        files: of the source; no result may exist or replace one of them.
        overwrite: replace existing results.

    Raises:
        WouldOverwrite: a result exists already, or is a photo of the source.
    """

    def __init__(self, folder: Path, files: list[InputFile], *, overwrite: bool = False) -> None:
        self._folder, self._overwrite = folder, overwrite
        sources = {item.path.resolve() for item in files}
        for item in files:
            target = self._place(item.relative)
            if target.resolve() in sources:
                raise WouldOverwrite(f"{target} is a frame itself; choose another folder")
            if target.exists() and not overwrite:
                raise WouldOverwrite(f"{target} exists already; use --overwrite, or another folder")

    def write(self, frame: Frame) -> None:
        """Write one photo."""
        photo, relative = frame.origin
        assert isinstance(photo, Photo)
        samples = frame.samples
        if photo.samples.shape[2] == 1:
            samples = samples.mean(axis=2, keepdims=True).round().astype(samples.dtype)
        write_photo(photo.with_samples(samples), self._place(relative), overwrite=self._overwrite)

    def finish(self) -> None:
        """Each frame is whole already."""

    def discard(self) -> None:
        """The frames that are done stay: each is whole."""

    def _place(self, relative: Path) -> Path:
        return self._folder / relative.with_suffix(written_suffix(relative.suffix))


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts numbers by value."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
