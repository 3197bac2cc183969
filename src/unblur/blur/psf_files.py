"""PSFs in files: drawn by hand as a picture, or exported as numbers."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unblur.arrays import read_npy, read_npz, read_table
from unblur.blur.psf import Psf
from unblur.errors import BadPsf, BadValue, UnreadableImage
from unblur.opening import PSF_FORMATS, opened

MAX_SIDE_PX = 2047
"""Longest side of a PSF in a file: ten times the longest motion that is estimated."""

_READABLE = ".png, .tif, .bmp (a picture, black where the camera never was), .npy, .npz, .txt, .csv"


def load_psf(path: Path, *, max_side_px: int = MAX_SIDE_PX) -> Psf:
    """Read a PSF.

    Args:
        path: a picture (its brightness is the time spent at each place), a ``.npy`` array, a
            ``.npz`` with the array ``psf``, or a text table.
        max_side_px: larger ones are refused before they are decoded.

    Raises:
        BadPsf: the file cannot be read, is too large, has even sides, or holds no PSF.
    """
    array = load_psf_array(path, max_side_px=max_side_px)
    try:
        return Psf(array)
    except BadPsf as error:
        raise BadPsf(f"{path}: {error}") from error


def load_psf_array(path: Path, *, max_side_px: int = MAX_SIDE_PX) -> NDArray[Any]:
    """Read what is said to be a PSF as it is, (kH, kW), of any sides up to ``max_side_px``.

    Raises:
        BadPsf: the file cannot be read, or is too large.
    """
    try:
        array = _read(path, max_side_px)
    except BadPsf:
        raise
    except (BadValue, UnreadableImage) as error:
        raise BadPsf(f"cannot read a PSF from {path}: {error}; give one of {_READABLE}") from error
    _check_sides(array.shape, path, max_side_px)
    return array


def save_psf(psf: Psf, path: Path) -> None:
    """Write a PSF as the picture that :func:`psf_png` returns."""
    path.write_bytes(psf_png(psf))


def psf_png(psf: Psf) -> bytes:
    """Return a PSF as a 16-bit grey PNG, its largest value white, that :func:`load_psf` reads."""
    scaled = psf.array / psf.array.max() * 65535
    with io.BytesIO() as stream:
        Image.fromarray(np.round(scaled).astype(np.uint16)).save(stream, "PNG")
        return stream.getvalue()


def _read(path: Path, max_side_px: int) -> NDArray[Any]:
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return read_npy(path, max_values=max_side_px**2)
    if suffix == ".npz":
        stored = read_npz(path)
        if "psf" not in stored:
            raise BadPsf(f"{path} holds no array 'psf', but {', '.join(stored) or 'nothing'}")
        return stored["psf"]
    if suffix in (".txt", ".csv"):
        return read_table(path, delimiter="," if suffix == ".csv" else None)
    with opened(path, PSF_FORMATS) as image:
        _check_sides(image.size[::-1], path, max_side_px)
        deep = image.mode.startswith("I") or image.mode == "F"
        return np.asarray(image if deep else image.convert("L"), dtype=np.float64)


def _check_sides(shape: tuple[int, ...], path: Path, max_side_px: int) -> None:
    if max(shape, default=0) > max_side_px:
        raise BadPsf(
            f"the PSF {path} has sides of {shape} px, at most {max_side_px} are read; crop it"
        )
