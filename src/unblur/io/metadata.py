"""EXIF and XMP: orientation applied once, places and thumbnails removed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from unblur.io.photo import Metadata, Samples

ORIENTATION, EXIF_IFD, GPS_IFD, MAKER_NOTE = 0x0112, 0x8769, 0x8825, 0x927C
_XMP_ORIENTATION = re.compile(rb"(tiff:Orientation(?:=\"|>))[2-8]")
_XMP_PLACE = re.compile(
    rb"\s(?:exif:GPS\w*|photoshop:(?:City|State|Country)|Iptc4xmpCore:(?:Location|CountryCode))"
    rb"=\"[^\"]*\"|<((?:exif:GPS\w*|photoshop:(?:City|State|Country)|Iptc4xmpCore:(?:Location|"
    rb"CountryCode)|Iptc4xmpExt:Location\w*))\b[^>]*?(?:/>|>.*?</\1>)",
    re.DOTALL,
)


def read_metadata(image: Image.Image) -> tuple[Metadata, int]:
    """Return an opened image's metadata and its EXIF orientation (1 to 8)."""
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
    return exif_metadata(image.getexif, image.info.get("icc_profile"), xmp)


def exif_metadata(
    exif: Image.Exif | Callable[[], Image.Exif], profile: Any, xmp: Any
) -> tuple[Metadata, int]:
    """Return metadata, and the orientation that EXIF asks for, from their raw forms."""
    packet = _bytes(xmp)
    packet = _XMP_ORIENTATION.sub(rb"\g<1>1", packet) if packet else None
    try:
        tags = exif() if callable(exif) else exif
        orientation = int(tags.get(ORIENTATION, 1))
        data = _serialised(tags)
    except Exception:  # damaged EXIF must not cost the photo; Pillow raises many kinds
        data, orientation = None, 1
    if orientation not in range(1, 9):
        orientation = 1
    return Metadata(data, _bytes(profile), packet), orientation


def oriented(array: Samples, orientation: int) -> Samples:
    """Return an (H, W, ...) array turned as its EXIF orientation asks."""
    if orientation in (5, 6, 7, 8):
        array = array.swapaxes(0, 1)
    flip_rows = orientation in (3, 4, 7, 8)
    flip_columns = orientation in (2, 3, 6, 7)
    if flip_rows:
        array = array[::-1]
    if flip_columns:
        array = array[:, ::-1]
    return np.ascontiguousarray(array)


def without_location(metadata: Metadata) -> Metadata:
    """Return the metadata without GPS data, in EXIF and XMP, and without the maker's notes."""
    exif = metadata.exif
    if exif is not None:
        parsed = Image.Exif()
        parsed.load(exif)
        if GPS_IFD in parsed:
            del parsed[GPS_IFD]
        parsed.get_ifd(EXIF_IFD).pop(MAKER_NOTE, None)
        exif = _serialised(parsed)
    xmp = metadata.xmp
    if xmp is not None:
        xmp = _XMP_PLACE.sub(b"", xmp)
    return Metadata(exif, metadata.icc_profile, xmp)


def _serialised(original: Image.Exif) -> bytes | None:
    """EXIF as bytes, upright and without the thumbnail, which would show the blurry photo."""
    if not len(original):
        return None
    exif = Image.Exif()  # a copy: Pillow still needs the tags that are removed here
    exif.load(original.tobytes())
    if ORIENTATION in exif:
        exif[ORIENTATION] = 1
    for tag in _IMAGE_TAGS:
        if tag in exif:
            del exif[tag]
    data: bytes = exif.tobytes()
    return data


_IMAGE_TAGS = (
    *(254, 255, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 317, 320, 322, 323, 324),
    *(325, 330, 338, 339, 347, 513, 514, 700, 34377, 34675),
)
"""Tags that describe how a TIFF stores its pixels, or what is kept apart (XMP, ICC)."""


def _bytes(value: Any) -> bytes | None:
    if isinstance(value, str):
        return value.encode("utf-8")
    if isinstance(value, tuple) and value and isinstance(value[0], bytes):
        value = value[0]
    return bytes(value) if isinstance(value, bytes | bytearray) and len(value) else None
