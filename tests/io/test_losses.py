"""What phones put beside a picture: told when it is lost, and not claimed afterwards."""

import io
import struct
from xml.dom import minidom

import numpy as np
import pytest
from PIL import Image

from tests.io.test_formats import picture, pil
from unblur.io import read_photo, write_photo
from unblur.io.bmff import Still
from unblur.io.losses import heif_losses
from unblur.io.xmp_cleaning import cleaned

HEAD = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="kept"'
)
TAIL = "</rdf:Description></rdf:RDF></x:xmpmeta>"
CONTAINER = 'xmlns:Container="http://ns.google.com/photos/1.0/container/"'
ITEM = 'xmlns:Item="http://ns.google.com/photos/1.0/container/item/"'
CAMERA = 'xmlns:GCamera="http://ns.google.com/photos/1.0/camera/"'


def directory(semantic):
    return (
        "<Container:Directory><rdf:Seq><rdf:li rdf:parseType='Resource'>"
        f"<Container:Item Item:Semantic='{semantic}' Item:Length='600'/></rdf:li></rdf:Seq>"
        "</Container:Directory>"
    )


PACKETS = {
    "gain map": f'{HEAD} xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0" '
    f"{CONTAINER} {ITEM}>{directory('GainMap')}{TAIL}",
    "motion": f'{HEAD} {CAMERA} GCamera:MotionPhoto="1" GCamera:MotionPhotoVersion="1" '
    f"{CONTAINER} {ITEM}>{directory('MotionPhoto')}{TAIL}",
    "micro video": f'{HEAD} {CAMERA} GCamera:MicroVideo="1" GCamera:MicroVideoOffset="9">{TAIL}',
    "another maker": f'{HEAD} xmlns:OpCamera="http://ns.oplus.com/photos/1.0/camera/" '
    f'OpCamera:MotionPhotoOwner="o" OpCamera:OLivePhotoVersion="2" OpCamera:VideoLength="9">{TAIL}',
    "as elements": f"{HEAD} {CAMERA}><GCamera:MicroVideo>1</GCamera:MicroVideo>{TAIL}",
    "other prefixes": f'{HEAD} xmlns:q="http://ns.google.com/photos/1.0/camera/" '
    f'q:MotionPhoto="1">{TAIL}',
    "depth": f'{HEAD} xmlns:GDepth="http://ns.google.com/photos/1.0/depthmap/" '
    f'GDepth:Near="1">{TAIL}',
}
FRAME = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>{}<?xpacket end="w"?>'
WORDS = {
    "gain map": "gain map",
    "motion": "clip of its motion photo",
    "micro video": "clip of its motion photo",
    "another maker": "clip of its motion photo",
    "as elements": "clip of its motion photo",
    "other prefixes": "clip of its motion photo",
    "depth": "depth map",
}


def jpeg(packet, more=b""):
    with io.BytesIO() as stream:
        pil(picture(3)).save(stream, "JPEG", quality=95, xmp=packet.encode())
        return stream.getvalue() + more


@pytest.mark.parametrize("name", PACKETS)
@pytest.mark.parametrize("framed", [False, True])
def test_claims_go_with_what_they_claim(name, framed):
    packet = FRAME.format(PACKETS[name]) if framed else PACKETS[name]
    photo = read_photo(jpeg(packet, b"more"))
    assert any(WORDS[name] in note for note in photo.notes)
    with io.BytesIO() as stream:
        write_photo(photo, stream, format="jpg")
        with Image.open(io.BytesIO(stream.getvalue())) as image:
            left = image.info["xmp"]
    minidom.parseString(left)
    words = (b"hdrgm", b"GainMap", b"ontainer", b"MotionPhoto", b"MicroVideo", b"GDepth")
    for word in (*words, b"OLive", b"VideoLength"):
        assert word not in left
    assert b'dc:format="kept"' in left
    assert (b"xpacket" in left) == framed


@pytest.mark.parametrize("kind", ["WEBP", "AVIF", "HEIF", "TIFF"])
def test_clips_are_told_in_every_format(kind):
    if kind == "HEIF":
        assert any(WORDS["motion"] in n for n in heif_losses(with_packet("motion"), Still()))
        return
    with io.BytesIO() as stream:
        pil(picture(3)).save(stream, kind, xmp=PACKETS["motion"].encode())
        data = stream.getvalue()
    if kind == "TIFF" and PACKETS["motion"].encode() not in data:
        pytest.skip("this Pillow writes no XMP into TIFF")
    assert any(WORDS["motion"] in note for note in read_photo(data).notes)


def with_packet(name):
    image = pil(picture(3))
    image.info["xmp"] = PACKETS[name].encode()
    return image


def test_other_properties_of_the_camera_stay():
    packet = f'{HEAD} {CAMERA} GCamera:MotionPhoto="1" GCamera:BurstID="b">{TAIL}'.encode()
    left = cleaned(packet)
    assert b'GCamera:BurstID="b"' in left and b"MotionPhoto" not in left


def test_a_still_with_a_motion_flag_of_zero_has_lost_nothing():
    photo = read_photo(jpeg(f'{HEAD} {CAMERA} GCamera:MotionPhoto="0">{TAIL}'))
    assert photo.notes == ()


@pytest.mark.parametrize("count", [1, 3])
def test_further_pictures_of_mpo_are_counted_and_their_index_does_not_follow(count):
    others = [pil(np.roll(picture(3), 5 * i, 1)) for i in range(1, count + 1)]
    with io.BytesIO() as stream:
        pil(picture(3)).save(stream, "MPO", save_all=True, append_images=others)
        data = stream.getvalue()
    photo = read_photo(data)
    words = "the second picture" if count == 1 else "3 further pictures"
    assert any(words in note for note in photo.notes)
    with io.BytesIO() as stream:
        write_photo(photo, stream, format="jpg")
        again = stream.getvalue()
    assert b"MPF\0" in data and b"MPF\0" not in again


def test_gain_map_of_the_iso_kind_is_told():
    marked = jpeg(f"{HEAD}>{TAIL}", b"\xff\xd8\xff\xe2\0\x20urn:iso:std:iso:ts:21496:-1\0\0")
    assert any("gain map" in note for note in read_photo(marked).notes)


def test_clip_of_a_samsung_motion_photo_is_told():
    tail = b"MotionPhoto_Data" + struct.pack(">I4s", 16, b"ftyp")
    assert any("motion photo" in n for n in read_photo(jpeg(f"{HEAD}>{TAIL}", tail)).notes)


@pytest.mark.parametrize(
    ("still", "words"),
    [
        (Still(auxiliary=("urn:com:apple:photo:2020:aux:hdrgainmap",)), "gain map"),
        (Still(auxiliary=("urn:mpeg:hevc:2015:auxid:2",)), "depth map"),
        (Still(auxiliary=("urn:com:apple:photo:2018:aux:portraiteffectsmatte",)), "matte"),
        (Still(kinds={1: b"hvc1", 2: b"tmap"}), "gain map"),
        (Still(auxiliary=("urn:mpeg:mpegB:cicp:systems:auxiliary:alpha",)), ""),
    ],
)
def test_auxiliary_pictures_of_heic_are_told(still, words):
    notes = heif_losses(pil(picture(3)), still)
    assert any(words in note for note in notes) if words else notes == ()
