"""Köhler's benchmark of recorded camera shake, in the layouts that go round."""

from __future__ import annotations

import re
from pathlib import Path

from unblur.errors import UnreadableImage
from unblur.evaluate.cases import Case
from unblur.evaluate.datasets.base import About, Expected, Found, Reader
from unblur.evaluate.light import LINEAR
from unblur.evaluate.matlab import MatPicture, shapes
from unblur.evaluate.samples import Photo8, Picture

_BLURRY = re.compile(r"Blurry(\d)_(\d{1,2})\.(png|jpg)", re.IGNORECASE)
_FRAME = re.compile(r"GroundTruth(\d)_(\d{1,2})_(\d+)\.(png|jpg)", re.IGNORECASE)
_MAT = re.compile(r"GroundTruth(\d)_(\d{1,2})\.mat", re.IGNORECASE)
_SINGLE = re.compile(r"[A-Za-z]*?(\d)(?:_(\d{1,2}))?\.(png|jpg)", re.IGNORECASE)
_SINGLE_FOLDERS = ("sharp", "gt", "target", "groundtruth", "ground_truth")

Key = tuple[int, int]

SKIPPED: Key = (1, 3)
"""Of this one the benchmark's own code leaves out frame 30, and all after 198."""

SINGLE_NOTE = (
    "one reference for each photo instead of the ~199 frames of the trajectory: figures are lower "
    "than published ones, and not to be compared with them"
)


def _find(folder: Path) -> Found | None:
    blurry = {key: path for path, key in _matches(folder, _BLURRY)}
    if not blurry:
        return None
    sharp = _frames(folder)
    notes: tuple[str, ...] = ()
    protocol = ""
    if not sharp:
        sharp, notes, protocol = _single(folder), (SINGLE_NOTE,), "koehler-single"
    lonely = sorted(set(blurry) - set(sharp))
    if lonely:
        picture, trajectory = lonely[0]
        raise UnreadableImage(
            f"{folder}: {len(lonely)} blurry photos have no sharp frames, as "
            f"Blurry{picture}_{trajectory}; GroundTruth{picture}_{trajectory}.mat or "
            f"GroundTruth{picture}_{trajectory}_1.png and so on are needed"
        )
    cases = tuple(
        Case(
            name=f"{key[0]}_{key[1]:02}",
            blurry=Photo8(path),
            sharp=tuple(sharp[key]),
            facts={"picture": key[0], "trajectory": key[1], "light": LINEAR},
        )
        for key, path in blurry.items()
    )
    return Found(cases, notes, protocol)


def _frames(folder: Path) -> dict[Key, list[Picture]]:
    """Return the frames of every trajectory: MATLAB files where they are, else pictures."""
    found: dict[Key, list[Picture]] = {}
    for path, key in _matches(folder, _MAT):
        shape = shapes(path).get("GroundTruth", ())
        if len(shape) != 4:
            raise UnreadableImage(f"{path} must hold GroundTruth (H, W, 3, N), got {shape}")
        found[key] = [
            MatPicture(path, "GroundTruth", i) for i in range(shape[3]) if _counts(key, i + 1)
        ]
    numbered: dict[Key, list[tuple[int, Path]]] = {}
    for path in _files(folder):
        hit = _FRAME.fullmatch(path.name)
        if hit is not None:
            key = int(hit[1]), int(hit[2])
            numbered.setdefault(key, []).append((int(hit[3]), path))
    for key, files in numbered.items():
        pictures = [Photo8(path) for number, path in sorted(files) if _counts(key, number)]
        found.setdefault(key, list(pictures))
    return found


def _counts(key: Key, number: int) -> bool:
    return key != SKIPPED or (number != 30 and number <= 198)


def _single(folder: Path) -> dict[Key, list[Picture]]:
    """Return one reference for each photo: of its own, or of its picture."""
    found: dict[Key, list[Picture]] = {}
    for path in _files(folder):
        hit = _SINGLE.fullmatch(path.name)
        if hit is None or path.parent.name.lower() not in _SINGLE_FOLDERS:
            continue
        if hit[2]:
            found[int(hit[1]), int(hit[2])] = [Photo8(path)]
        else:
            for trajectory in range(1, 13):
                found.setdefault((int(hit[1]), trajectory), [Photo8(path)])
    return found


def _matches(folder: Path, pattern: re.Pattern[str]) -> list[tuple[Path, Key]]:
    hits = ((path, pattern.fullmatch(path.name)) for path in _files(folder))
    return [(path, (int(hit[1]), int(hit[2]))) for path, hit in hits if hit is not None]


def _files(folder: Path) -> list[Path]:
    """Return all files down to folder/Image1/Kernel1/ and no deeper, sorted."""
    return sorted(
        path for depth in ("*", "*/*", "*/*/*") for path in folder.glob(depth) if path.is_file()
    )


READERS = (
    Reader(
        name="koehler",
        about=About(
            title="Köhler",
            paper=(
                "Köhler, Hirsch, Mohler, Schölkopf, Harmeling, Recording and playback of camera "
                "shake: benchmarking blind deconvolution with a real-world database, ECCV 2012, "
                "doi:10.1007/978-3-642-33786-4_3"
            ),
            home="https://webdav.tuebingen.mpg.de/pixel/benchmark4camerashake/",
            licence="not stated",
            layout=(
                "Blurry1_1.png … Blurry4_12.png, with GroundTruth1_1.mat … or "
                "Image1/Kernel1/GroundTruth1_1_1.png …, or one sharp/1.png … per picture"
            ),
            expected=Expected(counts=(48,), size=(800, 800)),
        ),
        protocol="koehler",
        read=_find,
    ),
)
