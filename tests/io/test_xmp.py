"""XMP of strangers: well-formed when written, no thumbnail, no place, and no time squared."""

import io
import time
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import example, given, seed, settings
from hypothesis import strategies as st
from PIL import Image

from unblur.io import Metadata, Photo, read_photo, write_photo
from unblur.io.places import mentions_place, without_places
from unblur.io.xmp import MAX_BYTES
from unblur.io.xmp_cleaning import cleaned

PICTURE = np.random.default_rng(3).integers(0, 255, (37, 53, 3), dtype=np.uint8)
SPACES = (
    'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:g="http://ns.adobe.com/xap/1.0/g/img/" '
    'xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:I="urn:i" '
    'xmlns:GImage="http://ns.google.com/photos/1.0/image/"'
)
TITLE = "<dc:title><rdf:Alt><rdf:li xml:lang='x-default'>My title</rdf:li></rdf:Alt></dc:title>"


def packet(body="", attributes=""):
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf='
        f'"http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" {SPACES} '
        f"{attributes}>{body}{TITLE}</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode("utf-8", "replace")


def jpeg(xmp):
    with io.BytesIO() as stream:
        Image.fromarray(PICTURE).save(stream, "JPEG", xmp=xmp)
        return stream.getvalue()


def written(photo, extension="jpg", **options):
    with io.BytesIO() as stream:
        write_photo(photo, stream, format=extension, **options)
        return stream.getvalue()


def xmp_of(data):
    with Image.open(io.BytesIO(data)) as image:
        return image.info.get("xmp")


THUMBNAILS = {
    "two": "<xmp:Thumbnails><rdf:Alt><rdf:li g:width='9' g:image='/9j/SMALL1'/>"
    "<rdf:li g:image='/9j/SMALL2'/></rdf:Alt></xmp:Thumbnails>",
    "nested": "<xmp:Thumbnails><a><xmp:Thumbnails>SMALL</xmp:Thumbnails></a>SMALL</xmp:Thumbnails>",
    "another prefix": '<o:Thumbnails xmlns:o="http://ns.adobe.com/xap/1.0/">SMALL</o:Thumbnails>',
    "default namespace": '<Thumbnails xmlns="http://ns.adobe.com/xap/1.0/">SMALL</Thumbnails>',
    "apart": "<I:other><rdf:Description g:image='SMALL'/></I:other>",
    "in CDATA": "<xmp:Thumbnails><![CDATA[</xmp:Thumbnails>SMALL]]></xmp:Thumbnails>",
    "behind a bracket": "<xmp:Thumbnails a='/>' b='>'>SMALL</xmp:Thumbnails>",
    "a picture by another name": "<I:icon>/9j/4AAQSkZJRSMALL</I:icon>",
    "a picture in a list": "<I:a><rdf:Bag><rdf:li>iVBORw0KGgoSMALL</rdf:li></rdf:Bag></I:a>",
    "of Google's": "<GImage:Data>SMALL</GImage:Data>",
    "commented": "<!-- <xmp:Thumbnails> -->",
}


@pytest.mark.parametrize("name", THUMBNAILS)
def test_no_thumbnail_stays_and_the_rest_is_xml(name):
    photo = read_photo(jpeg(packet(THUMBNAILS[name], 'xmp:Rating="4"')))
    for extension in ("jpg", "png", "tif", "webp"):
        data = written(photo, extension)
        assert b"SMALL" not in data
        again = read_photo(data).metadata.xmp
        ElementTree.fromstring(again)
        assert b"My title" in again and b'xmp:Rating="4"' in again


def test_a_packet_that_is_nothing_but_a_thumbnail_goes():
    assert cleaned(b"<Thumbnails>SMALL</Thumbnails>") is None
    assert cleaned(b'<a b="/9j/SMALL"/>') == b"<a/>"


@pytest.mark.parametrize(
    ("before", "after"),
    [('tiff:Orientation="6"', 'tiff:Orientation="1"'), ("", "<tiff:Orientation>1<")],
)
def test_orientation_is_told_upright(before, after):
    body = "" if before else "<tiff:Orientation a='3'>8</tiff:Orientation>"
    assert after in cleaned(packet(body, before)).decode()


BAD = {
    "cut short": packet()[:-9],
    "no XML": b"hello, world",
    "two roots": b"<a/><b/>",
    "wrong nesting": b"<a><b></a></b>",
    "control character": packet("\x01"),
    "bad UTF-8": packet("y").replace(b"My", b"\xff\xfe"),
    "entities": b'<!DOCTYPE a [<!ENTITY e "x">]>' + packet("&e;"),
    "billion laughs": b'<!DOCTYPE a [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><a>&b;</a>',
    "a DTD elsewhere": b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
    "an entity of nobody's": packet("&nobody;"),
    "colons": b"<a::b/>",
    "too deep": b"<a>" * 500 + b"</a>" * 500,
    "too many": b"<a>" + b"<b/>" * 200_000 + b"</a>",
    "too long": b"<a>" + b"x" * MAX_BYTES + b"</a>",
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_well_formed_is_left_out(name):
    assert cleaned(BAD[name]) is None and without_places(BAD[name]) is None
    data = written(Photo(PICTURE, metadata=Metadata(xmp=BAD[name])))
    assert xmp_of(data) is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings(encoding):
    text = packet("<dc:rights>\u5317\u4eac &amp; \xe9</dc:rights>".encode().decode()).decode()
    found = cleaned(text.encode(encoding) + b"\0\0")
    assert "\u5317\u4eac &amp; \xe9" in found.decode()
    lying = b"<?xml version='1.0' encoding='shift-jis'?>" + packet()
    assert b"My title" in cleaned(lying)


def test_what_is_kept_is_kept_exactly_and_cleaning_again_changes_nothing():
    body = "<I:a b='1 &lt; 2 &quot; &#10; &#9;'> t &amp; &lt;u&gt; <I:c/>\r\n&#13;</I:a>"
    once = cleaned(b"<?xpacket begin='' id='W'?>" + packet(body) + b"<?xpacket end='w'?>   ")
    assert cleaned(once) == once and once.startswith(b"<?xpacket") and once.endswith(b"?>")
    (found,) = ElementTree.fromstring(once).iter("{urn:i}a")
    assert found.attrib == {"b": '1 < 2 " \n \t'} and found.text == " t & <u> "
    assert found[0].tail == "\n\r"


def test_prefixes_that_are_not_declared_or_mean_several_things():
    text = (
        '<a xmlns:p="urn:1" p:x="1"><b xmlns:p="urn:2" p:x="2" q:x="3"/>'
        '<c xmlns="urn:3" x="4"><p:d/></c></a>'
    )
    root = ElementTree.fromstring(cleaned(text.encode()))
    assert root.attrib == {"{urn:1}x": "1"}
    assert root[0].attrib == {"{urn:2}x": "2", "{urn:undeclared:q}x": "3"}
    assert root[1].tag == "{urn:3}c" and root[1].attrib == {"x": "4"}
    assert root[1][0].tag == "{urn:1}d"


SECRET = "SECRETPLACE"
LISTED = "<dc:creator><rdf:Seq><rdf:li {}>me</rdf:li></rdf:Seq></dc:creator>"
PLACES = {
    "default namespace": f'<City xmlns="http://ns.adobe.com/photoshop/1.0/">{SECRET}</City>',
    "geo address": f"<dc:source>geo:48.2010,16.3695?{SECRET}</dc:source>",
    "geo in a title": f"<dc:description>geo:48.2,16.3 {SECRET}</dc:description>",
    "PlaceName": f"<I:PlaceName>{SECRET}</I:PlaceName>",
    "venue": f"<I:venue>{SECRET}</I:venue>",
    "what3words": f"<I:w3w>///index.home.{SECRET}</I:w3w>",
    "what3words in rights": f"<dc:rights>///index.home.{SECRET}</dc:rights>",
    "entities": "<I:Ci>" + "".join(f"&#x{ord(c):x};" for c in SECRET) + "</I:Ci>",
    "keywords": f"<dc:subject><rdf:Bag><rdf:li>Places|{SECRET}</rdf:li></rdf:Bag></dc:subject>",
    "coverage": f"<dc:coverage>{SECRET}</dc:coverage>",
    "structure": f"<I:L rdf:parseType='Resource'><I:n>{SECRET}</I:n></I:L>",
    "in a title's structure": f"<dc:title><I:x>{SECRET}</I:x></dc:title>",
    "in a list's item": LISTED.format(f"I:c='{SECRET}'"),
    "as a number": f"<exif:FNumber>{SECRET}</exif:FNumber>",
    "a pair of degrees": f"<dc:description>48.2010, 16.3695 {SECRET}</dc:description>",
    "comment": f"<!-- {SECRET} -->",
    "instruction": f"<?place {SECRET}?>",
    "language": LISTED.format(f"xml:lang='x-{SECRET}-long'"),
    "attribute": f"</rdf:Description><rdf:Description I:City='{SECRET}' {SPACES}>",
    "other root": f"</rdf:Description><Place>{SECRET}</Place><rdf:Description {SPACES}>",
}


@pytest.mark.parametrize("name", PLACES)
def test_no_place_stays_when_it_is_stripped(name):
    given = packet(PLACES[name], 'xmp:Rating="4" exif:FNumber="28/10"')
    ElementTree.fromstring(given)
    photo = read_photo(jpeg(given))
    for extension in ("jpg", "png", "tif", "webp"):
        data = written(photo, extension, strip_location=True)
        assert SECRET.encode() not in data, extension
        found = read_photo(data).metadata.xmp
        ElementTree.fromstring(found)
        assert b'xmp:Rating="4"' in found and b'exif:FNumber="28/10"' in found


def test_what_tells_no_place_stays():
    body = (
        "<dc:creator><rdf:Seq><rdf:li>Jo &amp; Ann</rdf:li></rdf:Seq></dc:creator>"
        "<xmp:CreateDate>2026-01-02T03:04:05.678+01:00</xmp:CreateDate>"
        "<tiff:Model>X-1</tiff:Model>"
    )
    found = without_places(packet(body, 'tiff:Make="Maker"')).decode()
    for part in ("Jo &amp; Ann", "03:04:05.678+01:00", "X-1", "Maker", "My title", "x-default"):
        assert part in found
    assert without_places(b"<a>nothing</a>") is None


@pytest.mark.parametrize(
    "text",
    [
        *("lat: 48.1 lon: 11.5", "lat=48", "48,8584; 2,2945", "48 deg 51' 30\" N", "8FVC9G8F+6X"),
        *("31U DQ 48251 11932", "32U 691000 5334000", "Location: Lyon", "City=Lyon", "Ort: Bonn"),
        *("拍摄地：上海", "经度 121", "osm.org/#map=1", "Koordinaten folgen", "geo:48.2,16.4"),
    ],
)
def test_texts_that_speak_of_a_place(text):
    assert mentions_place(f"taken {text} in May")


@pytest.mark.parametrize("text", ["Grandma's garden", "f/2.8 1/250", "a cat, 3.5 kg", "v13.1234"])
def test_plain_texts_speak_of_no_place(text):
    assert not mentions_place(text)


HOSTILE = {
    "unclosed city": b"<a:city>",
    "unclosed thumbnails": b"<xmp:Thumbnails ",
    "attributes": b"<a b='",
    "spaces": b" ",
    "quotes": b'="',
    "brackets": b"<",
    "cdata": b"<![CDATA[",
    "comments": b"<!--",
    "digits": b"1.111",
    "references": b"&#65;",
    "nested": b"<a xmlns:b='c'>",
    "siblings": b"<a xmlns:b='c'/>",
    "slashes": b"///",
}


def seconds(data):
    """The shorter of two times of all that is done with a packet."""

    def once():
        begun = time.process_time()
        cleaned(data)
        without_places(data)
        mentions_place(data.decode("latin-1"))
        return time.process_time() - begun

    return min(once() for _ in range(2))


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("frame", [b"%s", b"<r xmlns:a='a'>%s</r>", b"<r q='%s'/>"])
def test_time_is_linear_in_the_length(name, frame):
    unit = HOSTILE[name]

    def hostile(length):
        return frame.replace(b"%s", unit * (length // len(unit)))

    short, long = seconds(hostile(32_000)), seconds(hostile(256_000))
    assert short < 0.5
    assert long < 8 * 3 * max(short, 0.01)


PARTS = st.sampled_from(
    [
        *(unit.decode() for unit in HOSTILE.values()),
        "<x>",
        "</x>",
        "/>",
        "xmp:Rating='4'",
        "é",
        "\0",
    ]
)


@seed(7)
@settings(max_examples=80, deadline=None)
@given(st.lists(PARTS | st.text(max_size=5), max_size=60), st.booleans())
@example(["<xmp:Thumbnails ", "'>'", "/>"], True)
def test_whatever_the_packet_the_result_is_xml_or_nothing(parts, framed):
    text = "".join(parts)
    data = (packet(text) if framed else text.encode("utf-8", "replace")) + b""
    for found in (cleaned(data), without_places(data)):
        if found is not None:
            ElementTree.fromstring(found)
            assert cleaned(found) == found
