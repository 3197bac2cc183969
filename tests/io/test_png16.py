"""16-bit PNG: every colour type, filter and interlacing gives the samples that were stored."""

import struct
import zlib

import numpy as np
import pytest

from unblur.errors import UnreadableImage, UnsupportedImage
from unblur.io.png16 import decode_png16, encode_png16

KINDS = {1: 0, 2: 4, 3: 2, 4: 6}
PASSES = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2)]
PASSES += [(1, 0, 2, 1)]


def filtered(samples, filters):
    """Rows of (H, W, C) uint16 with the filters of the specification, by its own formulas."""
    height, width, channels = samples.shape
    step = 2 * channels
    plain = samples.astype(">u2").tobytes()
    row_bytes = width * step
    before = bytes(row_bytes)
    out = bytearray()
    for y in range(height):
        row, kind = plain[y * row_bytes : (y + 1) * row_bytes], filters[y % len(filters)]
        out.append(kind)
        for i, value in enumerate(row):
            a = row[i - step] if i >= step else 0
            b, c = before[i], before[i - step] if i >= step else 0
            p = a + b - c
            nearest = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            out.append((value - [0, a, b, (a + b) // 2, nearest][kind]) % 256)
        before = row
    return bytes(out)


def stored(samples, filters, *, interlaced=False, extra=()):
    height, width, channels = samples.shape
    parts = [samples]
    if interlaced:
        parts = [samples[y::down, x::across] for y, x, down, across in PASSES]
    rows = b"".join(filtered(part, filters) for part in parts if part.size)

    def chunk(name, body):
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    head = struct.pack(">IIBBBBB", width, height, 16, KINDS[channels], 0, 0, int(interlaced))
    packed = zlib.compress(rows)
    half = len(packed) // 2
    body = [(b"IHDR", head), *extra, (b"IDAT", packed[:half]), (b"IDAT", packed[half:])]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in [*body, (b"IEND", b"")])


@pytest.mark.parametrize("channels", KINDS)
@pytest.mark.parametrize("filters", [[0], [1], [2], [3], [4], [4, 3, 2, 1, 0]])
@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("shape", [(11, 19), (1, 1), (1, 13), (17, 1)])
def test_samples_come_back(channels, filters, interlaced, shape):
    rng = np.random.default_rng([channels, *filters, *shape])
    samples = rng.integers(0, 65536, (*shape, channels), dtype=np.uint16)
    found = decode_png16(stored(samples, filters, interlaced=interlaced))
    np.testing.assert_array_equal(found, samples)
    np.testing.assert_array_equal(decode_png16(encode_png16(samples, [])), samples)


def test_a_transparent_colour_gives_alpha():
    samples = np.array([[[1, 2, 3], [513, 2, 3]]], np.uint16)
    data = stored(samples, [4], extra=[(b"tRNS", struct.pack(">3H", 513, 2, 3))])
    assert decode_png16(data)[..., 3].tolist() == [[65535, 0]]


def test_damage_is_told():
    data = stored(np.ones((9, 9, 3), np.uint16), [4])
    for keep in (40, len(data) // 2, len(data) - 20):
        with pytest.raises(UnreadableImage):
            decode_png16(data[:keep])
    with pytest.raises(UnreadableImage, match="checksum"):
        decode_png16(data[:-20] + b"x" + data[-19:])
    with pytest.raises(UnreadableImage, match="damaged"):
        decode_png16(data[:28] + b"\7" + data[29:])
    with pytest.raises(UnsupportedImage, match="colour type"):
        decode_png16(data[:25] + b"\3" + data[26:])
