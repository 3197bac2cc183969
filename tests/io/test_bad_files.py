"""Whatever the bytes: a photo or a clear error of ours, never a traceback of a decoder's."""

import contextlib
import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.io.test_formats import picture, pil
from tests.io.test_metadata import ICC, XMP, exif
from unblur.errors import ImageTooLarge, UnblurError, UnreadableImage
from unblur.io import Photo, read_photo, write_photo
from unblur.io.decode import from_pillow

SUFFIXES = ("png", "jpg", "webp", "tif", "bmp")


def stored(suffix, deep=False):
    with io.BytesIO() as stream:
        write_photo(
            Photo.from_array(picture(3, np.uint16 if deep else np.uint8)), stream, format=suffix
        )
        return stream.getvalue()


FILES = [stored(s) for s in SUFFIXES] + [stored("png", True), stored("tif", True)]
SAMPLES = Path(__file__).parent / "data"


def laden(kind):
    """A file of the given kind with EXIF, XMP and a profile, for damage to fall on them."""
    with io.BytesIO() as stream:
        pil(picture(3)).save(stream, kind, exif=exif(6), icc_profile=ICC, xmp=XMP)
        return stream.getvalue()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_empty_and_text_files(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(b"")
    with pytest.raises(UnreadableImage, match="empty"):
        read_photo(path)
    path.write_text("not a picture at all, but a shopping list")
    with pytest.raises(UnreadableImage, match="not an image"):
        read_photo(path)


@pytest.mark.parametrize("data", FILES, ids=[*SUFFIXES, "png16", "tif16"])
def test_truncated_files(data):
    for keep in (3, 20, len(data) // 2, len(data) - len(data) // 4):
        with pytest.raises(UnreadableImage) as caught:
            read_photo(data[:keep])
        assert "\n" not in str(caught.value)


MORE = [laden("JPEG"), laden("WEBP"), laden("AVIF")]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(FILES + MORE + [f.read_bytes() for f in SAMPLES.glob("*.heic")]),
    st.integers(0, 1 << 16),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=6),
)
def test_damaged_files_give_a_photo_or_our_error(data, keep, flips):
    damaged = bytearray(data[: keep + 1])
    for place, value in flips:
        damaged[int(place * (len(damaged) - 1))] = value
    try:
        photo = read_photo(bytes(damaged), max_pixels=1_000_000)
    except UnblurError as error:
        assert "\n" not in str(error)
    else:
        assert photo.samples.size > 0
        with contextlib.suppress(UnblurError):
            write_photo(photo, io.BytesIO(), format="tif", strip_location=True)


def test_the_content_decides_not_the_name(tmp_path):
    (tmp_path / "really-a-png.jpg").write_bytes(stored("png"))
    assert read_photo(tmp_path / "really-a-png.jpg").encoding.format == "PNG"


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(UnreadableImage, match="does not exist"):
        read_photo(tmp_path / "none.jpg")
    with pytest.raises(UnreadableImage, match="folder"):
        read_photo(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="the administrator may read everything")
def test_forbidden_file(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(stored("png"))
    path.chmod(0)
    with pytest.raises(UnreadableImage, match="cannot read"):
        read_photo(path)


@pytest.mark.parametrize("name", ["a" * 5000, "a\0b", "a\nb.png"])
def test_impossible_names(name):
    with pytest.raises(UnreadableImage) as caught:
        read_photo(name)
    assert "\n" not in str(caught.value)


def test_streams_that_give_no_bytes():
    closed = io.BytesIO(FILES[0])
    closed.close()
    with pytest.raises(UnreadableImage, match="closed"):
        read_photo(closed)
    with pytest.raises(UnreadableImage, match="'rb'"):
        read_photo(io.StringIO("text"))


def test_damaged_pillow_images_give_our_error():
    data = stored("png")
    with Image.open(io.BytesIO(data[: len(data) // 2])) as image, pytest.raises(UnreadableImage):
        from_pillow(image)


def test_limit_is_checked_before_decoding(tmp_path):
    pil(picture(3)).save(tmp_path / "a.png")
    with pytest.raises(ImageTooLarge, match="--max-megapixels"):
        read_photo(tmp_path / "a.png", max_pixels=1000)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(
    ("width", "height"), [(10_000, 10_001), (65_000, 65_000), (2**31 - 1, 2**31 - 1)]
)
def test_bombs_are_refused_from_their_header(bits, width, height):
    def chunk(name, body):
        crc = struct.pack(">I", zlib.crc32(name + body))
        return struct.pack(">I", len(body)) + name + body + crc

    header = struct.pack(">IIBBBBB", width, height, bits, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(bytes(1000)))
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")
    with pytest.raises(ImageTooLarge, match="megapixels"):
        read_photo(data)


def test_compressed_jpeg_bomb_is_refused(tmp_path):
    Image.new("L", (11_000, 10_000)).save(tmp_path / "bomb.jpg")
    with pytest.raises(ImageTooLarge, match="110 megapixels, the limit is 96"):
        read_photo(tmp_path / "bomb.jpg")
