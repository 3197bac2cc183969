"""PNG files with 16 bits per sample, which Pillow would cut down to 8.

Only what such files need: signature and chunks with checked CRC; the pixels are Pillow's work.

Reference:
    PNG specification, W3C 2003, ISO/IEC 15948.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unblur.errors import UnreadableImage, UnsupportedImage

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}
_UP = 2
"""Row filter of the files that are written."""


def depth_and_size(data: bytes) -> tuple[int, int, int]:
    """Return (bits per sample, height, width) of a PNG file's header."""
    if len(data) < 33 or data[12:16] != b"IHDR":
        raise UnreadableImage("the PNG file is truncated: it has no header")
    width, height = struct.unpack(">II", data[16:24])
    return data[24], height, width


def header_chunks(data: bytes) -> dict[bytes, bytes]:
    """Return name -> body of the chunks before the pixels; checksums are not looked at."""
    place, found = len(SIGNATURE), dict[bytes, bytes]()
    while place + 12 <= len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        name = data[place + 4 : place + 8]
        if name == b"IDAT":
            break
        found.setdefault(name, data[place + 8 : place + 8 + length])
        place += 12 + length
    return found


def with_chunks(data: bytes, chunks: list[tuple[bytes, bytes]]) -> bytes:
    """Return a PNG file with further chunks right behind its header."""
    place = len(SIGNATURE) + 25
    return data[:place] + b"".join(_chunk(*chunk) for chunk in chunks) + data[place:]


def decode_png16(data: bytes) -> NDArray[np.uint16]:
    """Return the (H, W, C) uint16 samples of a 16-bit PNG, C 1 to 4; interlaced ones too.

    Pillow's decoder undoes the row filters, in time linear in the number of bytes whatever the
    sides. It knows no 16-bit colours, so it is asked for the upper and for the lower bytes: a byte
    that it takes for the upper one of little-endian samples is the lower one of PNG's.

    One colour that the file names as transparent (tRNS) gives an alpha channel.

    Raises:
        UnreadableImage: damaged or truncated.
        UnsupportedImage: of a kind that has no 16-bit form.
    """
    _, height, width = depth_and_size(data)
    kind, interlaced = data[25], data[28]
    if kind not in _CHANNELS:
        raise UnsupportedImage(f"a 16-bit PNG of colour type {kind} does not exist")
    if interlaced not in (0, 1) or not height or not width:
        raise UnreadableImage("the PNG file is damaged: its header is not possible")
    packed = b"".join(body for name, body in _chunks(data) if name == b"IDAT")

    def decoded(mode: str, raw_mode: str) -> NDArray[np.uint8]:
        try:
            image = Image.frombytes(mode, (width, height), packed, "zip", raw_mode, interlaced)
        except ValueError as error:
            raise UnreadableImage("the PNG file is truncated, or damaged in its pixels") from error
        return np.asarray(image)

    if _CHANNELS[kind] <= 2:  # its two or four bytes are as many 8-bit channels to Pillow
        mode = "LA" if kind == 0 else "RGBA"
        samples = decoded(mode, mode).view(">u2").astype(np.uint16)
    else:
        mode = "RGB" if kind == 2 else "RGBA"
        samples = decoded(mode, f"{mode};16B").astype(np.uint16) << np.uint16(8)
        samples |= decoded(mode, f"{mode};16L")
    return _with_transparency(samples, data)


def _with_transparency(samples: NDArray[np.uint16], data: bytes) -> NDArray[np.uint16]:
    channels = samples.shape[2]
    key = next((body for name, body in _chunks(data) if name == b"tRNS"), b"")
    if channels not in (1, 3) or len(key) != 2 * channels:
        return samples
    hidden = (samples == np.frombuffer(key, ">u2")).all(axis=2, keepdims=True)
    alpha = np.where(hidden, 0, 65535).astype(np.uint16)
    return np.concatenate([samples, alpha], axis=2)


def encode_png16(samples: NDArray[np.uint16], chunks: list[tuple[bytes, bytes]]) -> bytes:
    """Return a 16-bit PNG file.

    Args:
        samples: (H, W, C) uint16, C 1 to 4.
        chunks: (name, body) of further chunks, placed before the pixels.
    """
    height, width, channels = samples.shape
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    plain = samples.astype(">u2").view(np.uint8).reshape(height, -1)
    above = np.concatenate([np.zeros((1, plain.shape[1]), np.uint8), plain[:-1]])
    rows = np.concatenate([np.full((height, 1), _UP, np.uint8), plain - above], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    body = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows.tobytes(), 4)), (b"IEND", b"")]
    return SIGNATURE + b"".join(_chunk(name, content) for name, content in body)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = len(SIGNATURE)
    while place + 12 <= len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        end = place + 12 + length
        if end > len(data):
            raise UnreadableImage("the PNG file is truncated")
        name, body = data[place + 4 : place + 8], data[place + 8 : end - 4]
        if struct.unpack(">I", data[end - 4 : end])[0] != zlib.crc32(name + body):
            raise UnreadableImage(f"the PNG file is damaged: wrong checksum in {name!r}")
        yield name, body
        place = end
