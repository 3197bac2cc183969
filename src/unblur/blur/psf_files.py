"""PSFs in files: drawn by hand as a picture, or exported as numbers."""

from __future__ import annotations

import io
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unblur.blur.psf import Psf
from unblur.errors import BadPsf

_READABLE = ".png, .tif, .bmp (a picture, black where the camera never was), .npy, .npz, .txt, .csv"


_UNREADABLE = (
    OSError,
    ValueError,
    SyntaxError,
    KeyError,
    EOFError,
    zipfile.BadZipFile,
    Image.DecompressionBombError,
)


def load_psf(path: Path) -> Psf:
    """Read a PSF.

    Args:
        path: a picture (its brightness is the time spent at each place), a ``.npy`` array, a
            ``.npz`` with the array ``psf``, or a text table.

    Raises:
        BadPsf: the file cannot be read, has even sides, or holds no PSF.
    """
    try:
        array = _read(path)
    except BadPsf:
        raise
    except _UNREADABLE as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadPsf(f"cannot read a PSF from {path}: {reason}; give one of {_READABLE}") from error
    try:
        return Psf(array)
    except BadPsf as error:
        raise BadPsf(f"{path}: {error}") from error


def save_psf(psf: Psf, path: Path) -> None:
    """Write a PSF as the picture that :func:`psf_png` returns."""
    path.write_bytes(psf_png(psf))


def psf_png(psf: Psf) -> bytes:
    """Return a PSF as a 16-bit grey PNG, its largest value white, that :func:`load_psf` reads."""
    scaled = psf.array / psf.array.max() * 65535
    with io.BytesIO() as stream:
        Image.fromarray(np.round(scaled).astype(np.uint16)).save(stream, "PNG")
        return stream.getvalue()


def _read(path: Path) -> NDArray[Any]:
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return np.asarray(np.load(path, allow_pickle=False))
    if suffix == ".npz":
        # Opened here: NumPy leaves the file open when the archive is damaged.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            if "psf" not in stored.files:
                raise BadPsf(f"{path} holds no array 'psf', but {', '.join(stored.files)}")
            return np.asarray(stored["psf"])
    if suffix in (".txt", ".csv"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an empty table is our error, below, not a warning
            return np.loadtxt(path, delimiter="," if suffix == ".csv" else None, ndmin=2)
    with Image.open(path) as image:
        deep = image.mode.startswith("I") or image.mode == "F"
        return np.asarray(image if deep else image.convert("L"), dtype=np.float64)
