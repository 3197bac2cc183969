"""What ``unblur detect`` writes: copies, lists and maps, each failing by itself."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unblur.paths import fitted

if TYPE_CHECKING:
    from unblur.detection.culling import Seen
    from unblur.errors import UnblurError
    from unblur.io import InputFile
    from unblur.io.outputs import OnCollision


@dataclass
class Files:
    """Where what is written goes, and what could not be written.

    Attributes:
        photos: that are looked at.
        copies, maps: a target for each photo; empty if none is wanted.
        list_file: that gets the names of the photos that are not to be kept; None: none.
        overwrite: replace existing files.
        problems: by the number of the photo; that of the list has the number behind the last.
    """

    photos: Sequence[InputFile]
    copies: list[Path]
    maps: list[Path]
    list_file: Path | None
    overwrite: bool
    problems: dict[int, UnblurError] = field(default_factory=dict)

    def draw(self, number: int, seen: Seen) -> None:
        """Write the map of a photo, if maps are wanted."""
        if not self.maps or seen.detection is None or seen.luma is None:
            return
        from unblur.detection.heatmap import heat_map
        from unblur.io import Photo, write_photo

        picture = Photo.from_array(heat_map(seen.detection, seen.luma))
        target = self.maps[number]
        self._try(number, lambda: write_photo(picture, target, overwrite=self.overwrite))

    def cull(self, rows: Sequence[dict[str, Any]]) -> None:
        """Copy and list the photos that are not to be kept; tell the rows what went wrong."""
        from unblur.errors import UnreadableImage
        from unblur.files import read_regular
        from unblur.io import write_bytes

        out = [number for number, row in enumerate(rows) if _is_out(row)]
        for number in out if self.copies else ():
            source, target = self.photos[number].path, self.copies[number]

            def copy(source: Path = source, target: Path = target) -> None:
                write_bytes(read_regular(source, UnreadableImage), target, overwrite=self.overwrite)

            self._try(number, copy)
        for number, problem in self.problems.items():
            rows[number]["error"] = rows[number]["error"] or str(problem)
        if self.list_file is not None:
            # The very names, be they UTF-8 or not, for programs that read them.
            names = b"".join(os.fsencode(self.photos[number].path) + b"\n" for number in out)
            target = self.list_file
            self._try(len(rows), lambda: write_bytes(names, target, overwrite=self.overwrite))

    @property
    def list_problem(self) -> UnblurError | None:
        """Why the list could not be written."""
        return self.problems.get(len(self.photos))

    def _try(self, number: int, job: Callable[[], None]) -> None:
        """What goes wrong with one photo must not take the others' verdicts with it."""
        from unblur.errors import CannotWrite, UnblurError

        try:
            job()
        except UnblurError as error:
            self.problems[number] = error
        except OSError as error:  # the photo is gone meanwhile
            self.problems[number] = CannotWrite(str(error.strerror or error))


def plan_files(
    photos: Sequence[InputFile],
    blurred_to: Path | None,
    list_file: Path | None,
    map_to: Path | None,
    *,
    overwrite: bool,
    on_collision: OnCollision,
) -> Files:
    """Return where copies and maps go; refuse before the work what could not be written after.

    Raises:
        WouldOverwrite: a file is there already, or two would get the same name.
        CannotWrite: the list would be written into what is no file.
    """
    from unblur.io import check_free, check_no_photo, destination
    from unblur.io.outputs import set_apart

    if list_file is not None:
        destination(list_file)
        check_no_photo(list_file, [str(item.path) for item in photos])
        check_free([(item, list_file) for item in photos[:1]], overwrite=overwrite)
    targets: list[list[Path]] = []
    for folder, name in ((blurred_to, _copy_of), (map_to, _map_of)):
        plan = [(item, folder / name(item)) for item in photos] if folder is not None else []
        plan = set_apart(plan, on_collision=on_collision)
        check_free(plan, overwrite=overwrite)
        targets.append([target for _, target in plan])
    if list_file is not None:
        check_no_photo(list_file, [str(target) for target in (*targets[0], *targets[1])])
    return Files(photos, targets[0], targets[1], list_file, overwrite)


def _is_out(row: dict[str, Any]) -> bool:
    """Return whether a photo is not to be kept."""
    return bool(not row["sharpest"] if "sharpest" in row else row["blurred"])


def _copy_of(file: InputFile) -> Path:
    return file.relative


def _map_of(file: InputFile) -> Path:
    return file.relative.with_name(fitted(file.relative.name, ".blur.png"))
