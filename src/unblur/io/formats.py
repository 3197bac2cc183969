"""Which formats there are: extensions, and what the bytes of a file tell before decoding."""

from __future__ import annotations

import struct
from collections.abc import Iterator

SUFFIXES = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".jif": "JPEG",
    ".jfi": "JPEG",
    ".pjpeg": "JPEG",
    ".pjp": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
    ".dib": "BMP",
    ".avif": "AVIF",
}
"""What is written, by the file's extension."""

HEIF_SUFFIXES = frozenset({".heic", ".heif", ".hif", ".heics", ".heifs"})

RAW_SUFFIXES = frozenset(
    {
        *(".dng", ".cr2", ".cr3", ".nef", ".nrw", ".arw", ".sr2", ".raf", ".orf", ".rw2", ".pef"),
        *(".srw", ".rwl", ".3fr", ".iiq", ".erf", ".mrw", ".x3f", ".crw", ".dcr", ".kdc", ".mef"),
        *(".mos", ".fff", ".gpr", ".srf"),
    }
)

_READ_ONLY_SUFFIXES = frozenset(
    {
        *(".gif", ".apng", ".mpo", ".avifs"),
        *(".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"),
        *(".ppm", ".pgm", ".pbm", ".pnm"),
    }
)

READ_SUFFIXES = frozenset({*SUFFIXES, *RAW_SUFFIXES, *HEIF_SUFFIXES, *_READ_ONLY_SUFFIXES})
"""By what extension a file is taken for a photo, by every command, in folders and in stores.

A file that is named is taken whatever it is called, and read by what it holds."""

_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"mif1", b"msf1")
_RAW_STARTS = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FOVb", b"\0MRM")
_PLAIN_STARTS = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"GIF8", b"BM")
_SUBFILE, _PHOTOMETRIC, _SUB_IFDS, _DNG_VERSION = 254, 262, 330, 50706
_CFA = 32803


def is_heif(data: bytes) -> bool:
    """Return whether the bytes are a HEIC photo (and not AVIF, which shares its container)."""
    if data[4:8] != b"ftyp" or data[8:12] not in _HEIF_BRANDS:
        return False
    (length,) = struct.unpack(">I", data[:4])
    return b"avif" not in data[16 : min(length, 256)]


def is_raw(data: bytes, suffix: str = "") -> bool:
    """Return whether the bytes are a camera RAW file.

    Args:
        data: the whole file.
        suffix: its extension, which decides where the bytes leave it open.
    """
    canon = data[4:12] == b"ftypcrx " or (data[:4] == b"II*\0" and data[8:11] == b"CR\2")
    if canon or data.startswith(_RAW_STARTS):
        return True
    if suffix.lower() in RAW_SUFFIXES:
        return not data.startswith(_PLAIN_STARTS)
    if data[:4] not in (b"II*\0", b"MM\0*"):
        return False
    tags = _first_directory(data)
    reduced = bool(tags.get(_SUBFILE, 0) & 1) and _SUB_IFDS in tags  # a preview comes first
    return _DNG_VERSION in tags or tags.get(_PHOTOMETRIC) == _CFA or reduced


def is_lossless_webp(data: bytes) -> bool:
    """Return whether the bytes are a WebP file whose pixels are stored without loss."""
    return any(name == b"VP8L" for name in _riff_chunks(data))


def name_note(suffix: str, file_format: str) -> tuple[str, ...]:
    """Return a note if a file's extension names another format than its content is."""
    named = "HEIF" if suffix.lower() in HEIF_SUFFIXES else SUFFIXES.get(suffix.lower())
    if suffix.lower() in RAW_SUFFIXES:
        named = "RAW"
    if named is None or named == file_format:
        return ()
    return (f"the file is {file_format}, although its name ends in {suffix}",)


def _riff_chunks(data: bytes) -> Iterator[bytes]:
    place = 12
    while data[8:12] == b"WEBP" and place + 8 <= len(data):
        (length,) = struct.unpack("<I", data[place + 4 : place + 8])
        yield data[place : place + 4]
        # An animation's frame holds chunks of its own after 16 bytes of header.
        place += 24 if data[place : place + 4] == b"ANMF" else 8 + length + length % 2


def _first_directory(data: bytes) -> dict[int, int]:
    """Return tag -> value (or offset of the values) of a TIFF file's first directory."""
    order = "<" if data[:2] == b"II" else ">"
    try:
        (place,) = struct.unpack_from(order + "I", data, 4)
        (count,) = struct.unpack_from(order + "H", data, place)
        tags = {}
        for number in range(count):
            entry = place + 2 + 12 * number
            tag, kind = struct.unpack_from(order + "HH", data, entry)
            short = "H" if kind == 3 else "I"
            (tags[tag],) = struct.unpack_from(order + short, data, entry + 8)
    except struct.error:
        return {}
    return tags
