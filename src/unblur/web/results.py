"""Results to take home: the strength applied, in the photo's own format, alone or in a ZIP.

For worker processes: the server itself reads and writes no picture.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unblur.color import quantise, to_float
from unblur.io import read_photo, write_photo
from unblur.io.encode import format_of, written_format
from unblur.web.names import distinct, result_name
from unblur.web.orders import Rendering, Wanted

_BAND_ROWS = 256


def blend(blurry: NDArray[Any], restored: NDArray[Any], strength: float) -> NDArray[Any]:
    """Return samples between two of the same photo: ``blurry + strength * (restored - blurry)``.

    Args:
        blurry, restored: (H, W, C) of one dtype, as stored: mixed in the photo's own encoding,
            whichever that is, as ``unblur.restore`` does with its ``strength``.
        strength: 0 to 1; both ends give the very samples of that side.

    Returns:
        New samples, rounded once. A browser that lays ``restored`` with this opacity over
        ``blurry`` computes the same.
    """
    if strength <= 0:
        return blurry
    if strength >= 1:
        return np.asarray(restored)
    out = np.empty_like(blurry)
    for y in range(0, len(blurry), _BAND_ROWS):
        low, high = (to_float(part[y : y + _BAND_ROWS]) for part in (blurry, restored))
        out[y : y + _BAND_ROWS] = quantise(low + np.float32(strength) * (high - low), out.dtype)
    return out


def write(order: Rendering) -> str:
    """Write a result into its file and return its name.

    Raises:
        UnsupportedImage: the format cannot be written.
    """
    data, name = _render(order.wanted)
    if not order.packed:
        order.target.write_bytes(data)
        return name
    name = distinct([*order.taken, name])[-1]
    # Photos are packed already.
    with zipfile.ZipFile(order.target, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr(name, data)
    return name


def _render(wanted: Wanted) -> tuple[bytes, str]:
    """Return a result's bytes and its name.

    Where nothing is changed, and neither another format nor fewer metadata are asked for, the
    bytes are those of the upload.

    Raises:
        UnsupportedImage: the format cannot be written.
    """
    if wanted.clip:
        name = f"{PurePosixPath(wanted.name).stem}.unblurred{wanted.clip}"
        return (wanted.folder / f"result{wanted.clip}").read_bytes(), name
    data = wanted.source.read_bytes()
    photo = read_photo(data)
    kind = format_of(wanted.suffix) if wanted.suffix else written_format(photo)
    name = result_name(wanted.name, kind)
    touched = wanted.changed and wanted.strength > 0
    if not touched and kind == photo.encoding.format and not wanted.strip_location:
        return data, name
    if touched:
        restored = np.load(wanted.folder / "restored.npy", mmap_mode="r", allow_pickle=False)
        photo = photo.with_samples(blend(photo.samples, restored, wanted.strength))
    stream = io.BytesIO()
    extension = PurePosixPath(name).suffix.removeprefix(".")
    write_photo(photo, stream, format=extension, strip_location=wanted.strip_location)
    return stream.getvalue(), name
