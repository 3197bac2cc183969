"""Rarer kinds of files: each keeps its depth, transparency and quality, or says what it lost."""

import io
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.io.test_formats import HEIGHT, WIDTH, picture, pil, write_dng
from tests.io.test_metadata import ICC
from unblur.errors import UnreadableImage
from unblur.io import Metadata, Photo, read_photo, write_photo
from unblur.io.fitting import fitted

DATA = Path(__file__).parent / "data"


def stored(image, kind, **options):
    with io.BytesIO() as stream:
        image.save(stream, kind, **options)
        return stream.getvalue()


def written(photo, extension, **options):
    with io.BytesIO() as stream:
        write_photo(photo, stream, format=extension, **options)
        return stream.getvalue()


def tiff(array, **options):
    tifffile = pytest.importorskip("tifffile", reason="tifffile is not installed")
    with io.BytesIO() as stream:
        tifffile.imwrite(stream, array, **options)
        return stream.getvalue()


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def profile(space, tags):
    """A colour profile of version 2, as small as the engine takes it."""
    offset, table, body = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, content in tags:
        table += name + struct.pack(">II", offset + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    device = b"prtr" if space == b"CMYK" else b"mntr"
    pcs = b"Lab " if space == b"CMYK" else b"XYZ "
    head = struct.pack(
        ">I4sI4s4s4s", 128 + len(table + body), bytes(4), 0x02100000, device, space, pcs
    )
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    head += struct.pack(">3I", 0xF6D6, 0x10000, 0xD32D)
    return head.ljust(128, b"\0") + table + body


WHITE = (b"wtpt", b"XYZ \0\0\0\0" + struct.pack(">3I", 0xF6D6, 0x10000, 0xD32D))
LINEAR_GREY = profile(b"GRAY", [WHITE, (b"kTRC", b"curv\0\0\0\0" + struct.pack(">I", 0))])


def black_only_cmyk():
    """A press on which cyan, magenta and yellow leave no trace: no plain conversion does that."""
    ramp = bytes(range(256))
    corners = b"".join(bytes([0 if i & 1 else 255, 128, 128]) for i in range(16))
    lut = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0])
    lut += struct.pack(">9i", *(0x10000 if i % 4 == 0 else 0 for i in range(9)))
    return profile(b"CMYK", [WHITE, (b"A2B0", lut + 4 * ramp + corners + 3 * ramp)])


def test_cmyk_goes_through_its_profile():
    planes = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    planes[..., 0] = 255
    planes[5:9, 7:30, 3] = 255
    image = Image.merge("CMYK", [Image.fromarray(planes[..., i].copy()) for i in range(4)])
    photo = read_photo(stored(image, "TIFF", icc_profile=black_only_cmyk()))
    assert "through its profile" in photo.notes[0]
    assert photo.metadata.icc_profile is None
    assert photo.samples[0, 0].min() > 245
    assert photo.samples[6, 10].max() < 10
    plain = read_photo(stored(image, "TIFF"))
    assert "plainly" in plain.notes[0]
    assert plain.samples[0, 0, 0] == 0


def test_grey_with_a_profile_becomes_srgb_where_there_is_no_grey():
    photo = Photo(
        np.full((HEIGHT, WIDTH, 1), 55, np.uint8), metadata=Metadata(icc_profile=LINEAR_GREY)
    )
    with Image.open(io.BytesIO(written(photo, "avif"))) as image:
        assert (image.info.get("icc_profile") or b"")[16:20] != b"GRAY"
        assert abs(np.asarray(image)[3, 4].astype(int) - 128).max() <= 4  # 55/255 of linear light
    with Image.open(io.BytesIO(written(photo, "png"))) as image:
        assert image.mode == "L" and image.info["icc_profile"] == LINEAR_GREY


def test_lossless_webp_stays_lossless_behind_a_long_profile():
    data = stored(pil(picture(3)), "WEBP", lossless=True, icc_profile=ICC)
    again = read_photo(written(read_photo(data), "webp"))
    np.testing.assert_array_equal(again.samples, picture(3))
    lossy = read_photo(stored(pil(picture(3)), "WEBP", quality=50, icc_profile=ICC))
    assert lossy.encoding.options == {"lossless": False}


@pytest.mark.parametrize("channels", [1, 3])
def test_the_transparent_colour_of_a_deep_png_is_alpha(channels):
    array = picture(channels, np.uint16)
    data = written(Photo.from_array(array), "png")
    key = array[4, 6].astype(">u2").tobytes()
    photo = read_photo(data[:33] + chunk(b"tRNS", key) + data[33:])
    np.testing.assert_array_equal(photo.samples, array)
    np.testing.assert_array_equal(photo.alpha == 0, (array == array[4, 6]).all(axis=2))


def test_one_bit_transparency_is_kept():
    image = Image.fromarray(picture(1)[..., 0] > 90)
    photo = read_photo(stored(image, "PNG", transparency=0))
    np.testing.assert_array_equal(photo.alpha, photo.samples[..., 0])


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate"])
def test_deep_grey_tiff_needs_no_extra(monkeypatch, compression):
    monkeypatch.setitem(sys.modules, "tifffile", None)
    deep = picture(1, np.uint16)
    data = stored(pil(deep), "TIFF", compression=compression, tiffinfo={0x112: 6})
    photo = read_photo(data)
    assert (photo.samples.dtype, photo.encoding.bits) == (np.uint16, 16)
    np.testing.assert_array_equal(photo.samples, np.rot90(deep, -1))
    values = picture(1, np.float32)
    np.testing.assert_array_equal(read_photo(stored(pil(values), "TIFF")).samples, values)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_deep_rgb_tiff_is_turned_once(orientation):
    array = picture(3, np.uint16)
    tag = (274, 3, 1, orientation, True)
    photo = read_photo(tiff(array, photometric="rgb", extratags=[tag]))
    small = read_photo(stored(pil(picture(3)), "JPEG", exif=_exif(orientation), quality=100))
    assert photo.samples.shape == small.samples.shape
    assert np.abs(photo.srgb() - small.srgb()).max() < 0.04
    assert read_photo(written(photo, "tif")).samples.shape == photo.samples.shape


def _exif(orientation):
    exif = Image.Exif()
    exif[0x112] = orientation
    return exif


def test_premultiplied_deep_tiff_is_made_straight():
    alpha = np.tile(np.linspace(8000, 65535, WIDTH).astype(np.uint16), (HEIGHT, 1))
    colours = picture(3, np.uint16)
    multiplied = np.round(colours * (alpha[..., None] / 65535)).astype(np.uint16)
    planes = np.concatenate([multiplied, alpha[..., None]], axis=2)
    photo = read_photo(tiff(planes, photometric="rgb", extrasamples=["assocalpha"]))
    assert np.abs(photo.samples.astype(int) - colours).max() <= 8
    np.testing.assert_array_equal(photo.alpha, alpha)
    assert "premultiplied" in photo.notes[0]


def test_planes_apart_and_further_planes():
    array = picture(3, np.uint16)
    apart = tiff(np.moveaxis(array, 2, 0), photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(read_photo(apart).samples, array)
    more = picture(5, np.uint16)
    photo = read_photo(tiff(more, photometric="rgb"))
    np.testing.assert_array_equal(photo.samples, more[..., :3])
    assert photo.alpha is None
    assert "2 further channels" in photo.notes[0]
    kinds = ["unspecified", "unassalpha"]
    photo = read_photo(tiff(more, photometric="rgb", extrasamples=kinds))
    np.testing.assert_array_equal(photo.alpha, more[..., 4])
    assert "one further channel" in photo.notes[0]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_compressed_tiff_is_smaller_and_read_alike_by_others(dtype, channels):
    array = picture(channels, dtype, height=120, width=170)
    data = written(Photo.from_array(array), "tif")  # compressed: it was no plain TIFF
    assert len(data) < array.nbytes * 0.7
    tifffile = pytest.importorskip("tifffile", reason="tifffile is not installed")
    theirs = tifffile.imread(io.BytesIO(data))
    np.testing.assert_array_equal(theirs.reshape(array.shape), array)
    if dtype == np.uint8:
        with Image.open(io.BytesIO(data)) as image:
            np.testing.assert_array_equal(np.asarray(image).reshape(array.shape), array)


def test_ten_bit_heic_keeps_its_depth():
    pytest.importorskip("pi_heif", reason="pi-heif is not installed")
    photo = read_photo(DATA / "ten_bits.heic")
    assert (photo.samples.dtype, photo.samples.shape) == (np.uint16, (HEIGHT, WIDTH, 3))
    ys, xs = np.mgrid[:HEIGHT, :WIDTH]
    expected = (ys * 900 + xs * 500)[..., None] + np.array([0, 3000, 6000])
    assert np.abs(photo.samples.astype(int) - expected).max() < 600  # YCbCr of 10 bits
    assert len(np.unique(photo.samples)) > 256
    assert any("read only" in note for note in fitted(photo, "PNG").notes)


def test_heic_whose_items_are_no_text_does_not_take_the_process_down():
    pytest.importorskip("pi_heif", reason="pi-heif is not installed")
    data = (DATA / "turned.heic").read_bytes()
    assert data.count(b"Exif\0") >= 1
    with pytest.raises(UnreadableImage, match="items"):
        read_photo(data.replace(b"Exif\0", b"Exi\xff\0", 1))  # pi-heif alone: segmentation fault


def test_phone_pictures_with_a_second_frame_are_jpeg():
    data = stored(pil(picture(3)), "MPO", save_all=True, append_images=[pil(picture(3)[::-1])])
    photo = read_photo(data)
    assert photo.encoding.format == "JPEG"
    assert "the second picture of the file (MPO) left out" in photo.notes
    assert np.abs(photo.samples.astype(int) - picture(3)).mean() < 4


def test_a_wrong_extension_is_a_note(tmp_path):
    (tmp_path / "a.jpg").write_bytes(stored(pil(picture(3)), "PNG"))
    (tmp_path / "b.dng").write_bytes(stored(pil(picture(3)), "JPEG"))
    (tmp_path / "c.JPEG").write_bytes(stored(pil(picture(3)), "JPEG"))
    assert read_photo(tmp_path / "a.jpg").notes == (
        "the file is PNG, although its name ends in .jpg",
    )
    assert "is JPEG" in read_photo(tmp_path / "b.dng").notes[0]
    assert read_photo(tmp_path / "c.JPEG").notes == ()


def test_camera_raw_is_known_by_its_content(tmp_path):
    pytest.importorskip("rawpy", reason="rawpy is not installed")
    write_dng(tmp_path / "a.dng")
    data = (tmp_path / "a.dng").read_bytes()
    photo = read_photo(data)
    assert photo.encoding.format == "RAW"
    np.testing.assert_array_equal(photo.samples, read_photo(tmp_path / "a.dng").samples)
    again = read_photo(written(photo, "tif"))  # and what was made of it is RAW no more
    assert again.encoding.format == "TIFF"
    np.testing.assert_array_equal(again.samples, photo.samples)


def test_encoding_tells_depth_and_kind():
    for image, kind, bits, mode in [
        (pil(picture(3)), "JPEG", 8, "RGB"),
        (pil(picture(3)).quantize(8), "PNG", 8, "P"),
        (pil(picture(1, np.uint16)), "PNG", 16, "I;16"),
        (pil(picture(1, np.float32)), "TIFF", 32, "F"),
    ]:
        encoding = read_photo(stored(image, kind)).encoding
        assert (encoding.format, encoding.bits, encoding.mode) == (kind, bits, mode)
    assert Photo.from_array(picture(3, np.uint16)).channels == 3


def test_ten_bit_avif_says_what_it_loses():
    from unblur.io.bmff import read_still

    data = stored(pil(picture(3)), "AVIF")
    assert read_still(data).bits == 8
    place = data.index(b"av1C") + 6
    deep = data[:place] + bytes([data[place] | 0x40]) + data[place + 1 :]
    assert read_still(deep).bits == 10
