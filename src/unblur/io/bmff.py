"""What the boxes of HEIC and AVIF files tell before decoding: colour, depth, further pictures.

Reference:
    ISO/IEC 14496-12 (base media file format), 23008-12 (HEIF), 23000-22 (MIAF).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from unblur.io.color_tags import Cicp, ColorTags

Box = tuple[bytes, bytes]
BEGINNING_BYTES = 1 << 18
"""Bytes within which ``meta`` lies, for it comes first."""

_DEEPEST = 1 << 22
"""Bytes of ``meta`` that are looked at; those of real files are a few kB."""


@dataclass(frozen=True)
class Still:
    """What a still picture's file tells of itself.

    Attributes:
        cicp: colour code points of the primary picture, None where they are not told.
        bits: per sample, of the deepest coded picture; 8 if that is not told.
        kinds: type of every item by its number, as b"hvc1", b"av01", b"grid", b"tmap".
        primary: number of the item that is shown.
        auxiliary: what the auxiliary pictures are (URNs), as that of a depth map.
        brands: of ``ftyp``.
        mastering, light_level: bodies of ``mdcv`` and ``clli``.
    """

    cicp: Cicp | None = None
    bits: int = 8
    kinds: dict[int, bytes] = field(default_factory=dict)
    primary: int = 0
    auxiliary: tuple[str, ...] = ()
    brands: tuple[bytes, ...] = ()
    mastering: bytes | None = None
    light_level: bytes | None = None


def read_still(data: bytes) -> Still:
    """Return what a HEIC or AVIF file tells; what is damaged or missing is left out.

    Args:
        data: the file, or its beginning.
    """
    top = dict(boxes(data[: 1 << 12]))
    brands = _brands(top.get(b"ftyp", b""))
    meta = next((body for name, body in boxes(data) if name == b"meta"), b"")[:_DEEPEST]
    inside = dict(boxes(meta[4:]))
    properties = dict(boxes(inside.get(b"iprp", b"")))
    shared = list(boxes(properties.get(b"ipco", b"")))
    primary = _primary(inside.get(b"pitm", b""))
    own = [shared[i - 1] for i in _associated(properties.get(b"ipma", b""), primary, len(shared))]
    auxiliary = tuple(
        body[4:].partition(b"\0")[0].decode("ascii", "replace")
        for name, body in shared
        if name == b"auxC"
    )
    return Still(
        _cicp(own) or _cicp(shared),
        max([8, *(_depth(name, body) for name, body in shared)]),
        dict(_items(inside.get(b"iinf", b""))),
        primary,
        auxiliary,
        brands,
        next((body for name, body in shared if name == b"mdcv" and len(body) == 24), None),
        next((body for name, body in shared if name == b"clli" and len(body) == 4), None),
    )


def is_deep_still(path: Path) -> bool:
    """Return whether a HEIC or AVIF file has more than 8 bits; False for what cannot be read."""
    try:
        if not path.is_file():  # a pipe would be waited for
            return False
        with path.open("rb") as stream:
            return is_deep(stream.read(BEGINNING_BYTES))
    except (OSError, ValueError):
        return False


def is_deep(beginning: bytes) -> bool:
    """Return whether the HEIC or AVIF file that begins so has more than 8 bits."""
    try:
        return read_still(beginning).bits > 8
    except ValueError:
        return False


def color_tags(still: Still, source: str) -> ColorTags | None:
    """Return the colour of a HEIC or AVIF file in the terms of PNG; None where it is not told."""
    cicp = still.cicp
    if cicp is None or (cicp.primaries == 2 and cicp.transfer == 2):
        return None
    mastering, light_level = still.mastering, None
    if mastering is not None:  # here green, blue, red; in PNG red, green, blue
        mastering = mastering[8:12] + mastering[:8] + mastering[12:]
    if still.light_level is not None:  # here cd/m2; in PNG 0.0001 cd/m2
        brightest = struct.unpack(">HH", still.light_level)
        light_level = struct.pack(">II", *(10_000 * value for value in brightest))
    return ColorTags(cicp=cicp, mastering=mastering, light_level=light_level, source=source)


def boxes(data: bytes) -> Iterator[Box]:
    """Yield (type, body) of the boxes in a row; a cut or damaged one ends it."""
    place = 0
    while place + 8 <= len(data):
        size, start = struct.unpack_from(">I", data, place)[0], place + 8
        if size == 1 and place + 16 <= len(data):
            size, start = struct.unpack_from(">Q", data, place + 8)[0], place + 16
        elif size == 0:
            size = len(data) - place
        if size < start - place:
            return
        yield data[place + 4 : place + 8], data[start : place + size]
        place += size


def _brands(body: bytes) -> tuple[bytes, ...]:
    parts = [body[i : i + 4] for i in range(0, len(body) - 3, 4)]
    return tuple(parts[:1] + parts[2:])


def _primary(body: bytes) -> int:
    if len(body) < 6:
        return 0
    return int.from_bytes(body[4:6] if body[0] == 0 else body[4:8], "big")


def _items(body: bytes) -> Iterator[tuple[int, bytes]]:
    entries = boxes(body[6 if body[:1] == b"\0" else 8 :])
    for name, entry in entries:
        if name != b"infe" or len(entry) < 12 or entry[0] < 2:
            continue
        width = 2 if entry[0] == 2 else 4
        kind = entry[4 + width + 2 : 4 + width + 6]
        yield int.from_bytes(entry[4 : 4 + width], "big"), kind


def _associated(body: bytes, item: int, count: int) -> list[int]:
    """Return the numbers (from 1) of an item's properties."""
    if len(body) < 8:
        return []
    wide_item, wide_number = body[0] > 0, body[3] & 1
    place = 8
    try:
        for _ in range(struct.unpack_from(">I", body, 4)[0]):
            number = struct.unpack_from(">I" if wide_item else ">H", body, place)[0]
            place += 4 if wide_item else 2
            length, place = body[place], place + 1
            kind = ">H" if wide_number else ">B"
            size, mask = (2, 0x7FFF) if wide_number else (1, 0x7F)
            found = [
                struct.unpack_from(kind, body, place + size * i)[0] & mask for i in range(length)
            ]
            place += size * length
            if number == item:
                return [index for index in found if 1 <= index <= count]
    except (struct.error, IndexError):
        pass
    return []


def _cicp(properties: list[Box]) -> Cicp | None:
    for name, body in properties:
        if name == b"colr" and body[:4] == b"nclx" and len(body) >= 11:
            primaries, transfer, matrix = struct.unpack_from(">HHH", body, 4)
            return Cicp(primaries, transfer, matrix, bool(body[10] & 0x80))
    return None


def _depth(name: bytes, body: bytes) -> int:
    if name == b"hvcC" and len(body) > 17:
        return 8 + (body[17] & 7)
    if name == b"av1C" and len(body) > 2:
        return 8 if not body[2] & 0x40 else 12 if body[2] & 0x20 else 10
    return 8
