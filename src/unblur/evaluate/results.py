"""Results of other programs: a folder of restored photos takes part like any method."""

from __future__ import annotations

from pathlib import Path

from unblur.errors import UnreadableImage
from unblur.evaluate.cases import Case
from unblur.evaluate.light import Method
from unblur.evaluate.matching import photos_by_name
from unblur.evaluate.samples import Samples, read_rgb8
from unblur.motion.field import MotionField

NAMED = "="
"""Between the name of somebody's method and the folder of its results."""


def results_of(folder: Path) -> Method:
    """Return the method that reads restored photos from a folder.

    A photo is found by the name of its case (a path without extension), by that name with ``_``
    or ``-`` in place of ``/``, or by the blurry file's own name. It is read in 8 bits; its values
    are scored as they are.

    Raises:
        UnreadableImage: no such folder, or nothing in it.
    """
    if not folder.is_dir():
        raise UnreadableImage(f"the folder of results {folder} does not exist; check the name")
    found = photos_by_name(folder)
    if not found:
        raise UnreadableImage(f"there is no restored photo in {folder}")

    def run(samples: Samples, case: Case) -> tuple[Samples, MotionField | None]:
        flat = (case.name.replace("/", mark) for mark in "_-")
        for name in (case.name, *flat, case.blurry.path.stem):
            if name in found:
                return read_rgb8(found[name]), None
        raise UnreadableImage(
            f"{folder} has no result for {case.name}; it should be called {case.name}.png"
        )

    return run
