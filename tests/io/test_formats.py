"""Real files of every kind: pixels, depth and mode survive; sides differ everywhere."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unblur.errors import BadValue, ShapeMismatch, UnsupportedImage
from unblur.io import Photo, Region, read_photo, write_photo
from unblur.io.decode import from_pillow
from unblur.io.png16 import decode_png16

HEIGHT, WIDTH = 37, 53


def picture(channels, dtype=np.uint8, height=HEIGHT, width=WIDTH):
    """Smooth, different in every corner and channel, so that any turn or swap shows."""
    ys, xs = np.mgrid[:height, :width]
    top = 1.0 if np.dtype(dtype).kind == "f" else float(np.iinfo(dtype).max)
    planes = [
        0.1 + 0.4 * ys / max(height - 1, 1) + 0.2 * xs / max(width - 1, 1) * (c + 1) / 3
        for c in range(channels)
    ]
    return (np.stack(planes, axis=2) * top).astype(dtype)


def pil(array):
    return Image.fromarray(array[..., 0] if array.shape[2] == 1 else array)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp", ".webp", ".jpg", ".avif"])
@pytest.mark.parametrize("channels", [1, 3])
def test_eight_bit_round_trip(tmp_path, suffix, channels):
    array = picture(channels)
    options = {"lossless": True} if suffix == ".webp" else {}
    pil(array).save(tmp_path / f"a{suffix}", **options)
    photo = read_photo(tmp_path / f"a{suffix}")
    assert photo.samples.dtype == np.uint8
    assert (photo.height, photo.width) == (HEIGHT, WIDTH)
    write_photo(photo, tmp_path / f"b{suffix}")
    again = read_photo(tmp_path / f"b{suffix}")
    lossy = suffix in (".jpg", ".avif")
    if suffix not in (".webp", ".avif"):  # which have no grey
        assert photo.samples.shape[2] == again.samples.shape[2] == channels
    np.testing.assert_allclose(
        again.samples.astype(int),
        np.broadcast_to(array, again.samples.shape).astype(int),
        atol=8 if lossy else 0,
    )


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_alpha_is_kept_apart_and_written_back(tmp_path, mode, suffix):
    array = picture(len(mode))
    pil(array).save(tmp_path / f"a{suffix}")
    photo = read_photo(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(photo.samples, array[..., :-1])
    np.testing.assert_array_equal(photo.alpha, array[..., -1])
    write_photo(photo, tmp_path / f"b{suffix}")
    with Image.open(tmp_path / f"b{suffix}") as image:
        assert image.mode == mode
        np.testing.assert_array_equal(np.asarray(image), array)


def test_palette_one_bit_and_transparency_are_expanded_with_a_note(tmp_path):
    pil(picture(3)).quantize(16).save(tmp_path / "p.png")
    photo = read_photo(tmp_path / "p.png")
    assert photo.samples.shape == (HEIGHT, WIDTH, 3)
    assert "palette" in photo.notes[0]
    Image.fromarray(picture(1)[..., 0] > 90).save(tmp_path / "1.png")
    one = read_photo(tmp_path / "1.png")
    assert set(np.unique(one.samples)) == {0, 255}
    pil(picture(3)).save(tmp_path / "t.png", transparency=(1, 2, 3))
    assert read_photo(tmp_path / "t.png").alpha is not None


def test_cmyk_is_converted_and_said(tmp_path):
    pil(picture(3)).convert("CMYK").save(tmp_path / "c.jpg", quality=98, subsampling=0)
    photo = read_photo(tmp_path / "c.jpg")
    assert photo.samples.shape == (HEIGHT, WIDTH, 3)
    assert any("CMYK" in note for note in photo.notes)
    assert np.abs(photo.samples.astype(int) - picture(3)).mean() < 6
    write_photo(photo, tmp_path / "back.jpg")
    with Image.open(tmp_path / "back.jpg") as image:
        assert image.mode == "RGB"


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_sixteen_bit_png_is_exact(tmp_path, channels):
    rng = np.random.default_rng(channels)
    array = rng.integers(0, 65536, (HEIGHT, WIDTH, channels)).astype(np.uint16)
    photo = Photo.from_array(array)
    write_photo(photo, tmp_path / "a.png")
    again = read_photo(tmp_path / "a.png")
    assert again.samples.dtype == np.uint16
    colours = 1 if channels < 3 else 3
    np.testing.assert_array_equal(again.samples, array[..., :colours])
    if channels in (2, 4):
        np.testing.assert_array_equal(again.alpha, array[..., -1])


def test_sixteen_bit_png_agrees_with_pillow_on_grey(tmp_path):
    array = np.random.default_rng(0).integers(0, 65536, (HEIGHT, WIDTH)).astype(np.uint16)
    Image.fromarray(array).save(tmp_path / "pillow.png")  # libpng picks its own row filters
    np.testing.assert_array_equal(read_photo(tmp_path / "pillow.png").samples[..., 0], array)
    write_photo(Photo.from_array(array), tmp_path / "ours.png")
    with Image.open(tmp_path / "ours.png") as image:
        np.testing.assert_array_equal(np.asarray(image), array)


@pytest.mark.parametrize("kind", [0, 1, 2, 3, 4, "mixed"])
def test_every_png_row_filter_is_undone(kind):
    """Against filters written out from the specification, byte by byte."""
    import struct
    import zlib

    height, width, channels = 7, 5, 3
    rng = np.random.default_rng(3)
    array = rng.integers(0, 65536, (height, width, channels)).astype(">u2")
    plain = array.view(np.uint8).reshape(height, -1).astype(int)
    bpp, rows = 2 * channels, b""
    for y in range(height):
        f = y % 5 if kind == "mixed" else kind
        line = []
        for i in range(plain.shape[1]):
            a = plain[y, i - bpp] if i >= bpp else 0
            b = plain[y - 1, i] if y else 0
            c = plain[y - 1, i - bpp] if y and i >= bpp else 0
            p = a + b - c
            nearest = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            line.append((plain[y, i] - [0, a, b, (a + b) // 2, nearest][f]) % 256)
        rows += bytes([f, *line])

    def chunk(name, body):
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    data += chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    np.testing.assert_array_equal(decode_png16(data), array.astype(np.uint16))


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_deep_tiff_is_exact_and_read_alike_by_others(tmp_path, dtype, channels):
    import tifffile

    array = picture(channels, dtype)
    write_photo(Photo.from_array(array), tmp_path / "ours.tif")
    theirs = tifffile.imread(tmp_path / "ours.tif")
    np.testing.assert_array_equal(theirs.reshape(array.shape), array)
    again = read_photo(tmp_path / "ours.tif")
    assert again.samples.dtype == dtype
    np.testing.assert_array_equal(again.samples, array[..., :3] if channels > 1 else array)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_deep_tiff_of_others_is_read(tmp_path, compression):
    import tifffile

    array = picture(3, np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", compression=compression)
    np.testing.assert_array_equal(read_photo(tmp_path / "a.tif").samples, array)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 3.0, -0.5])
def test_float_tiff_outside_its_range_is_refused(tmp_path, bad):
    import tifffile

    array = picture(3, np.float32)
    array[3, 4, 1] = bad
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb")
    with pytest.raises(BadValue, match=r"NaN|must lie in"):
        read_photo(tmp_path / "a.tif")


def test_jpeg_keeps_its_quality_class(tmp_path):
    for quality in (40, 85):
        pil(picture(3)).save(tmp_path / "a.jpg", quality=quality, subsampling=2, progressive=True)
        write_photo(read_photo(tmp_path / "a.jpg"), tmp_path / f"b{quality}.jpg")
        with Image.open(tmp_path / "a.jpg") as a, Image.open(tmp_path / f"b{quality}.jpg") as b:
            assert a.quantization == b.quantization
            assert b.info.get("progressive")
    write_photo(read_photo(tmp_path / "a.jpg"), tmp_path / "c.jpg", quality=30)
    with Image.open(tmp_path / "a.jpg") as a, Image.open(tmp_path / "c.jpg") as c:
        assert a.quantization != c.quantization


def test_transparent_photo_becomes_jpeg_over_white(tmp_path):
    array = picture(4)
    array[..., 3] = 0
    write_photo(Photo.from_array(array), tmp_path / "a.jpg")
    assert read_photo(tmp_path / "a.jpg").samples.min() > 250


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png", ".avif"])
def test_animations_are_sent_to_the_video_command(tmp_path, suffix):
    frames = [pil(picture(3)), pil(picture(3)[::-1].copy())]
    frames[0].save(tmp_path / f"a{suffix}", save_all=True, append_images=frames[1:])
    with pytest.raises(UnsupportedImage, match="2 frames; 'unblur video'"):
        read_photo(tmp_path / f"a{suffix}")


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 5000), (3, 2)])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_extreme_sizes(tmp_path, height, width, suffix):
    pil(picture(3, height=height, width=width)).save(tmp_path / f"a{suffix}")
    photo = read_photo(tmp_path / f"a{suffix}")
    write_photo(photo, tmp_path / f"b{suffix}")
    assert read_photo(tmp_path / f"b{suffix}").samples.shape == (height, width, 3)


def test_bytes_streams_arrays_and_pillow_images(tmp_path):
    array = picture(3)
    with io.BytesIO() as stream:
        pil(array).save(stream, "PNG")
        data = stream.getvalue()
    np.testing.assert_array_equal(read_photo(data).samples, array)
    np.testing.assert_array_equal(read_photo(io.BytesIO(data)).samples, array)
    np.testing.assert_array_equal(from_pillow(pil(array)).samples, array)
    with io.BytesIO() as stream:
        write_photo(read_photo(data), stream, format="tif")
        assert read_photo(stream.getvalue()).encoding.format == "TIFF"
    photo = Photo.from_array(array)
    np.testing.assert_allclose(photo.srgb(Region(2, 3, 9, 20)), array[2:9, 3:20] / 255, rtol=1e-6)
    assert photo.to_pil().size == (WIDTH, HEIGHT)


@pytest.mark.parametrize(
    ("array", "error"),
    [
        (np.zeros((3, 4, 5), np.uint8), ShapeMismatch),
        (np.zeros((0, 4, 3), np.uint8), ShapeMismatch),
        (np.zeros((3, 4), np.int32), UnsupportedImage),
        (np.full((3, 4), np.nan), BadValue),
        (np.full((3, 4), 200.0), BadValue),
    ],
)
def test_bad_arrays_are_refused(array, error):
    with pytest.raises(error):
        Photo.from_array(array)


def test_with_samples_wants_the_same_shape_and_dtype():
    photo = Photo.from_array(picture(3))
    with pytest.raises(ShapeMismatch):
        photo.with_samples(picture(3, np.uint16))


def test_heic_is_read_through_the_extra(tmp_path):
    pillow_heif = pytest.importorskip("pi_heif", reason="pi-heif is not installed")
    assert pillow_heif  # decodes only: a real HEIC file lies beside the tests
    photo = read_photo(Path(__file__).parent / "data" / "turned.heic")
    assert photo.encoding.format == "HEIF"
    assert (photo.height, photo.width) == (53, 37)


def test_missing_extra_says_what_to_install(tmp_path, monkeypatch):
    import sys

    from unblur.errors import MissingExtra

    write_photo(Photo.from_array(picture(3, np.uint16)), tmp_path / "a.tif")
    monkeypatch.setitem(sys.modules, "tifffile", None)
    with pytest.raises(MissingExtra, match=r"pip install 'unblur\[tiff\]'"):
        read_photo(tmp_path / "a.tif")
    monkeypatch.setitem(sys.modules, "rawpy", None)
    (tmp_path / "a.cr2").write_bytes(b"II*\0" + bytes(100))
    with pytest.raises(MissingExtra, match=r"unblur\[raw\]"):
        read_photo(tmp_path / "a.cr2")


def write_dng(path, height=40, width=58):
    """A small camera RAW file: one Bayer plane, brighter towards the lower right."""
    import tifffile

    ys, xs = np.mgrid[:height, :width]
    plane = (1000 + 20000 * (ys + xs) / (height + width)).astype(np.uint16)
    matrix = [1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1]
    tags = [
        (50706, "B", 4, (1, 4, 0, 0), True),
        (50708, "s", 0, "Test Camera", True),
        (33421, "H", 2, (2, 2), True),
        (33422, "B", 4, (0, 1, 1, 2), True),
        (50714, "H", 1, 0, True),
        (50717, "I", 1, 65535, True),
        (50721, "2i", 9, matrix, True),
        (50728, "2I", 3, (1, 1, 1, 1, 1, 1), True),
    ]
    tifffile.imwrite(path, plane, photometric="cfa", extratags=tags)


def test_camera_raw_is_developed_to_sixteen_bits(tmp_path):
    pytest.importorskip("rawpy", reason="rawpy is not installed")
    write_dng(tmp_path / "a.dng")
    photo = read_photo(tmp_path / "a.dng")
    assert photo.samples.dtype == np.uint16
    assert photo.samples.shape[1] > photo.samples.shape[0] > 20
    corners = photo.srgb().mean(axis=2)
    assert corners[-8:, -8:].mean() > corners[:8, :8].mean()
    assert "RAW" in photo.notes[0]
    write_photo(photo, tmp_path / "a.tif")
    np.testing.assert_array_equal(read_photo(tmp_path / "a.tif").samples, photo.samples)
    (tmp_path / "b.dng").write_bytes((tmp_path / "a.dng").read_bytes()[:300])
    from unblur.errors import UnreadableImage

    with pytest.raises(UnreadableImage, match="RAW"):
        read_photo(tmp_path / "b.dng")
