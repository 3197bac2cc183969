"""No place leaks from a stripped photo, wherever a camera or program has put it.

Each case is a file with ``48.8584`` in it. It is looked for in the bytes of the result and in all
that Pillow reads from it, in every format a photo can be written in.
"""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from unblur.io import read_photo, write_photo

PLACE = "48.8584"
DATA = Path(__file__).parent / "data"
FORMATS = ["jpg", "png", "tif", "webp", "avif"]
PICTURE = Image.fromarray(np.random.default_rng(3).integers(0, 255, (53, 37, 3), dtype=np.uint8))
SPACES = (
    'xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:e="http://ns.adobe.com/exif/1.0/" '
    'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
    'xmlns:ps="http://ns.adobe.com/photoshop/1.0/" xmlns:xmpNote="http://ns.adobe.com/xmp/note/" '
    'xmlns:geo="http://www.w3.org/2003/01/geo/wgs84_pos#" xmlns:dwc="http://rs.tdwg.org/dwc/terms/"'
)


def stored(kind, **options):
    with io.BytesIO() as stream:
        PICTURE.save(stream, kind, **options)
        return stream.getvalue()


def written(data, extension, **options):
    with io.BytesIO() as stream:
        write_photo(read_photo(data), stream, format=extension, **options)
        return stream.getvalue()


def tells_place(data):
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        exif = image.getexif()
        seen = [dict(exif), image.info, *(dict(exif.get_ifd(n)) for n in (0x8769, 0x8825, 1))]
    # Zeros are taken out because text of Windows has one behind every letter.
    return any(PLACE.encode() in part for part in (data.replace(b"\0", b""), repr(seen).encode()))


def xmp(attributes="", body=""):
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf='
        f'"http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description {SPACES} {attributes} '
        f'xmp:Rating="4">{body}</rdf:Description></rdf:RDF></x:xmpmeta>'
    ).encode()


def exif(tags=None, details=None, gps=None):
    out = Image.Exif()
    out[0x10F] = "Maker"
    out.update(tags or {})
    out.get_ifd(0x8769).update({0xA434: "24-70mm"} | (details or {}))
    out.get_ifd(0x8825).update(gps or {})
    return out


def segment(marker, body):
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def behind_start(*segments, **options):
    """A JPEG with segments that Pillow does not write."""
    data = stored("JPEG", **options)
    return data[:2] + b"".join(segments) + data[2:]


def png(*texts, **options):
    info = PngImagePlugin.PngInfo()
    for add, key, value in texts:
        {"zTXt": lambda k, v: info.add_text(k, v, zip=True), "iTXt": info.add_itxt}.get(
            add, info.add_text
        )(key, value)
    return stored("PNG", pnginfo=info, **options)


GPS = {1: "N", 2: (48.0, 51.0, 30.0), 29: PLACE}
PACKET = xmp(f'exif:GPSLatitude="{PLACE}"')
RAW = exif(gps=GPS).tobytes()
IPTC = b"\x1c\x02\x5a\0\x07" + PLACE.encode()
GUID = "0123456789ABCDEF" * 2

IN_XMP = {
    "attribute": (f'exif:GPSLatitude="{PLACE}"', ""),
    "attribute over lines": (f"exif:GPSLatitude\n =\n '{PLACE}'", ""),
    "element": ("", f"<exif:GPSLatitude>{PLACE}</exif:GPSLatitude>"),
    "CDATA": ("", f"<exif:GPSLatitude><![CDATA[{PLACE}]]></exif:GPSLatitude>"),
    "another prefix": (f'e:GPSLatitude="{PLACE}"', ""),
    "city": (f'photoshop:City="{PLACE}"', ""),
    "city, another prefix": (f'ps:City="{PLACE}"', f"<ps:State>{PLACE}</ps:State>"),
    "geo": (f'geo:lat="{PLACE}"', f"<geo:long>{PLACE}</geo:long>"),
    "Darwin Core": (f'dwc:decimalLatitude="{PLACE}" dwc:verbatimCoordinates="{PLACE}"', ""),
    "structure": (
        "",
        f'<I:LocationShown><rdf:Bag><rdf:li I:City="{PLACE}"/></rdf:Bag></I:LocationShown>',
    ),
}
FILES = {
    **{f"XMP {name}": stored("JPEG", xmp=xmp(*parts)) for name, parts in IN_XMP.items()},
    "GPS": stored("JPEG", exif=exif(gps=GPS)),
    "GPS below Exif": stored("JPEG", exif=exif(details={0x8825: PLACE.encode()})),
    "maker's note": stored("JPEG", exif=exif(details={0x927C: PLACE.encode()})),
    "padding": stored("JPEG", exif=exif(details={0xEA1C: PLACE.encode()})),
    "comment of EXIF": stored(
        "JPEG", exif=exif(details={0x9286: b"ASCII\0\0\0GPS " + PLACE.encode()})
    ),
    "description": stored("JPEG", exif=exif({0x10E: f"Latitude {PLACE}"})),
    "comment of Windows": stored("JPEG", exif=exif({0x9C9C: f"gps {PLACE}".encode("utf-16le")})),
    "private tag": stored("TIFF", tiffinfo={65000: PLACE.encode()}),
    "GeoTIFF": stored("TIFF", tiffinfo={34737: PLACE, 33922: (0.0, 48.8584)}),
    "TIFF": stored("TIFF", tiffinfo={700: PACKET, 33723: IPTC, 0x8825: GPS, 37724: IPTC}),
    "PNG, EXIF and XMP": png(("iTXt", "XML:com.adobe.xmp", PACKET.decode()), exif=RAW),
    "PNG, XMP compressed": png(("zTXt", "XML:com.adobe.xmp", PACKET.decode())),
    "PNG, EXIF in text": png(
        ("tEXt", "Raw profile type exif", f"\nexif\n{len(RAW):8}\n{RAW.hex()}\n")
    ),
    "WebP": stored("WEBP", exif=RAW, xmp=PACKET),
    "AVIF": stored("AVIF", exif=RAW, xmp=PACKET),
}
NEVER_READ = {
    "PNG text": png(("tEXt", "Comment", PLACE), ("zTXt", "GPS", PLACE), ("iTXt", "Where", PLACE)),
    "JPEG comment": stored("JPEG", comment=PLACE),
    "IPTC": behind_start(
        segment(0xED, b"Photoshop 3.0\x008BIM\4\4\0\0\0\0\0\x0c" + IPTC), exif=exif()
    ),
    "extended XMP": behind_start(
        segment(
            0xE1,
            b"http://ns.adobe.com/xmp/extension/\0"
            + GUID.encode()
            + struct.pack(">II", len(PACKET), 0)
            + PACKET,
        ),
        xmp=xmp(f'xmpNote:HasExtendedXMP="{GUID}"'),
    ),
    "an unknown segment": behind_start(segment(0xEB, PLACE.encode())),
    "behind the end": stored("JPEG") + PLACE.encode(),
}


@pytest.mark.parametrize("name", FILES)
def test_no_place_is_left_when_places_are_stripped(name):
    data = FILES[name]
    assert tells_place(data)
    for extension in FORMATS:
        assert not tells_place(written(data, extension, strip_location=True)), extension


@pytest.mark.parametrize("name", {**FILES, **NEVER_READ})
def test_no_place_is_left_when_all_metadata_is_stripped(name):
    data = {**FILES, **NEVER_READ}[name]
    for extension in FORMATS:
        assert not tells_place(written(data, extension, strip_metadata=True)), extension


@pytest.mark.parametrize("name", NEVER_READ)
def test_what_is_not_read_is_in_no_result(name):
    data = NEVER_READ[name]
    assert tells_place(data)
    for extension in FORMATS:
        assert not tells_place(written(data, extension)), extension


def test_the_result_does_not_point_to_xmp_that_is_not_there():
    assert b"HasExtendedXMP" in NEVER_READ["extended XMP"]
    assert b"HasExtendedXMP" not in written(NEVER_READ["extended XMP"], "jpg")
    as_element = f"<xmpNote:HasExtendedXMP>{GUID}</xmpNote:HasExtendedXMP>"
    again = written(stored("JPEG", xmp=xmp(body=as_element)), "jpg")
    assert GUID.encode() not in again and b'xmp:Rating="4"' in again


@pytest.mark.parametrize("name", [name for name in IN_XMP if name != "attribute over lines"])
def test_the_rest_of_xmp_stays_and_is_xml(name):
    from xml.etree import ElementTree

    attributes, body = IN_XMP[name]
    packet = xmp(attributes, body).replace(b"<rdf:Description", b'<rdf:Description xmlns:I="i"', 1)
    stripped = read_photo(written(stored("JPEG", xmp=packet), "jpg", strip_location=True))
    assert b'xmp:Rating="4"' in stripped.metadata.xmp
    ElementTree.fromstring(stripped.metadata.xmp)


def test_what_is_no_place_stays():
    details = {0x9003: "2025:06:07 08:09:10", 0x9286: b"ASCII\0\0\0a cat", 0x829A: 0.004}
    data = stored("JPEG", exif=exif({0x8298: "me", 0x9C9C: "x".encode("utf-16le")}, details, GPS))
    with Image.open(io.BytesIO(written(data, "jpg", strip_location=True))) as image:
        found = image.getexif()
        assert (found[0x10F], found[0x8298], found[0x9C9C]) == ("Maker", "me", b"x\0")
        assert set(found.get_ifd(0x8769)) == {*details, 0xA434}


@pytest.mark.parametrize("extension", ["jpg", "png", "tif"])
def test_the_place_in_a_heic_photo(extension):
    pytest.importorskip("pi_heif", reason="pi-heif is not installed")
    data = (DATA / "placed.heic").read_bytes()
    assert tells_place(written(data, extension))
    assert not tells_place(written(data, extension, strip_metadata=True))
    stripped = written(data, extension, strip_location=True)
    assert not tells_place(stripped)
    assert b"Maker" in stripped and b'xmp:Rating="4"' in stripped
