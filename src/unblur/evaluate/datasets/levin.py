"""Levin's 32 grey photos with measured PSFs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unblur.blur.formation import apply_psf
from unblur.blur.psf import Psf
from unblur.errors import BadPsf, UnreadableImage
from unblur.evaluate.cases import Case
from unblur.evaluate.datasets.base import About, Expected, Found, Reader
from unblur.evaluate.light import LINEAR
from unblur.evaluate.matlab import MatPicture, read_variable, shapes

_FILE = re.compile(r"im0?(\d+)_(?:flit|filt|ker)0?(\d+)\.mat", re.IGNORECASE)


@dataclass(frozen=True)
class LevinPsf:
    """The PSF beside a photo, turned so that it blurs by true convolution.

    Attributes:
        path: file with ``x`` (sharp), ``y`` (blurry) and ``f`` (PSF). ``f`` goes round in both
            orientations, so the one that explains ``y`` better is taken.
    """

    path: Path

    def read(self) -> Psf:
        """Return the PSF, its centroid in the middle.

        Raises:
            BadPsf: ``f`` is no PSF.
        """
        array = np.asarray(read_variable(self.path, "f"), dtype=np.float32)
        if array.ndim != 2 or array.min() < 0 or array.sum() <= 0:
            raise BadPsf(f"{self.path}: 'f' must be a PSF, got {array.shape}")
        odd = np.pad(array, [(0, 1 - side % 2) for side in array.shape])
        sharp = MatPicture(self.path, "x").read()
        blurry = MatPicture(self.path, "y").read()
        turned = [Psf(odd).centred(), Psf(odd[::-1, ::-1]).centred()]
        return min(turned, key=lambda psf: _unexplained(psf, sharp, blurry))


def _unexplained(psf: Psf, sharp: NDArray[np.float32], blurry: NDArray[np.float32]) -> float:
    """Return the energy of what the PSF leaves unexplained at the best shift of up to 3 px."""
    again = apply_psf(sharp, psf)
    edge = max(psf.shape) // 2 + 3
    inside = blurry[edge:-edge, edge:-edge]
    height, width = inside.shape[:2]
    return min(
        float(np.square(again[y : y + height, x : x + width] - inside).sum())
        for y in range(edge - 3, edge + 4)
        for x in range(edge - 3, edge + 4)
    )


def _find(folder: Path) -> Found | None:
    cases = []
    for path in sorted({*folder.glob("*.mat"), *folder.glob("*/*.mat")}):
        hit = _FILE.fullmatch(path.name)
        if hit is None:
            continue
        missing = {"x", "y", "f"} - set(shapes(path))
        if missing:
            raise UnreadableImage(f"{path} must hold x, y and f; {', '.join(sorted(missing))} not")
        name = f"im{int(hit[1]):02}_{int(hit[2]):02}"
        cases.append(
            Case(
                name=name,
                blurry=MatPicture(path, "y"),
                sharp=(MatPicture(path, "x"),),
                truth=LevinPsf(path),
                facts={"picture": int(hit[1]), "trajectory": int(hit[2]), "light": LINEAR},
            )
        )
    return Found(tuple(cases)) if cases else None


READERS = (
    Reader(
        name="levin",
        about=About(
            title="Levin 2009",
            paper=(
                "Levin, Weiss, Durand, Freeman, Understanding and evaluating blind deconvolution "
                "algorithms, CVPR 2009, doi:10.1109/CVPR.2009.5206815"
            ),
            home="https://webee.technion.ac.il/people/anat.levin/",
            licence="not stated",
            layout="im05_flit01.mat … im08_flit08.mat with the variables x, y, f",
            expected=Expected(counts=(32,), size=(255, 255), sharp_count=(1, 1)),
        ),
        protocol="levin",
        read=_find,
    ),
)
