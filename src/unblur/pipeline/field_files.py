"""Motion fields in files: exported, edited, given back to the restoration.

An ``.npz`` archive with

* ``psfs``: (rows, columns, side, side), odd side, each >= 0 and of sum 1 (other sums are scaled);
* ``centres_y``, ``centres_x``: rising middles of the windows, photo px;
* ``shape``: (H, W) of the photo;
* ``scale``: photo px per px of ``psfs``, 1 if missing;
* ``confidence``, ``blur_probability``: (rows, columns) in [0, 1], 1 if missing;
* ``noise``: (rows, columns), linear light, measured if missing.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unblur.arrays import read_npz
from unblur.blur.psf import Psf
from unblur.blur.psf_files import load_psf
from unblur.errors import BadPsf, BadValue
from unblur.motion.field import MotionField
from unblur.motion.psf_estimate import PsfEstimate

Arrays = dict[str, NDArray[Any]]

_LARGEST_SCALE = 64


def load_motion(path: Path) -> Psf | MotionField:
    """Read one PSF, or a field of them.

    Args:
        path: anything that :func:`unblur.blur.psf_files.load_psf` takes, a motion field as
            :func:`field_bytes` writes it, or the true PSF of a pair of ``unblur synth``.

    Raises:
        BadPsf: the file cannot be read, or does not hold what it should.
    """
    if path.suffix.lower() != ".npz":
        return load_psf(path)
    try:
        arrays = read_npz(path)
    except BadValue as error:
        raise BadPsf(f"cannot read a motion field from {path}: {error}; export it again") from error
    if "psfs" not in arrays:
        return load_psf(path)
    try:
        return _field(arrays)
    except (BadPsf, TypeError, ValueError, OverflowError) as error:
        raise BadPsf(f"{path}: {error}") from error


def field_arrays(field: MotionField) -> Arrays:
    """Return a motion field as plain arrays, see the module; and lengths and angles besides."""
    side = max(max(w.psf.shape) for row in field.windows for w in row)

    def plane(name: str) -> NDArray[Any]:
        return np.array([[getattr(w, name) for w in row] for row in field.windows], np.float32)

    def measured(name: str, factor: float) -> NDArray[Any]:
        values = [[getattr(w.psf, name)() * factor for w in row] for row in field.windows]
        return np.array(values, np.float32)

    return {
        "psfs": np.stack([np.stack([w.psf.embedded(side) for w in r]) for r in field.windows]),
        "centres_y": np.array(field.centres_y),
        "centres_x": np.array(field.centres_x),
        "shape": np.array(field.shape),
        "scale": np.array(field.scale),
        "confidence": plane("confidence"),
        "blur_probability": plane("blur_probability"),
        "noise": plane("noise"),
        "length_px": measured("length_px", field.scale),
        "angle_deg": measured("angle_deg", 1),
    }


def field_bytes(field: MotionField) -> bytes:
    """Return a motion field as the bytes of an ``.npz`` archive that :func:`load_motion` reads."""
    arrays: dict[str, Any] = field_arrays(field)
    with io.BytesIO() as stream:
        np.savez_compressed(stream, **arrays)
        return stream.getvalue()


def _field(arrays: Arrays) -> Psf | MotionField:
    psfs = arrays["psfs"]
    if psfs.ndim != 4 or not psfs.size:
        raise BadPsf(f"'psfs' must be (rows, columns, side, side), got {psfs.shape}")
    missing = [name for name in ("centres_y", "centres_x", "shape") if name not in arrays]
    if missing and psfs.shape[:2] == (1, 1):
        return Psf(psfs[0, 0]).cropped()
    if missing:
        raise BadPsf(f"a field of {psfs.shape[:2]} PSFs also needs {', '.join(missing)}")
    centres_y, centres_x = _centres(arrays, "y", len(psfs)), _centres(arrays, "x", psfs.shape[1])
    height, width = (int(side) for side in arrays["shape"].reshape(2))
    scale = int(arrays.get("scale", np.array(1)).reshape(()))
    if not 1 <= scale <= _LARGEST_SCALE:
        raise BadPsf(f"'scale' must be between 1 and {_LARGEST_SCALE}, got {scale}")
    confidence, probability = (
        np.clip(_plane(arrays, name, psfs.shape[:2], 1.0), 0, 1)
        for name in ("confidence", "blur_probability")
    )
    noise = _plane(arrays, "noise", psfs.shape[:2], np.nan)
    rows = tuple(
        tuple(
            _estimate(psfs[i, j], confidence[i, j], probability[i, j], noise[i, j])
            for j in range(psfs.shape[1])
        )
        for i in range(psfs.shape[0])
    )
    # Not what the file says: it may have been edited.
    uniform = bool((psfs == psfs[:1, :1]).all())
    return MotionField((height, width), scale, centres_y, centres_x, rows, uniform)


def _centres(arrays: Arrays, axis: str, count: int) -> tuple[float, ...]:
    centres = np.asarray(arrays[f"centres_{axis}"], np.float64)
    if centres.shape != (count,) or not (np.diff(centres) > 0).all():
        raise BadPsf(f"'centres_{axis}' must be {count} rising numbers, got {centres.tolist()}")
    return tuple(float(c) for c in centres)


def _plane(arrays: Arrays, name: str, shape: tuple[int, ...], missing: float) -> NDArray[Any]:
    plane = np.asarray(arrays.get(name, np.full(shape, missing)), np.float64)
    if plane.shape != shape:
        raise BadPsf(f"'{name}' must be {shape} as the PSFs are, got {plane.shape}")
    return plane


def _estimate(
    array: NDArray[Any], confidence: float, probability: float, noise: float
) -> PsfEstimate:
    psf = Psf(array).cropped()
    return PsfEstimate(
        psf=psf,
        confidence=float(confidence),
        blur_probability=float(probability),
        noise=float(noise),
        detail=0.0,
    )
