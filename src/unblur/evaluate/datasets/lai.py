"""Lai's study: synthetic uniform and varying blur, and real photos without truth."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from unblur.blur.psf import Psf
from unblur.blur.psf_files import load_psf, load_psf_array
from unblur.errors import BadPsf, UnreadableImage
from unblur.evaluate.cases import Case, paired
from unblur.evaluate.datasets.base import About, Expected, Found, Reader
from unblur.evaluate.light import LINEAR
from unblur.evaluate.matching import photos_by_name
from unblur.evaluate.samples import Photo8

_NAME = re.compile(r"([a-z]+_\d+)_(kernel|gyro)_(\d+)")
_PAPER = (
    "Lai, Huang, Hu, Ahuja, Yang, A comparative study for single image blind deblurring, CVPR 2016"
)
_HOME = "https://github.com/phoenix104104/cvpr16_deblur_study"


@dataclass(frozen=True)
class PsfPicture:
    """A PSF in a picture of its own, of any sides."""

    path: Path

    def read(self) -> Psf:
        """Return the PSF, its centroid in the middle.

        Raises:
            BadPsf: the picture is no PSF.
        """
        try:
            return load_psf(self.path).centred()
        except BadPsf:
            array = load_psf_array(self.path)
            if array.ndim != 2 or not array.any():
                raise
            return Psf(np.pad(array, [(0, 1 - side % 2) for side in array.shape])).centred()


def _find(folder: Path, *, part: str) -> Found | None:
    blurry = next((at for at in (folder / part, folder / f"synthetic_{part}") if at.is_dir()), None)
    truth = folder / "ground_truth"
    if blurry is None or not truth.is_dir():
        return None
    sharp = photos_by_name(truth)
    kernels = _kernels(folder)
    cases = []
    for name, path in photos_by_name(blurry).items():
        hit = _NAME.fullmatch(name)
        if hit is None:
            continue
        if hit[1] not in sharp:
            raise UnreadableImage(f"{truth} has no '{hit[1]}', the sharp picture of {path}")
        psf = kernels.get(f"kernel_{hit[3]}") if hit[2] == "kernel" else None
        cases.append(
            paired(
                name,
                path,
                sharp[hit[1]],
                truth=None if psf is None else PsfPicture(psf),
                facts={"kind": hit[1].split("_")[0], "light": LINEAR},
            )
        )
    return Found(tuple(cases)) if cases else None


def _kernels(folder: Path) -> dict[str, Path]:
    for name in ("kernel", "kernels"):
        if (folder / name).is_dir():
            return photos_by_name(folder / name)
    return {}


def _find_real(folder: Path) -> Found | None:
    root = folder / "real"
    if not root.is_dir() or not (folder / "ground_truth").is_dir():
        return None
    cases = [Case(name, Photo8(path)) for name, path in photos_by_name(root).items()]
    return Found(tuple(cases))


def _synthetic(part: str, name: str, what: str, mark: str) -> Reader:
    return Reader(
        name=name,
        about=About(
            title=f"Lai 2016, {what}",
            paper=_PAPER,
            home=_HOME,
            licence="not stated",
            layout=f"{part}/manmade_01_{mark}.png … and ground_truth/manmade_01.png …",
            expected=Expected(counts=(100,), sharp_count=(1, 1)),
        ),
        protocol="lai",
        read=partial(_find, part=part),
    )


READERS = (
    _synthetic("uniform", "lai-uniform", "one PSF", "kernel_01"),
    _synthetic("nonuniform", "lai-nonuniform", "varying PSF", "gyro_07"),
    Reader(
        name="lai-real",
        about=About(
            title="Lai 2016, real photos",
            paper=_PAPER,
            home=_HOME,
            licence="not stated",
            layout="real/*.jpg beside ground_truth/",
            expected=Expected(counts=(100,), sharp_count=(0, 0)),
        ),
        protocol="unpaired",
        read=_find_real,
    ),
)
