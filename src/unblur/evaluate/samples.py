"""One blurry photo with its truth on disk, and photos in the form that is scored."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unblur.blur.psf import Psf
from unblur.color import FloatArray, as_rgb, quantise, to_float
from unblur.errors import BadPsf
from unblur.io import read_photo

Samples = NDArray[Any]

VARYING = ("moving_object", "rotation")
"""Kinds of blur that no single PSF tells."""


@dataclass(frozen=True)
class PairFile:
    """One pair on disk.

    Attributes:
        name: of both files, without extension.
        blurry, sharp: the files.
        psf: file of the true PSFs, or None.
        facts: row of the manifest, or empty.
    """

    name: str
    blurry: Path
    sharp: Path
    psf: Path | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    def true_psf(self) -> Psf | None:
        """Return the true PSF where it is known and the same all over the photo.

        Raises:
            BadPsf: its file is damaged.
        """
        if self.psf is None or self.facts.get("kind") in VARYING:
            return None
        psfs, kind = _read_psfs(self.psf)
        return None if kind in VARYING or psfs.shape[:2] != (1, 1) else Psf(psfs[0, 0]).cropped()


def read_rgb8(path: Path) -> Samples:
    """Return a photo as (H, W, 3) uint8 sRGB, the form that is scored.

    Raises:
        UnreadableImage: missing, damaged or no photo.
    """
    samples = read_photo(path).samples
    if samples.dtype != np.uint8:
        samples = quantise(to_float(samples), np.dtype(np.uint8))
    return as_rgb(samples)


def _read_psfs(path: Path) -> tuple[FloatArray, str]:
    """Return the PSFs (rows, columns, side, side) of a file, and the kind of blur if told."""
    try:
        # Opened here: np.load leaves a file that it cannot read open.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            psfs = np.asarray(stored["psfs"], dtype=np.float32)
            kind = str(stored["kind"]) if "kind" in stored.files else ""
    except (
        OSError,
        ValueError,
        KeyError,
        EOFError,
        TypeError,
        AttributeError,  # an array without a name, where Python is older than 3.11
        zipfile.BadZipFile,
    ) as error:
        raise BadPsf(f"cannot read the true PSFs from {path}: {error}; delete it") from error
    if psfs.ndim != 4 or not psfs.size:
        raise BadPsf(f"{path}: 'psfs' must be (rows, columns, side, side), got {psfs.shape}")
    return psfs, kind
