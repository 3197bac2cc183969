"""AVIF of more than 8 bits, which Pillow neither reads nor writes in its depth.

The codec is libavif by way of imagecodecs, which knows pixels and colour code points only. What
else belongs into such a file, EXIF, XMP and profile, is put into the container here.

Reference:
    ISO/IEC 23008-12 (HEIF), items; AV1 Image File Format, v1.1.0.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from unblur.errors import UnsupportedImage
from unblur.io.bmff import boxes
from unblur.io.color_tags import Cicp
from unblur.io.photo import Samples

_SINCE = (2025, 11, 11)
"""Version of imagecodecs since which colour code points can be told."""

_BT709, _BT2020 = 1, 9


def codec() -> Any | None:
    """Return imagecodecs if it is installed, knows AVIF and can tell its colour; else None."""
    try:
        import imagecodecs
    except ImportError:
        return None
    version = tuple(int(part) for part in imagecodecs.__version__.split(".")[:3])
    known = version >= _SINCE and getattr(imagecodecs.AVIF, "available", False)
    return imagecodecs if known else None


def decode_avif(data: bytes, bits: int) -> Samples | None:
    """Return (H, W, C) uint16 samples spread over 16 bits, not turned; None without the codec.

    Args:
        data: the file.
        bits: per sample, 10 or 12.
    """
    library = codec()
    if library is None:
        return None
    values = np.asarray(library.avif_decode(data, index=0))
    if values.dtype != np.uint16:
        return None
    values = values[..., None] if values.ndim == 2 else values
    # Moved to the upper bits; repeating them below makes white 65535.
    return (values << (16 - bits)) | (values >> (2 * bits - 16))


def encode_avif(
    planes: Samples,
    cicp: Cicp | None,
    *,
    bits: int,
    quality: int,
    exif: bytes | None,
    xmp: bytes | None,
    profile: bytes | None,
) -> bytes:
    """Return an AVIF file of 10 or 12 bits.

    Args:
        planes: (H, W, 3 or 4) uint16.
        cicp: colour to be told, sRGB if None.
        bits: per sample.
        quality: 1 to 100.
        exif, xmp: to be kept.
        profile: ICC profile, in place of code points.

    Raises:
        UnsupportedImage: the codec is not there.
    """
    library = codec()
    if library is None:
        raise UnsupportedImage("AVIF of more than 8 bits needs imagecodecs")
    primaries, transfer = (1, 13) if cicp is None else (cicp.primaries, cicp.transfer)
    data = library.avif_encode(
        (planes >> (16 - bits)).astype(np.uint16),
        level=quality,
        bitspersample=bits,
        pixelformat="444",
        primaries=primaries,
        transfer=transfer,
        matrix=_BT2020 if primaries == _BT2020 else _BT709,
    )
    items = []
    if exif is not None:
        body = exif.removeprefix(b"Exif\0\0")
        items.append((b"Exif", b"", struct.pack(">I", 0) + body))
    if xmp is not None:
        items.append((b"mime", b"application/rdf+xml\0", xmp))
    return with_items(bytes(data), items, profile)


def with_codes(data: bytes, cicp: Cicp) -> bytes:
    """Return an AVIF file whose nclx box tells these primaries and transfer characteristics."""
    place = data.find(b"colrnclx", 0, 1 << 16)
    if place < 0:
        return data
    codes = struct.pack(">HH", cicp.primaries, cicp.transfer)
    return data[: place + 8] + codes + data[place + 12 :]


def with_items(
    data: bytes, items: list[tuple[bytes, bytes, bytes]], profile: bytes | None = None
) -> bytes:
    """Return an AVIF file with further items that describe its picture.

    Args:
        data: a file of ``ftyp``, ``meta`` and ``mdat``, one item in it.
        items: (type, what follows the name in ``infe``, content).
        profile: ICC profile that takes the place of the code points; what decoders need of them,
            the matrix, is in the coded picture too.
    """
    if not items and profile is None:
        return data
    parts = dict(boxes(data))
    inside = list(boxes(parts[b"meta"][4:]))
    described = dict(inside)
    (primary,) = struct.unpack_from(">H", described[b"pitm"], 4)
    numbers = range(primary + 1 + _count(described), primary + 1 + _count(described) + len(items))
    entries, references = b"", b""
    for number, (kind, more, _) in zip(numbers, items, strict=True):
        entries += _box(b"infe", struct.pack(">IHH4s", 2 << 24, number, 0, kind) + b"\0" + more)
        references += _box(b"cdsc", struct.pack(">HHH", number, 1, primary))
    grown = []
    for name, body in inside:
        if name == b"iinf":
            count = struct.unpack_from(">H", body, 4)[0] + len(items)
            body = body[:4] + struct.pack(">H", count) + body[6:] + entries
        if name == b"iprp" and profile is not None:
            body = _with_profile(body, profile)
        grown.append((name, body))
    known = dict(boxes(described.get(b"iref", b"\0\0\0\0")[4:])) if b"iref" in described else {}
    kept = b"".join(_box(name, body) for name, body in known.items())
    grown = [(name, body) for name, body in grown if name != b"iref"]
    place = next(i for i, (name, _) in enumerate(grown) if name == b"iinf") + 1
    if kept or references:
        grown.insert(place, (b"iref", b"\0\0\0\0" + kept + references))
    return _laid_out(parts, grown, list(zip(numbers, (item[2] for item in items), strict=True)))


def _with_profile(properties: bytes, profile: bytes) -> bytes:
    """Return ``iprp`` with an ICC profile where the code points of colour were."""
    out = b""
    for name, body in boxes(properties):
        if name == b"ipco":
            kinds = [(n, b"prof" + profile if n == b"colr" else b) for n, b in boxes(body)]
            body = b"".join(_box(n, b) for n, b in kinds)
        out += _box(name, body)
    return out


def _count(described: dict[bytes, bytes]) -> int:
    return int(struct.unpack_from(">H", described[b"iinf"], 4)[0])


def _laid_out(
    parts: dict[bytes, bytes], meta: list[tuple[bytes, bytes]], added: list[tuple[int, bytes]]
) -> bytes:
    """Put the file together; the table of places (``iloc``) follows the sizes of all else."""
    old_start = 8 + len(parts[b"ftyp"]) + 8 + len(parts[b"meta"]) + 8
    table = dict(meta)[b"iloc"]
    length = len(_moved(table, 0, [(number, 0, 0) for number, _ in added]))
    size = 8 + 4 + sum(8 + (length if n == b"iloc" else len(body)) for n, body in meta)
    start = 8 + len(parts[b"ftyp"]) + size + 8
    places, place = [], start + len(parts[b"mdat"])
    for number, content in added:
        places.append((number, place, len(content)))
        place += len(content)
    located = _moved(table, start - old_start, places)
    body = b"".join(_box(n, located if n == b"iloc" else content) for n, content in meta)
    pixels = parts[b"mdat"] + b"".join(content for _, content in added)
    return b"".join(
        (
            _box(b"ftyp", parts[b"ftyp"]),
            _box(b"meta", b"\0\0\0\0" + body),
            _box(b"mdat", pixels),
        )
    )


def _moved(table: bytes, by: int, added: list[tuple[int, int, int]]) -> bytes:
    """Return an ``iloc`` of version 0 with 4-byte places moved and more items at its end."""
    version, sizes, base, count = struct.unpack_from(">B3xBBH", table)
    if version != 0 or sizes != 0x44 or base != 0:
        raise UnsupportedImage("the AVIF codec lays out its files in a way that is not known")
    out, place = b"", 8
    for _ in range(count):
        number, _, extents = struct.unpack_from(">HHH", table, place)
        place += 6
        out += struct.pack(">HHH", number, 0, extents)
        for _ in range(extents):
            offset, length = struct.unpack_from(">II", table, place)
            place += 8
            out += struct.pack(">II", offset + by, length)
    for number, offset, length in added:
        out += struct.pack(">HHHII", number, 0, 1, offset, length)
    return table[:6] + struct.pack(">H", count + len(added)) + out


def _box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + name + body
