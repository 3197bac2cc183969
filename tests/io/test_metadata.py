"""Orientation applied once; EXIF, GPS, XMP and profiles kept, or stripped when asked."""

import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.io.test_formats import picture, pil
from unblur.io import Photo, read_photo, write_photo

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
