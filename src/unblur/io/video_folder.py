"""Folders of photos as sequences: frames in the order of their names, which they keep."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from unblur.color import as_rgb
from unblur.errors import NothingFound, UnreadableImage
from unblur.io.decode import read_photo
from unblur.io.encode import write_photo
from unblur.io.folders import InputFile, counted, search
from unblur.io.outputs import check_free, set_apart, written_suffix_of
from unblur.io.photo import Photo
from unblur.io.video import ClipInfo, Frame
from unblur.paths import fitted


class FolderSource:
    """The photos of a folder, by name, numbers counted as numbers (2 before 10).

    ``origin`` of a frame is its photo and its place in the folder. Grey photos become RGB.

    Raises:
        UnreadableImage: the folder holds no photo.
    """

    def __init__(self, folder: Path) -> None:
        try:
            found = search([folder], recursive=False)
        except NothingFound as error:
            raise UnreadableImage(f"the folder holds no frames: {error}") from None
        self.files = sorted(found.files, key=lambda item: _natural(item.relative.name))
        counts = found.passed_over.get(folder)
        notes = (f"passed over in the folder: {counted(counts)}",) if counts else ()
        self.info = ClipInfo(0, 0, len(self.files), None, notes)

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

    Frames whose results would meet (IMG_1.HEIC and IMG_1.jpg) get names of their own, as
    ``--on-collision suffix`` gives them: a sequence is all or nothing.

    Raises:
        WouldOverwrite: a result exists already, or is a photo of the source.
    """

    def __init__(self, folder: Path, files: list[InputFile], *, overwrite: bool = False) -> None:
        self._overwrite = overwrite
        wanted = [(item, folder / _written_name(item)) for item in files]
        plan = set_apart(wanted, on_collision="suffix")
        check_free(plan, overwrite=overwrite)
        self._places = {item.relative: target for item, target in plan}

    def write(self, frame: Frame) -> None:
        """Write one photo."""
        photo, relative = frame.origin
        assert isinstance(photo, Photo)
        samples = frame.samples
        if photo.samples.shape[2] == 1:
            samples = samples.mean(axis=2, keepdims=True).round().astype(samples.dtype)
        write_photo(photo.with_samples(samples), self._places[relative], overwrite=self._overwrite)

    def finish(self) -> None:
        """Each frame is whole already."""

    def discard(self) -> None:
        """The frames that are done stay: each is whole."""


def _written_name(item: InputFile) -> str:
    return fitted(item.relative.stem, written_suffix_of(item))


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts numbers by value."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
