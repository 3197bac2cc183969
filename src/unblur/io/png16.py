"""PNG files with 16 bits per sample, which Pillow would cut down to 8.

Only what such files need: signature, chunks with checked CRC, the five row filters.

Reference:
    PNG specification, W3C 2003, ISO/IEC 15948.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from unblur.errors import UnreadableImage, UnsupportedImage

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}
_NONE, _SUB, _UP, _AVERAGE, _PAETH = range(5)


def depth_and_size(data: bytes) -> tuple[int, int, int]:
    """Return (bits per sample, height, width) of a PNG file's header."""
    if len(data) < 33 or data[12:16] != b"IHDR":
        raise UnreadableImage("the PNG file is truncated: it has no header")
    width, height = struct.unpack(">II", data[16:24])
    return data[24], height, width


def decode_png16(data: bytes) -> NDArray[np.uint16]:
    """Return the (H, W, C) uint16 samples of a 16-bit PNG, C 1 to 4.

    One colour that the file names as transparent (tRNS) gives an alpha channel.

    Raises:
        UnreadableImage: damaged or truncated.
        UnsupportedImage: interlaced, or of a kind that has no 16-bit form.
    """
    _, height, width = depth_and_size(data)
    kind, interlaced = data[25], data[28]
    if kind not in _CHANNELS:
        raise UnsupportedImage(f"a 16-bit PNG of colour type {kind} does not exist")
    if interlaced:
        raise UnsupportedImage("interlaced 16-bit PNG is not read; save it without interlacing")
    channels = _CHANNELS[kind]
    row_bytes = 2 * channels * width
    packed = b"".join(body for name, body in _chunks(data) if name == b"IDAT")
    unpacker = zlib.decompressobj()
    try:
        raw = unpacker.decompress(packed, height * (row_bytes + 1))
    except zlib.error as error:
        raise UnreadableImage(f"the PNG file is damaged: {error}") from error
    if len(raw) != height * (row_bytes + 1):
        raise UnreadableImage("the PNG file is truncated: rows are missing")
    rows = np.frombuffer(raw, np.uint8).reshape(height, row_bytes + 1)
    plain = _unfilter(rows[:, 0], rows[:, 1:].reshape(height, width, 2 * channels))
    samples = np.ascontiguousarray(plain).view(">u2").reshape(height, width, channels)
    return _with_transparency(samples.astype(np.uint16), data)


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


def _unfilter(filters: NDArray[np.uint8], rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Undo the row filters of (H, W, bytes per pixel)."""
    if filters.max(initial=0) > _PAETH:
        raise UnreadableImage("the PNG file is damaged: unknown row filter")
    if filters.max(initial=0) <= _UP:
        return _unfilter_simple(filters, rows)
    return _unfilter_diagonals(filters, rows)


def _unfilter_simple(filters: NDArray[np.uint8], rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    out = rows.copy()
    left = filters == _SUB
    out[left] = np.cumsum(rows[left], axis=1, dtype=np.uint8)
    for y in np.nonzero(filters == _UP)[0]:
        if y:
            out[y] += out[y - 1]
    return out


def _unfilter_diagonals(filters: NDArray[np.uint8], rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Undo any mix of filters, one diagonal at a time: its pixels do not need one another."""
    height, width, depth = rows.shape
    # Padded with a row above and a column to the left, both zero, as the format defines.
    out = np.zeros((height + 1, width + 1, depth), np.int16)
    kind = filters[:, None]
    for diagonal in range(height + width - 1):
        y = np.arange(max(0, diagonal - width + 1), min(height, diagonal + 1))
        x = diagonal - y
        left, above, corner = out[y + 1, x], out[y, x + 1], out[y, x]
        estimate = left + above - corner
        by_left, by_above = np.abs(estimate - left), np.abs(estimate - above)
        by_corner = np.abs(estimate - corner)
        nearest = np.where(by_above <= by_corner, above, corner)
        paeth = np.where((by_left <= by_above) & (by_left <= by_corner), left, nearest)
        choices = [left, above, (left + above) >> 1, paeth]
        conditions = [kind[y] == f for f in (_SUB, _UP, _AVERAGE, _PAETH)]
        predicted = np.select(conditions, choices, 0)
        out[y + 1, x + 1] = (rows[y, x] + predicted) & 255
    return out[1:, 1:].astype(np.uint8)
