"""One blurry photo and all that is known of it: what a method is given, and judged by."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from unblur.arrays import read_npz
from unblur.blur.psf import Psf
from unblur.color import FloatArray
from unblur.errors import BadPsf, BadValue
from unblur.evaluate.samples import Photo8, Picture, Samples

VARYING = ("moving_object", "rotation")
"""Kinds of blur that no single PSF tells."""


class Truth(Protocol):
    """A true PSF that is not in memory yet."""

    def read(self) -> Psf | None:
        """Return the PSF, or None if it is not the same all over the photo.

        Raises:
            BadPsf: its file is damaged.
        """


@dataclass(frozen=True, eq=False)
class Case:
    """One blurry photo with its truth; equal to itself only.

    Attributes:
        name: unique within its set; a relative path without extension.
        blurry: the photo to be restored.
        sharp: what it may be compared with: one picture, or the many frames of a recorded
            motion, or none for real photos.
        truth: of the PSF, or None.
        facts: what else is known, as ``length_px``, ``kind``, ``clip`` and ``frame`` (of
            videos), or empty.
    """

    name: str
    blurry: Picture
    sharp: tuple[Picture, ...] = ()
    truth: Truth | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    def read_sharp(self) -> Samples:
        """Return the only sharp picture.

        Raises:
            BadValue: there is none, or there are several.
        """
        if len(self.sharp) != 1:
            raise BadValue(
                f"{self.name} has {len(self.sharp)} sharp pictures, one was expected; "
                "score it by the protocol of its data set"
            )
        return self.sharp[0].read()

    def true_psf(self) -> Psf | None:
        """Return the true PSF where it is known and the same all over the photo.

        Raises:
            BadPsf: its file is damaged.
        """
        if self.truth is None or self.facts.get("kind") in VARYING:
            return None
        return self.truth.read()


def paired(
    name: str,
    blurry: Path,
    sharp: Path,
    *,
    truth: Truth | None = None,
    facts: dict[str, Any] | None = None,
) -> Case:
    """Return the case of two photos, each in a file of its own; see :class:`Case`."""
    return Case(name, Photo8(blurry), (Photo8(sharp),), truth=truth, facts=facts or {})


@dataclass(frozen=True)
class PsfGridFile:
    """True PSFs as ``unblur synth`` writes them.

    Attributes:
        path: ``.npz`` with ``psfs`` (rows, columns, side, side) and ``kind``.
    """

    path: Path

    def read(self) -> Psf | None:
        """Return the PSF; see :class:`Truth`."""
        psfs, kind = _read_psfs(self.path)
        return None if kind in VARYING or psfs.shape[:2] != (1, 1) else Psf(psfs[0, 0]).cropped()


def _read_psfs(path: Path) -> tuple[FloatArray, str]:
    """Return the PSFs (rows, columns, side, side) of a file, and the kind of blur if told."""
    try:
        stored = read_npz(path)
        psfs = np.asarray(stored["psfs"], dtype=np.float32)
    except (BadValue, KeyError, ValueError) as error:
        raise BadPsf(f"cannot read the true PSFs from {path}: {error}; delete it") from error
    kind = str(stored["kind"]) if "kind" in stored else ""
    if psfs.ndim != 4 or not psfs.size:
        raise BadPsf(f"{path}: 'psfs' must be (rows, columns, side, side), got {psfs.shape}")
    return psfs, kind
