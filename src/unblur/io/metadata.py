"""EXIF and XMP: orientation applied once, places and thumbnails removed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image
from PIL.ExifTags import TAGS

from unblur.io.photo import Metadata, Samples
from unblur.io.places import mentions_place, without_places
from unblur.io.tiff_bounds import is_sound_exif
from unblur.io.xmp_cleaning import cleaned

ORIENTATION, EXIF_IFD, GPS_IFD, MAKER_NOTE, INTEROP = 0x0112, 0x8769, 0x8825, 0x927C, 0xA005
_JPEG_START = b"\xff\xd8\xff"
"""In maker's notes: a preview of the photo as it was."""

_PIXEL_SIZE = (0xA002, 0xA003)
_OPAQUE_TAGS = frozenset(
    {MAKER_NOTE, GPS_IFD, 33723, 34377, 37724, 37890, 37891, 40094, 50341, 59932}
)
"""Containers that could hold a place: maker's notes, GPS, IPTC, Photoshop, prints, padding;
pressure and depth of water; keywords."""

_GEOGRAPHIC_TAGS = frozenset({33550, 33920, 33922, 34264, 34735, 34736, 34737, 42112, 42113})
"""GeoTIFF."""


def read_metadata(image: Image.Image) -> tuple[Metadata, int]:
    """Return an opened image's metadata and its EXIF orientation (1 to 8)."""
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
    block = image.info.get("exif")
    sound = not isinstance(block, bytes) or is_sound_exif(block)
    exif = image.getexif if sound else Image.Exif
    metadata, orientation = exif_metadata(exif, image.info.get("icc_profile"), xmp)
    return replace(metadata, dpi=_resolution(image.info.get("dpi"))), orientation


def exif_metadata(
    exif: Image.Exif | Callable[[], Image.Exif], profile: Any, xmp: Any
) -> tuple[Metadata, int]:
    """Return metadata, and the orientation that EXIF asks for, from their raw forms."""
    packet = cleaned(_bytes(xmp))
    try:
        tags = exif() if callable(exif) else exif
        orientation = int(tags.get(ORIENTATION, 1))
        data = _serialised(_upright(tags))
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
    """Return the metadata without places, in EXIF, IPTC and XMP, and without maker's notes.

    Of EXIF only tags of the standard are kept, for nobody knows what others hold, and no text
    that speaks of a place; XMP is rebuilt (:mod:`unblur.io.places`).
    """
    exif = metadata.exif
    if exif is not None:
        parsed = loaded(exif)
        parsed.get_ifd(GPS_IFD).clear()
        details = parsed.get_ifd(EXIF_IFD)
        for tag in [tag for tag, value in details.items() if _may_tell_place(tag, value)]:
            del details[tag]
        for tag in [tag for tag, value in parsed.items() if _may_tell_place(tag, value)]:
            if tag != EXIF_IFD:
                del parsed[tag]
        exif = _serialised(parsed)
    return replace(metadata, exif=exif, xmp=without_places(metadata.xmp))


def _may_tell_place(tag: int, value: Any) -> bool:
    if tag not in TAGS or tag in _OPAQUE_TAGS or tag in _GEOGRAPHIC_TAGS:
        return True
    if isinstance(value, bytes):
        value = value.replace(b"\0", b"").decode(
            "latin-1"
        )  # text of Windows has two bytes a letter
    return isinstance(value, str) and mentions_place(value)


def without_maker_notes(exif: bytes) -> bytes | None:
    """Return EXIF without the maker's notes, its largest part."""
    parsed = loaded(exif)
    parsed.get_ifd(EXIF_IFD).pop(MAKER_NOTE, None)
    return _serialised(parsed)


def sized(metadata: Metadata, height: int, width: int) -> Metadata:
    """Return the metadata with EXIF's record of the size, where there is one, made true."""
    if metadata.exif is None:
        return metadata
    parsed = loaded(metadata.exif)
    details = parsed.get_ifd(EXIF_IFD)
    true = {t: v for t, v in zip(_PIXEL_SIZE, (width, height), strict=True) if t in details}
    if all(details[tag] == value for tag, value in true.items()):
        return metadata
    details.update(true)
    return replace(metadata, exif=_serialised(parsed))


def loaded(data: bytes) -> Image.Exif:
    """Return EXIF bytes as an object that can be changed and written again without loss."""
    exif = Image.Exif()
    exif.load(data)
    return _copied(exif)


def _upright(original: Image.Exif) -> Image.Exif:
    """EXIF with orientation 1, without thumbnails and without what tells how pixels lie."""
    exif = _copied(original)
    if ORIENTATION in exif:
        exif[ORIENTATION] = 1
    for tag in list(exif):
        if tag in _STORAGE_TAGS or tag in _DNG_TAGS:
            del exif[tag]
    details = exif.get_ifd(EXIF_IFD)
    if _JPEG_START in bytes(details.get(MAKER_NOTE) or b""):
        del details[MAKER_NOTE]
    return exif


def _copied(original: Image.Exif) -> Image.Exif:
    """A copy without the thumbnail, which would show the blurry photo."""
    exif = Image.Exif()
    exif.endian = original.endian  # maker's notes are in the byte order of the file
    for tag, value in original.items():
        if tag not in (EXIF_IFD, GPS_IFD):
            exif[tag] = _text(value)
    for tag in (EXIF_IFD, GPS_IFD):
        exif.get_ifd(tag).update({t: _text(v) for t, v in original.get_ifd(tag).items()})
    details = exif.get_ifd(EXIF_IFD)
    if INTEROP in details:
        details[INTEROP] = dict(original.get_ifd(INTEROP))
    return exif


def _text(value: Any) -> Any:
    """Text as the bytes it was, for Pillow would write every letter beyond ASCII as '?'."""
    if isinstance(value, str) and not value.isascii():
        return value.encode("latin-1", "replace")  # Pillow's own decoding, reversed
    return value


def _serialised(exif: Image.Exif) -> bytes | None:
    for tag in (EXIF_IFD, GPS_IFD):
        if not exif.get_ifd(tag):
            exif._ifds.pop(tag, None)
    if not len(exif) and not exif._ifds:
        return None
    return bytes(exif.tobytes())


_STORAGE_TAGS = frozenset(
    {
        *(254, 255, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 317, 320, 322, 323),
        *(324, 325, 330, 338, 339, 347, 513, 514, 529, 530, 531, 532, 700, 33421, 33422),
        *(34377, 34675),
    }
)
"""Tags that tell how a TIFF stores its pixels, or that are kept apart (XMP, profile)."""

_DNG_TAGS = range(50706, 52600)
"""With these a developed photo would pass for camera RAW."""


def _resolution(value: Any) -> tuple[float, float] | None:
    try:
        across, down = (float(part) for part in value)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return (across, down) if 1 <= across <= 65535 and 1 <= down <= 65535 else None


def _bytes(value: Any) -> bytes | None:
    if isinstance(value, str):
        return value.encode("utf-8")
    if isinstance(value, tuple) and value and isinstance(value[0], bytes):
        value = value[0]
    return bytes(value) if isinstance(value, bytes | bytearray) and len(value) else None
