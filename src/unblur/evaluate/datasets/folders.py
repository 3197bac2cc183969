"""Two folders of equal names, and the sets that ``unblur synth`` makes."""

from __future__ import annotations

from pathlib import Path

from unblur.evaluate.cases import Case
from unblur.evaluate.datasets.base import About, Expected, Found, Reader
from unblur.evaluate.matching import photos_by_name, sides_of
from unblur.evaluate.pairs import read_pairs
from unblur.evaluate.samples import Photo8

_LAYOUT = "blurry/NAME and sharp/NAME (or blur + sharp, blurred + sharp, input + target, lq + gt)"


def find_pairs(folder: Path) -> Found | None:
    """Return the pairs of two folders of usual names; None if there are no such folders."""
    if not all(side.is_dir() for side in sides_of(folder)):
        return None
    return Found(tuple(read_pairs(folder)))


def _find_synth(folder: Path) -> Found | None:
    if not ((folder / "manifest.jsonl").is_file() and (folder / "recipe.json").is_file()):
        return None
    return find_pairs(folder)


def _find_photos(folder: Path) -> Found | None:
    photos = photos_by_name(folder)
    if not photos:
        return None
    return Found(tuple(Case(name, Photo8(path)) for name, path in photos.items()))


PAIRS = Reader(
    name="pairs",
    about=About(
        title="pairs of folders",
        paper="",
        home="your own",
        licence="your own",
        layout=_LAYOUT,
    ),
    protocol="plain",
    read=find_pairs,
)

SYNTH = Reader(
    name="synth",
    about=About(
        title="synthetic pairs",
        paper="",
        home="unblur synth; recipe.json and manifest.jsonl say how each was made",
        licence="that of the sharp photos",
        layout="blurry/, sharp/, psf/, manifest.jsonl, recipe.json",
        expected=Expected(sharp_count=(1, 1)),
    ),
    protocol="plain",
    read=_find_synth,
)

PHOTOS = Reader(
    name="photos",
    about=About(
        title="photos without truth",
        paper="",
        home="your own",
        licence="your own",
        layout="a folder of blurry photos; only where it is asked for by name",
    ),
    protocol="unpaired",
    read=_find_photos,
)
