"""Files that claim or inflate to gigabytes are refused before the memory is taken."""

import io
import struct
import time
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unblur.errors import UnblurError, UnreadableImage
from unblur.io import read_photo

PICTURE = Image.fromarray(np.random.default_rng(3).integers(0, 255, (13, 17, 3), dtype=np.uint8))
BYTE, SHORT, LONG = 1, 3, 4


def tiff(entries, pixels=b"", order="<", after=0):
    """A classic TIFF file of one directory; values of more than 4 bytes lie behind it."""
    sizes = {BYTE: "B", SHORT: "H", LONG: "I"}
    place = 8 + 2 + 12 * len(entries) + 4
    table, values = b"", b""
    for tag, kind, numbers in sorted(entries):
        body = struct.pack(f"{order}{len(numbers)}{sizes[kind]}", *numbers)
        if len(body) > 4:
            where = struct.pack(order + "I", place + len(values))
            values += body
        else:
            where = body.ljust(4, b"\0")
        table += struct.pack(order + "HHI", tag, kind, len(numbers)) + where
    head = b"II*\0" if order == "<" else b"MM\0*"
    start = head + struct.pack(order + "IH", 8, len(entries)) + table
    return start + struct.pack(order + "I", after) + values + pixels


def deep(packed, compression, side=16, **more):
    """A 16-bit RGB picture in one strip."""
    entries = {
        256: (SHORT, [side]),
        257: (SHORT, [side]),
        258: (SHORT, [16] * 3),
        259: (SHORT, [compression]),
        262: (SHORT, [2]),
        277: (SHORT, [3]),
        278: (LONG, [more.get("rows", side)]),
        279: (LONG, [len(packed)]),
        273: (LONG, [0]),
    }
    whole = tiff([(tag, *value) for tag, value in entries.items()])
    entries[273] = (LONG, [len(whole)])
    return tiff([(tag, *value) for tag, value in entries.items()], packed)


def peak_of(read):
    tracemalloc.start()
    try:
        return read(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def refused(data):
    def read():
        with pytest.raises(UnblurError) as caught:
            read_photo(data)
        return str(caught.value)

    return peak_of(read)


PIXELS = np.random.default_rng(1).integers(0, 65535, (16, 16, 3), dtype=np.uint16)
ZEROS = bytes(120_000_000)


@pytest.mark.parametrize("compression", [8, 32946])
def test_a_strip_that_inflates_is_refused(compression):
    pytest.importorskip("tifffile")
    message, peak = refused(deep(zlib.compress(ZEROS, 1), compression))
    assert "inflates to more than its 1536 bytes" in message and peak < 50_000_000
    good = deep(zlib.compress(PIXELS.astype("<u2").tobytes()), compression)
    np.testing.assert_array_equal(read_photo(good).samples, PIXELS)


def test_a_strip_of_lzma_that_inflates_is_refused():
    import lzma

    pytest.importorskip("tifffile")
    message, peak = refused(deep(lzma.compress(ZEROS, preset=0), 34925))
    assert "inflates" in message and peak < 50_000_000
    big = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 30}]
    raw = PIXELS.astype("<u2").tobytes()
    message, _ = refused(deep(lzma.compress(raw, filters=big), 34925))
    assert "cannot decode" in message
    np.testing.assert_array_equal(read_photo(deep(lzma.compress(raw), 34925)).samples, PIXELS)


def test_rows_that_are_not_there_are_not_expected():
    pytest.importorskip("tifffile")
    message, peak = refused(deep(zlib.compress(ZEROS, 1), 8, rows=2**32 - 1))
    assert "inflates" in message and peak < 50_000_000


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_directory_that_names_the_same_bytes_again_and_again_is_refused(order):
    size = {256: (SHORT, [9]), 257: (SHORT, [9])}
    entries = [(tag, *value) for tag, value in size.items()]
    entries += [(tag, BYTE, [1]) for tag in range(33000, 38000)]
    data = bytearray(tiff(entries, bytes(1_000_000), order))
    for number in range(2, len(entries)):
        struct.pack_into(order + "II", data, 8 + 2 + 12 * number + 4, 1_000_000, 500)
    message, peak = refused(bytes(data))
    assert "more than the file holds" in message and peak < 50_000_000


def exif_bomb():
    block = tiff([(tag, BYTE, [1]) for tag in range(33000, 34500)], bytes(40_000))
    data = bytearray(block)
    for number in range(1500):
        struct.pack_into("<II", data, 8 + 2 + 12 * number + 4, 40_000, 100)
    return b"Exif\0\0" + bytes(data)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "PNG"])
def test_exif_that_names_the_same_bytes_again_and_again_costs_only_itself(kind):
    with io.BytesIO() as stream:
        PICTURE.save(stream, kind, exif=exif_bomb())
        data = stream.getvalue()
    photo, peak = peak_of(lambda: read_photo(data))
    assert photo.metadata.exif is None and photo.samples.shape == (13, 17, 3)
    assert peak < 10_000_000


def test_tiles_far_larger_than_the_picture_are_refused():
    sides = [(256, SHORT, [16]), (257, SHORT, [16]), (322, LONG, [60_000]), (323, LONG, [60_000])]
    assert "tiles of 60000 px" in refused(tiff(sides))[0]


def test_directories_that_go_round_end():
    data = tiff([(256, SHORT, [9]), (257, SHORT, [9])], after=8)
    assert "cannot decode" in refused(data)[0] or "image" in refused(data)[0]


def test_a_sparse_file_of_forty_gigabytes_is_not_read(tmp_path):
    path = tmp_path / "a.jpg"
    with path.open("wb") as stream:
        stream.truncate(40_000_000_000)
    message, peak = refused(path)
    assert "40000 MB" in message and peak < 10_000_000


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no such device here")
def test_devices_and_endless_streams_are_no_photos(tmp_path):
    assert "is a device" in refused("/dev/zero")[0]
    with Path("/dev/zero").open("rb") as stream, pytest.raises(UnreadableImage, match="at most"):
        read_photo(stream, max_pixels=1000)


def png16(rows, width, height, kind=2, interlaced=0):
    def chunk(name, body):
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, interlaced)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


@pytest.mark.parametrize(("width", "height"), [(300_000, 1), (1, 300_000), (3_000, 100)])
@pytest.mark.parametrize("row_filter", range(5))
def test_sixteen_bits_are_unfiltered_in_linear_time(width, height, row_filter):
    row = bytes([row_filter]) + bytes(range(1, 7)) * width
    begun = time.process_time()
    photo = read_photo(png16(row * height, width, height))
    assert photo.samples.shape == (height, width, 3)
    assert time.process_time() - begun < 1.5  # a call of NumPy for each pixel takes 30 s


def many_scans(count, side=1200):
    """A progressive JPEG whose first scan comes again and again, each time for all of it."""
    with io.BytesIO() as stream:
        Image.new("L", (side, side), 90).save(stream, "JPEG", progressive=True)
        data = stream.getvalue()
    start = data.index(b"\xff\xda")
    end = data.index(b"\xff", start + 2)
    while data[end + 1] in (0, *range(0xD0, 0xD8)):
        end = data.index(b"\xff", end + 2)
    return data[:start] + data[start:end] * count + data[start:]


@pytest.mark.parametrize("head", [b"", b"\xff\xe1\x00\x10" + 14 * b"\xda"])
def test_a_jpeg_of_endless_scans_is_refused_at_once(tmp_path, head):
    data = many_scans(2000)
    path = tmp_path / "a.jpg"
    path.write_bytes(data[:2] + head + data[2:])
    begun = time.process_time()
    for read in (read_photo, read_reduced_one):
        with pytest.raises(UnreadableImage, match="scans"):
            read(path)
    assert time.process_time() - begun < 2
    # Those of pictures behind the first, and bytes that look like it, are not counted.
    path.write_bytes(many_scans(8) + many_scans(90, 16) + b"\xff\xda\x00\x04" * 500)
    assert read_photo(path).height == 1200


def read_reduced_one(path):
    from unblur.io.reduced import read_reduced

    return read_reduced(path, side_px=100)


def test_a_jpeg_of_endless_segments_is_refused(tmp_path):
    with io.BytesIO() as stream:
        PICTURE.save(stream, "JPEG")
        data = stream.getvalue()
    with pytest.raises(UnreadableImage, match="segments"):
        read_photo(data[:2] + b"\xff\xfe\x00\x02" * 200_000 + data[2:])
