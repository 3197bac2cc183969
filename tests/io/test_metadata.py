"""Orientation applied once; EXIF, GPS, XMP and profiles kept, or stripped when asked."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.io.test_formats import picture, pil
from unblur.io import Metadata, Photo, read_photo, write_photo

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    b'xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
    b'xmlns:xmp="http://ns.adobe.com/xap/1.0/" exif:GPSLatitude="48,51.5N" '
    b'tiff:Orientation="6" xmp:Rating="4"><exif:GPSLongitude>2,17.7E</exif:GPSLongitude>'
    b"</rdf:Description></rdf:RDF></x:xmpmeta>"
)
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
LATITUDE = (48.0, 51.0, 30.0)


def exif(orientation=1):
    tags = Image.Exif()
    tags[0x010F] = "Maker of cameras"
    tags[0x0112] = orientation
    tags[0x0132] = "2026:01:02 03:04:05"
    tags.get_ifd(0x8769)[0x9003] = "2025:06:07 08:09:10"
    tags.get_ifd(0x8769)[0x927C] = b"secret place"
    tags.get_ifd(0x8825).update({1: "N", 2: LATITUDE, 3: "E", 4: (2.0, 17.0, 40.0)})
    return tags


def source(path, orientation=1, array=None):
    array = picture(3) if array is None else array
    image = pil(array)
    if path.suffix == ".png":
        from PIL import PngImagePlugin

        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", XMP.decode())
        image.save(path, exif=exif(orientation), icc_profile=ICC, pnginfo=info)
    elif path.suffix == ".tif":
        tags = exif(orientation)
        info = dict(tags.items()) | {700: XMP}
        info |= {tag: tags.get_ifd(tag) for tag in (0x8769, 0x8825)}
        image.save(path, icc_profile=ICC, tiffinfo=info)
    else:
        image.save(path, exif=exif(orientation), icc_profile=ICC, xmp=XMP)
    return path


def tags_of(path):
    with Image.open(path) as image:
        found = image.getexif()
        xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
        xmp = xmp[0] if isinstance(xmp, tuple) else xmp
        return {
            "maker": found.get(0x010F),
            "orientation": found.get(0x0112, 1),
            "taken": found.get_ifd(0x8769).get(0x9003),
            "notes": found.get_ifd(0x8769).get(0x927C),
            "gps": dict(found.get_ifd(0x8825)),
            "icc": image.info.get("icc_profile"),
            "xmp": xmp.encode() if isinstance(xmp, str) else xmp,
        }


SUFFIXES = [".jpg", ".png", ".webp", ".tif", ".avif"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_everything_is_kept(tmp_path, suffix):
    photo = read_photo(source(tmp_path / f"a{suffix}"))
    write_photo(photo, tmp_path / f"b{suffix}")
    tags = tags_of(tmp_path / f"b{suffix}")
    assert tags["maker"] == "Maker of cameras"
    assert tags["taken"] == "2025:06:07 08:09:10"
    assert tuple(float(v) for v in tags["gps"][2]) == LATITUDE
    assert tags["icc"] == ICC
    assert b'xmp:Rating="4"' in tags["xmp"]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_everything_is_kept_in_sixteen_bits(tmp_path, suffix):
    meta = read_photo(source(tmp_path / "a.jpg")).metadata
    deep = Photo(picture(3, np.uint16), metadata=meta)
    write_photo(deep, tmp_path / f"b{suffix}")
    tags = tags_of(tmp_path / f"b{suffix}")
    assert tags["maker"] == "Maker of cameras"
    assert tags["taken"] == "2025:06:07 08:09:10"
    assert tuple(float(v) for v in tags["gps"][2]) == LATITUDE
    assert tags["icc"] == ICC
    assert b'xmp:Rating="4"' in tags["xmp"]
    assert read_photo(tmp_path / f"b{suffix}").metadata.xmp == meta.xmp


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_orientation_is_applied_once(tmp_path, orientation, suffix):
    path = source(tmp_path / f"a{suffix}", orientation)
    from PIL import ImageOps

    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    photo = read_photo(path)
    np.testing.assert_array_equal(photo.samples, expected)
    write_photo(photo, tmp_path / f"b{suffix}")
    assert tags_of(tmp_path / f"b{suffix}")["orientation"] == 1
    again = read_photo(tmp_path / f"b{suffix}")
    assert again.samples.shape == photo.samples.shape
    assert b'tiff:Orientation="1"' in again.metadata.xmp


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_location_is_stripped_everywhere_and_only_that(tmp_path, suffix):
    photo = read_photo(source(tmp_path / f"a{suffix}"))
    write_photo(photo, tmp_path / f"b{suffix}", strip_location=True)
    tags = tags_of(tmp_path / f"b{suffix}")
    assert not tags["gps"]
    assert tags["notes"] is None
    assert b"GPS" not in tags["xmp"]
    assert tags["taken"] == "2025:06:07 08:09:10"
    assert b'xmp:Rating="4"' in tags["xmp"]
    data = (tmp_path / f"b{suffix}").read_bytes()
    assert b"secret place" not in data
    assert b"48,51.5N" not in data


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_all_metadata_but_the_profile_is_stripped(tmp_path, suffix):
    photo = read_photo(source(tmp_path / f"a{suffix}"))
    write_photo(photo, tmp_path / f"b{suffix}", strip_metadata=True)
    tags = tags_of(tmp_path / f"b{suffix}")
    assert tags["maker"] is None and not tags["gps"] and not tags["taken"]
    assert tags["xmp"] == b""
    assert tags["icc"] == ICC


def test_thumbnail_of_the_old_picture_is_dropped(tmp_path):
    photo = read_photo(source(tmp_path / "a.jpg"))
    parsed = Image.Exif()
    parsed.load(photo.metadata.exif)
    assert not parsed.get_ifd(1)


def test_damaged_exif_does_not_cost_the_photo(tmp_path):
    pil(picture(3)).save(tmp_path / "a.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f")
    assert read_photo(tmp_path / "a.jpg").samples.shape == picture(3).shape


NAME = "M\u00fcller \u5317\u4eac".encode()
TITLE = "T\u00eftle".encode("utf-16le")


def stored(image, kind, **options):
    with io.BytesIO() as stream:
        image.save(stream, kind, **options)
        return stream.getvalue()


def written(photo, extension, **options):
    with io.BytesIO() as stream:
        write_photo(photo, stream, format=extension, **options)
        return stream.getvalue()


def details(data, ifd=0x8769):
    with Image.open(io.BytesIO(data)) as image:
        return dict(image.getexif().get_ifd(ifd))


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_jpegs_exif_survives_in_any_other_format(suffix, dtype):
    tags = exif()
    tags[0x8298], tags[0x9C9B] = NAME, TITLE
    lens = {
        0xA434: "24-70mm",
        0xA432: (24.0, 70.0, 2.8, 4.0),
        0x9203: -1.5,
        0x9286: b"ASCII\0\0\0hi",
    }
    tags.get_ifd(0x8769).update(lens)
    meta = read_photo(stored(pil(picture(3)), "JPEG", exif=tags, xmp=XMP)).metadata
    data = written(Photo(picture(3, dtype), metadata=meta), suffix[1:])
    assert NAME in data and TITLE in data
    found = details(data)
    assert found[0xA434] == "24-70mm"
    assert found[0x927C] == b"secret place"
    assert found[0x9286] == b"ASCII\0\0\0hi"
    assert [float(v) for v in found[0xA432]] == [24.0, 70.0, pytest.approx(2.8), 4.0]
    assert float(found[0x9203]) == -1.5
    assert [float(v) for v in details(data, 0x8825)[2]] == list(LATITUDE)


@pytest.mark.parametrize("order", ["<", ">"])
def test_byte_order_of_exif_is_kept_for_the_makers_notes(order):
    tags = exif()
    tags.endian = order
    photo = read_photo(stored(pil(picture(3)), "JPEG", exif=tags.tobytes()))
    head = b"II*\0" if order == "<" else b"MM\0*"
    assert photo.metadata.exif[6:10] == head
    assert details(written(photo, "jpg"))[0x9003] == "2025:06:07 08:09:10"


def test_recorded_size_is_that_of_the_turned_picture():
    tags = exif(6)
    tags.get_ifd(0x8769).update({0xA002: 53, 0xA003: 37})
    photo = read_photo(stored(pil(picture(3)), "JPEG", exif=tags))
    assert (photo.width, photo.height) == (37, 53)
    for suffix in SUFFIXES:
        found = details(written(photo, suffix[1:]))
        assert (found[0xA002], found[0xA003]) == (37, 53)


def test_embedded_thumbnail_is_dropped():
    small = stored(pil(picture(3)).resize((16, 11)), "JPEG")
    first = struct.pack("<HHHII", 1, 0x010F, 2, 6, 26) + struct.pack("<I", 32) + b"Maker\0"
    entries = struct.pack("<HHII", 0x0201, 4, 1, 62) + struct.pack(
        "<HHII", 0x0202, 4, 1, len(small)
    )
    block = b"II*\0" + struct.pack("<I", 8) + first + struct.pack("<H", 2) + entries + bytes(4)
    data = stored(pil(picture(3)), "JPEG", exif=b"Exif\0\0" + block + small)
    assert small in data
    photo = read_photo(data)
    assert small not in written(photo, "jpg")
    assert b"Maker" in written(photo, "jpg")


@pytest.mark.parametrize("deep", [False, True])
def test_metadata_behind_the_pixels_of_a_png_is_found(deep):
    data = written(Photo.from_array(picture(3, np.uint16 if deep else np.uint8)), "png")
    late = b""
    for name, body in [
        (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP),
        (b"eXIf", exif(6).tobytes()[6:]),
    ]:
        crc = struct.pack(">I", zlib.crc32(name + body))
        late += struct.pack(">I", len(body)) + name + body + crc
    photo = read_photo(data[:-12] + late + data[-12:])
    assert b'xmp:Rating="4"' in photo.metadata.xmp
    assert photo.samples.shape == (53, 37, 3)
    assert b"Maker of cameras" in photo.metadata.exif


@pytest.mark.parametrize(
    "place",
    [
        b'drone-dji:GpsLatitude="+12.3456"',
        b"exif:GPSAltitude='12.3456'",
        b'exif:GPSAltitude = "12.3456"',
        b'x="1"/><rdf:Description rdf:parseType="12.3456"',
        b'photoshop:City="12.3456"',
        b'other="1"/><!-- gps 12.3456 --><rdf:Description',
    ],
)
def test_places_in_xmp_of_any_writer_are_stripped(place):
    xmp = XMP.replace(b'xmp:Rating="4"', place + b' xmp:Rating="4"')
    data = written(Photo(picture(3), metadata=Metadata(xmp=xmp)), "jpg", strip_location=True)
    assert b"12.3456" not in data
    assert b"gps" not in data.lower()
    assert (b'xmp:Rating="4"' in data) == (b"/>" not in place)  # there its prefix is not declared
    kept = written(Photo(picture(3), metadata=Metadata(xmp=xmp)), "jpg")
    assert (b"12.3456" in kept) == (b"<!--" not in place)  # comments are not kept


def test_xmp_that_cannot_be_searched_is_dropped_with_the_location():
    wide = XMP.decode().encode("utf-16le")
    photo = Photo(picture(3), metadata=Metadata(xmp=wide))
    assert wide not in written(photo, "jpg", strip_location=True)
    assert "48,51.5N".encode("utf-16le") not in written(photo, "jpg", strip_location=True)


def test_tags_of_camera_raw_do_not_reach_a_developed_photo():
    tags = exif()
    tags[50706] = b"\1\4\0\0"  # DNGVersion: a TIFF with it is taken for RAW
    meta = read_photo(stored(pil(picture(3)), "JPEG", exif=tags)).metadata
    again = read_photo(written(Photo(picture(3), metadata=meta), "tif"))
    assert again.encoding.format == "TIFF"
    assert b"Maker of cameras" in again.metadata.exif


def test_city_in_iptc_of_a_tiff_is_stripped_with_the_location():
    info = {33723: b"\x1c\x02\x5a\0\x05Paris"}
    photo = read_photo(stored(pil(picture(3)), "TIFF", tiffinfo=info))
    assert b"Paris" in written(photo, "tif")
    assert b"Paris" not in written(photo, "tif", strip_location=True)
    assert b"Paris" not in written(photo, "tif", strip_metadata=True)


@pytest.mark.parametrize("kind", [("JPEG", "jpg"), ("PNG", "png"), ("TIFF", "tif"), ("BMP", "bmp")])
def test_resolution_is_kept(kind):
    photo = read_photo(stored(pil(picture(3)), kind[0], dpi=(300, 200)))
    for data in (
        written(photo, kind[1]),
        written(Photo(picture(3, np.uint16), metadata=photo.metadata), "png"),
    ):
        with Image.open(io.BytesIO(data)) as image:
            assert image.info["dpi"] == pytest.approx((300, 200), abs=0.1)


def test_metadata_too_long_for_jpeg_does_not_cost_the_photo(caplog):
    tags = exif()
    tags.get_ifd(0x8769)[0x927C] = bytes(70_000)
    photo = read_photo(stored(pil(picture(3)), "PNG", exif=tags))
    data = written(photo, "jpg")
    assert details(data)[0x9003] == "2025:06:07 08:09:10"
    assert "maker's notes" in caplog.text
    tags[0x010E] = "x" * 70_000
    photo = read_photo(stored(pil(picture(3)), "PNG", exif=tags))
    assert not details(written(photo, "jpg"))
    wordy = XMP.replace(b'xmp:Rating="4"', b'xmp:Label="' + b"x" * 70_000 + b'"')
    long = Photo(picture(3), metadata=Metadata(xmp=wordy))
    assert b"xmpmeta" not in written(long, "jpg")
    assert b"xmpmeta" in written(long, "png")
