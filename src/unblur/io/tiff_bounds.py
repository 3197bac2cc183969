"""Bounds of TIFF files and EXIF blocks, found before any library reads them.

A directory of 65,000 entries may name the same megabyte in each of them, a strip of a tiny picture
may inflate to gigabytes: who believes it runs out of memory. In a sound file values do not
overlap, so those of a directory together are no longer than the file.

Reference:
    TIFF revision 6.0, Adobe 1992; TIFF technical note 1 (sub-directories); BigTIFF 2007.
"""

from __future__ import annotations

import lzma
import struct
import zlib
from collections.abc import Callable
from typing import Any

from unblur.errors import UnreadableImage, UnsupportedImage

_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_SIZES |= {16: 8, 17: 8, 18: 8}
_BELOW = (330, 34665, 34853, 40965)
"""Tags that hold places of further directories."""

_WIDTH, _HEIGHT, _TILE_WIDTH, _TILE_HEIGHT = 256, 257, 322, 323
_MOST_DIRECTORIES = 4096
_LARGEST_TILE_PX = 4096
"""A tile's side may exceed that of a small picture, as 256 px do that of an icon; not by more."""

_STORED, _LZW, _DEFLATE, _OLD_DEFLATE, _PACKBITS, _LZMA = 1, 5, 8, 32946, 32773, 34925
_LZMA_MEMORY_BYTES = 128_000_000


def check_tiff(data: bytes, name: str) -> None:
    """Raise if a TIFF file's directories claim more than the file can hold.

    Raises:
        UnreadableImage: values that overlap, endless directories, or tiles far larger than
            the picture.
    """
    tags = _walk(data)  # empty if it is no TIFF
    if tags is None:
        raise UnreadableImage(f"{name} is damaged: its directory claims more than the file holds")
    for side, tile in ((_WIDTH, _TILE_WIDTH), (_HEIGHT, _TILE_HEIGHT)):
        if tags.get(tile, 0) > max(_LARGEST_TILE_PX, 2 * tags.get(side, 0)):
            raise UnreadableImage(
                f"{name} is damaged: tiles of {tags[tile]} px in a picture of {tags.get(side)} px"
            )


def is_sound_exif(block: bytes) -> bool:
    """Return whether an EXIF block's values, all together, are no longer than the block."""
    return _walk(block.removeprefix(b"Exif\0\0")) is not None


def check_segments(page: Any, read: Callable[[int, int], bytes], name: str) -> None:
    """Raise if a strip or tile of a page inflates to more than it should hold.

    Args:
        page: of tifffile.
        read: returns the bytes at (offset, length) of the file.
        name: of the file.

    Raises:
        UnreadableImage: it does, or strips overlap.
        UnsupportedImage: of a compression whose decoder gives no bound.
    """
    kind = int(page.compression)
    if kind not in (_STORED, _LZW, _DEFLATE, _OLD_DEFLATE, _PACKBITS, _LZMA):
        raise UnsupportedImage(
            f"{name} is a TIFF compressed by {getattr(page.compression, 'name', kind)}, which is "
            "not read; save it with ZIP, LZW or none"
        )
    segments = list(zip(page.dataoffsets, page.databytecounts, strict=False))
    if sum(length for _, length in segments) > page.parent.filehandle.size:
        raise UnreadableImage(f"{name} is damaged: its strips overlap")
    if kind not in (_DEFLATE, _OLD_DEFLATE, _LZMA):
        return
    expected = page.dtype.itemsize
    for side in page.chunks:
        expected *= side
    for offset, length in segments:
        unpacker: Any = (
            lzma.LZMADecompressor(memlimit=_LZMA_MEMORY_BYTES)
            if kind == _LZMA
            else zlib.decompressobj()
        )
        unpacked = unpacker.decompress(read(offset, length), expected + 1)
        if len(unpacked) > expected:
            raise UnreadableImage(
                f"{name} is damaged: a strip inflates to more than its {expected} bytes"
            )


def _walk(data: bytes) -> dict[int, int] | None:
    """Return tag -> first number of the first directory; None if values cannot all be there."""
    if data[:4] not in _SIGNATURES:
        return {}
    order, big = "<" if data[:2] == b"II" else ">", data[2:4] in (b"+\0", b"\0+")
    first: dict[int, int] = {}
    waiting, seen, total = [_number(data, order, 8 if big else 4, big)], set[int](), 0
    while waiting:
        place = waiting.pop()
        if place is None or not 0 < place < len(data) or place in seen:
            continue
        seen.add(place)
        tags, below, claimed = _directory(data, place, order, big)
        first = first or tags
        waiting += below
        total += claimed
        if claimed > len(data) or total > 8 * len(data) or len(seen) > _MOST_DIRECTORIES:
            return None
    return first


def _directory(
    data: bytes, place: int, order: str, big: bool
) -> tuple[dict[int, int], list[int | None], int]:
    """Return (tag -> first number, places of further directories, bytes of values outside)."""
    head, entry, inline = ("Q", 20, 8) if big else ("H", 12, 4)
    tags: dict[int, int] = {}
    below: list[int | None] = []
    claimed = 0
    try:
        (count,) = struct.unpack_from(order + head, data, place)
        start = place + struct.calcsize(order + head)
        end = min(start + count * entry, len(data) - entry + 1)
        for at in range(start, end, entry):
            tag, kind, length = struct.unpack_from(order + ("HHQ" if big else "HHI"), data, at)
            size = _SIZES.get(kind, 0) * length
            value_at: int | None = at + entry - inline
            if size > inline:
                claimed += size
                value_at = _number(data, order, at + entry - inline, big)
            if value_at is None:
                continue
            if kind in (3, 4, 13, 16, 18):
                short = kind == 3
                tags[tag] = _plain(data, order + ("H" if short else "I"), value_at)
            if tag in _BELOW:
                step = _SIZES.get(kind, 4)
                wide = step == 8
                places = range(value_at, value_at + step * min(length, 64), step)
                below += [_number(data, order, p, wide) for p in places]
        below.append(_number(data, order, start + count * entry, big))
    except struct.error:
        pass
    return tags, below, claimed


def _number(data: bytes, order: str, at: int, big: bool) -> int | None:
    wide = order + ("Q" if big else "I")
    return (
        struct.unpack_from(wide, data, at)[0] if 0 <= at <= len(data) - (8 if big else 4) else None
    )


def _plain(data: bytes, form: str, at: int) -> int:
    try:
        return int(struct.unpack_from(form, data, at)[0])
    except struct.error:
        return 0
