"""What a data set is, and what a right copy of one looks like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from unblur.evaluate.cases import Case
from unblur.evaluate.samples import as_uint8
from unblur.psnr import psnr_db

PSNR_TOLERANCE_DB = 0.05
"""How far the mean PSNR of the blurry photos may lie from the published figure."""


@dataclass(frozen=True)
class Expected:
    """What a right copy looks like; what is not known is None or empty.

    Attributes:
        counts: numbers of photos that are right: of the test part, of single parts.
        size: (height, width) of every photo, either way round.
        sharp_count: (least, most) sharp pictures of each photo.
        blurry_psnr_db: published mean PSNR of the blurry photos of the test part.
    """

    counts: tuple[int, ...] = ()
    size: tuple[int, int] | None = None
    sharp_count: tuple[int, int] | None = None
    blurry_psnr_db: float | None = None


@dataclass(frozen=True)
class About:
    """Where a data set comes from.

    Attributes:
        title: its usual name.
        paper: authors, title, venue, year.
        home: where its authors publish it.
        licence: under which terms; "not stated" where its authors state none.
        layout: the folders that are understood, in one line.
        expected: what a right copy looks like.
    """

    title: str
    paper: str
    home: str
    licence: str
    layout: str
    expected: Expected = Expected()


@dataclass(frozen=True)
class DataSet:
    """A data set on disk.

    Attributes:
        name: the word by which it is asked for.
        cases: its photos, sorted by name.
        protocol: name of the protocol by which it is scored where none is asked for.
        about: where it comes from.
        notes: what is unusual about this copy, as references that are missing.
    """

    name: str
    cases: tuple[Case, ...]
    protocol: str
    about: About
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found:
    """What a reader found in a folder.

    Attributes:
        cases: the photos, in any order.
        notes: what is unusual about this copy.
        protocol: by which this copy must be scored, if not as the set usually is.
    """

    cases: tuple[Case, ...]
    notes: tuple[str, ...] = ()
    protocol: str = ""


@dataclass(frozen=True)
class Reader:
    """How one kind of data set is found in a folder.

    Attributes:
        name: the word by which it is asked for.
        about: where it comes from.
        protocol: by which it is scored.
        read: folder -> what was found; None if the folder has another layout. A layout that is
            right but damaged raises UnreadableImage or BadValue.
        flat: whether copies as two folders of equal names (input/ + target/) go round, which are
            understood if the set is asked for by name.
    """

    name: str
    about: About
    protocol: str
    read: Callable[[Path], Found | None]
    flat: bool = False


def blurry_psnr_db(case: Case) -> float:
    """Return the PSNR of the blurry photo against its one sharp picture, 8 bits, no crop."""
    return psnr_db(as_uint8(case.blurry.read()), as_uint8(case.read_sharp()), data_range=255)
