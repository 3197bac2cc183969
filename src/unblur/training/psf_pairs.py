"""True PSFs and what was estimated of photos that they blurred, stored for reuse.

Estimating a motion takes seconds, blurring a photo and making its bank a tenth of one. What an
estimate gets wrong of one photo it may get wrong of any that moved alike, so a few hundred pairs,
turned and mirrored, serve many thousand samples.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from unblur.blur.psf import Psf
from unblur.color import FloatArray
from unblur.errors import BadValue, CannotWrite

SIDE = 127
"""Side of the maps that PSFs are stored in; longer ones are cut."""

NONE = -1.0
"""Confidence of a candidate that was not asked for."""


@dataclass(frozen=True, eq=False)
class PsfPair:
    """One motion and what was estimated of it.

    Attributes:
        true: the PSF that blurred the photo.
        candidates: estimated PSFs by name, each with its confidence.
    """

    true: Psf
    candidates: dict[str, tuple[Psf, float]]

    def turned(self, quarters: int, *, mirror: bool) -> PsfPair:
        """Return the pair of the turned, or turned and mirrored, photo."""
        return PsfPair(
            _turned(self.true, quarters, mirror),
            {k: (_turned(p, quarters, mirror), c) for k, (p, c) in self.candidates.items()},
        )


def _turned(psf: Psf, quarters: int, mirror: bool) -> Psf:
    array = np.rot90(psf.array, quarters)
    return Psf(np.ascontiguousarray(array[:, ::-1] if mirror else array))


def write_pairs(path: Path, pairs: Iterable[PsfPair]) -> None:
    """Store pairs in one file.

    Raises:
        CannotWrite: the file cannot be written.
    """
    listed = list(pairs)
    names = sorted({name for pair in listed for name in pair.candidates})
    arrays: dict[str, FloatArray] = {"true": np.stack([p.true.embedded(SIDE) for p in listed])}
    for name in names:
        found = [pair.candidates.get(name, (Psf.delta(), NONE)) for pair in listed]
        arrays[f"psf_{name}"] = np.stack([psf.embedded(SIDE) for psf, _ in found])
        arrays[f"confidence_{name}"] = np.array([c for _, c in found], np.float32)
    try:
        with path.open("wb") as stream:
            np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
    except OSError as error:
        raise CannotWrite(f"cannot write {path}: {error}") from error


def read_pairs(path: Path) -> list[PsfPair]:
    """Read the pairs of a file.

    Raises:
        BadValue: missing, or not such a file.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {key: stored[key] for key in stored.files}
        names = [key.removeprefix("psf_") for key in arrays if key.startswith("psf_")]
        pairs = []
        for index, true in enumerate(arrays["true"]):
            known = {n: float(arrays[f"confidence_{n}"][index]) for n in names}
            candidates = {
                n: (Psf(arrays[f"psf_{n}"][index]).cropped(), c) for n, c in known.items() if c >= 0
            }
            pairs.append(PsfPair(Psf(true).cropped(), candidates))
    except (OSError, ValueError, KeyError, IndexError, EOFError, BadZipFile) as error:
        raise BadValue(
            f"{path} holds no PSF pairs ({error}); make them with benchmarks/psf_pairs.py"
        ) from error
    if not pairs:
        raise BadValue(f"{path} holds no PSF pairs; make some with benchmarks/psf_pairs.py")
    return pairs
