"""Colour that files tell in numbers: kept where the format can, else converted, and told."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.io.test_formats import picture, pil
from unblur.io import Photo, read_photo, write_photo
from unblur.io.avif import codec, with_codes
from unblur.io.color_tags import PRIMARIES, Cicp, ColorTags
from unblur.io.fitting import fitted
from unblur.io.photo import Encoding, Metadata
from unblur.io.png16 import header_chunks, with_chunks
from unblur.io.profiles import made_profile
from unblur.io.tones import tone_of
from unblur.tone import HLG, LINEAR, PQ, SRGB

DATA = Path(__file__).parent / "data"
MASTERING, LIGHT = bytes(range(24)), struct.pack(">II", 10_000_000, 4_000_000)


def tagged(color, dtype=np.uint16, channels=3, **metadata):
    data = Metadata(color=color, **metadata)
    return Photo(
        picture(channels, dtype),
        metadata=data,
        encoding=Encoding("PNG"),
        tone=tone_of(data, channels),
    )


def written(photo, extension, **options):
    with io.BytesIO() as stream:
        write_photo(photo, stream, format=extension, **options)
        return stream.getvalue()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("strip", [False, True])
def test_png_keeps_every_chunk_of_colour(dtype, strip):
    tags = ColorTags(Cicp(9, 16), None, 0.45455, PRIMARIES[9], MASTERING, LIGHT, "PNG cICP")
    data = written(tagged(tags, dtype), "png", strip_metadata=strip)
    chunks = header_chunks(data)
    assert chunks[b"cICP"] == bytes([9, 16, 0, 1])
    assert (chunks[b"mDCV"], chunks[b"cLLI"]) == (MASTERING, LIGHT)
    assert chunks[b"gAMA"] == struct.pack(">I", 45455)
    again = read_photo(data)
    assert again.metadata.color == tags
    assert again.samples.dtype == dtype
    np.testing.assert_array_equal(again.samples, picture(3, dtype))
    with Image.open(io.BytesIO(data)) as image:  # Pillow takes the file too
        image.load()


def test_linear_gama_png_keeps_its_gamma():
    with io.BytesIO() as stream:
        pil(picture(3)).save(stream, "PNG")
        data = with_chunks(stream.getvalue(), [(b"gAMA", struct.pack(">I", 100_000))])
    again = written(read_photo(data), "png")
    assert header_chunks(again)[b"gAMA"] == struct.pack(">I", 100_000)
    assert read_photo(again).tone.curve == LINEAR


@pytest.mark.parametrize("extension", ["jpg", "webp", "tif"])
@pytest.mark.parametrize(
    "tags",
    [
        ColorTags(cicp=Cicp(12, 13), source="AVIF nclx"),
        ColorTags(gamma=1.0),
        ColorTags(gamma=1 / 1.8, chromaticities=PRIMARIES[9]),
    ],
    ids=["p3", "linear", "gamma 1.8"],
)
def test_where_there_is_no_place_for_numbers_a_profile_tells_the_same(extension, tags):
    photo = tagged(tags, np.uint8)
    ready = fitted(photo, {"jpg": "JPEG", "webp": "WEBP", "tif": "TIFF"}[extension])
    assert any("kept as an ICC profile" in note for note in ready.notes)
    again = read_photo(written(photo, extension))
    assert again.tone.curve == photo.tone.curve
    assert again.tone.source == "ICC profile"
    shown = ImageCms.ImageCmsProfile(io.BytesIO(again.metadata.icc_profile))
    red = shown.profile.red_primary[1]
    np.testing.assert_allclose(red[:2], _seen_under_d50(tags.primaries or PRIMARIES[1]), atol=2e-3)


def _seen_under_d50(primaries):
    from unblur.io.profiles import adapted

    x, y, z = adapted(primaries)[:, 0]
    return x / (x + y + z), y / (x + y + z)


def test_plain_srgb_needs_no_profile():
    photo = tagged(ColorTags(srgb_intent=0), np.uint8)
    assert read_photo(written(photo, "jpg")).metadata.icc_profile is None
    assert fitted(photo, "JPEG").notes == ()


@pytest.mark.parametrize(("transfer", "curve", "white"), [(16, PQ, 0.5807), (18, HLG, 0.75)])
def test_hdr_becomes_srgb_in_eight_bits_and_it_is_said(transfer, curve, white):
    """White of paper (203 cd/m2; 75 % of HLG) stays bright, grey grey, mid-tones as they are."""
    grey = np.full((20, 30, 3), round(white * 65535), np.uint16)
    metadata = Metadata(color=ColorTags(cicp=Cicp(9, transfer), source="PNG cICP"))
    photo = Photo(grey, metadata=metadata, tone=tone_of(metadata, 3))
    assert photo.tone.curve == curve
    ready = fitted(photo, "JPEG")
    assert any("converted to sRGB for JPEG" in note for note in ready.notes)
    assert ready.tone.curve == SRGB and ready.metadata.color is None
    assert ready.samples.min() >= 235 and np.ptp(ready.samples) <= 1
    half = curve.to_encoded(curve.to_linear(np.float32([white])) * np.float32(0.5))
    dim = Photo(
        np.full((20, 30, 3), round(float(half[0]) * 65535), np.uint16),
        metadata=metadata,
        tone=photo.tone,
    )
    assert abs(int(fitted(dim, "JPEG").samples[0, 0, 0]) - 188) <= 1  # half of light in sRGB
    assert fitted(ready, "JPEG").notes == ready.notes  # once is enough


def test_wide_colours_are_converted_for_bmp():
    """The red of sRGB, told in Rec. 2020 linear light, is (255, 0, 0) again."""
    from unblur.io.profiles import to_xyz

    red = np.linalg.solve(to_xyz(PRIMARIES[9]), to_xyz(PRIMARIES[1])[:, 0])
    samples = np.tile(np.round(red * 65535).astype(np.uint16), (9, 11, 1))
    metadata = Metadata(color=ColorTags(cicp=Cicp(9, 8), source="PNG cICP"))
    photo = Photo(samples, metadata=metadata, tone=tone_of(metadata, 3))
    with Image.open(io.BytesIO(written(photo, "bmp"))) as image:
        np.testing.assert_allclose(np.asarray(image)[3, 4], [255, 0, 0], atol=3)
    profiled = Photo(
        in_eight(samples), metadata=Metadata(icc_profile=made_profile(PRIMARIES[9], LINEAR, "x"))
    )
    with Image.open(io.BytesIO(written(profiled, "bmp"))) as image:
        np.testing.assert_allclose(np.asarray(image)[3, 4], [255, 0, 0], atol=8)
    assert any("sRGB by the profile" in note for note in fitted(profiled, "BMP").notes)


def in_eight(samples):
    return (samples >> 8).astype(np.uint8)


def test_hdr_tiff_keeps_its_samples_and_tells_them_by_code_points_in_the_profile():
    photo = tagged(ColorTags(cicp=Cicp(9, 16), source="PNG cICP"))
    again = read_photo(written(photo, "tif"))
    np.testing.assert_array_equal(again.samples, photo.samples)
    assert again.tone.curve == PQ


def test_avif_keeps_code_points_in_eight_bits():
    photo = tagged(ColorTags(cicp=Cicp(12, 13), source="AVIF nclx"), np.uint8)
    again = read_photo(written(photo, "avif"))
    assert (again.metadata.color.cicp.primaries, again.metadata.color.cicp.transfer) == (12, 13)


needs_codec = pytest.mark.skipif(codec() is None, reason="imagecodecs is not installed")


@needs_codec
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_deep_avif_keeps_depth_colour_exif_and_xmp(channels):
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Maker", 1
    photo = Photo.from_array(picture(channels, np.uint16))
    color = ColorTags(cicp=Cicp(9, 16), source="HEIC nclx")
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'
    metadata = Metadata(exif=exif.tobytes(), xmp=xmp, color=color)
    from dataclasses import replace

    data = written(replace(photo, metadata=metadata, tone=tone_of(metadata, 3)), "avif")
    again = read_photo(data)
    assert again.samples.dtype == np.uint16
    assert np.abs(again.samples[..., :3].astype(int) - photo.samples).max() < 65535 / 100
    assert again.tone.curve == PQ
    assert again.metadata.xmp == xmp
    assert b"Maker" in again.metadata.exif
    assert (again.alpha is not None) == (channels == 4)
    third = read_photo(written(again, "avif"))  # and once more
    assert third.encoding.options["bits"] == 10 and b"Maker" in third.metadata.exif


@needs_codec
def test_deep_avif_keeps_its_profile():
    profile = made_profile(PRIMARIES[12], SRGB, "Display P3")
    photo = Photo(picture(3, np.uint16), metadata=Metadata(icc_profile=profile))
    again = read_photo(written(photo, "avif"))
    assert again.metadata.icc_profile == profile
    assert np.abs(again.samples.astype(int) - photo.samples).max() < 65535 / 100
    assert any("10 bits" in note for note in fitted(photo, "AVIF").notes)


def test_without_the_codec_ten_bits_are_cut_and_the_extra_is_named(monkeypatch):
    import sys

    if codec() is None:
        pytest.skip("imagecodecs is not installed")
    data = written(tagged(ColorTags(cicp=Cicp(1, 13), source="AVIF nclx")), "avif")
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    photo = read_photo(data)
    assert photo.samples.dtype == np.uint8
    assert any("10-bit samples were cut" in n and "unblur[avif]" in n for n in photo.notes)


def test_ten_bit_heic_stays_deep_and_tells_what_jpeg_costs():
    pytest.importorskip("pi_heif", reason="pi-heif is not installed")
    photo = read_photo(DATA / "ten_bits.heic")
    with io.BytesIO() as stream:
        write_photo(photo, stream)  # by itself a format that holds it
        again = read_photo(stream.getvalue())
    assert (again.encoding.format, again.encoding.bits) == ("PNG", 16)
    np.testing.assert_array_equal(again.samples, photo.samples)
    assert any("10-bit samples are written with 8 bits" in n for n in fitted(photo, "JPEG").notes)


def test_deep_heic_is_planned_as_png_and_others_as_jpeg(tmp_path):
    from unblur.io import find_images, plan_outputs

    names = ("ten_bits.heic", "turned.heic")
    for name in names:
        (tmp_path / name).write_bytes((DATA / name).read_bytes())
    (tmp_path / "damaged.heic").write_bytes(b"\0\0\0\x18ftypheic")
    plan = plan_outputs(find_images([tmp_path]), None)
    told = {item.path.name: target.suffix for item, target in plan}
    assert told == {"ten_bits.heic": ".png", "turned.heic": ".jpg", "damaged.heic": ".jpg"}


def test_deep_heic_is_planned_alike_in_stores_and_among_frames(tmp_path):
    fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed")
    from unblur.batch.plan import plan_tasks
    from unblur.io import find_images
    from unblur.io.video_folder import FolderSink

    store = fsspec.filesystem("memory")
    for name in ("ten_bits.heic", "turned.heic"):
        (tmp_path / name).write_bytes((DATA / name).read_bytes())
        store.pipe_file(f"/deep/{name}", (DATA / name).read_bytes())
    for photos, output in (
        ("memory://deep", "memory://out"),
        ("memory://deep", str(tmp_path / "out")),
        (str(tmp_path), "memory://out"),
        (str(tmp_path), str(tmp_path / "out")),
    ):
        targets = [task.target.rsplit("/", 1)[1] for task in plan_tasks([photos], output).tasks]
        assert targets == ["ten_bits.png", "turned.jpg"]
    sink = FolderSink(tmp_path / "frames", find_images([tmp_path]))
    assert sorted(p.name for p in sink._places.values()) == ["ten_bits.png", "turned.jpg"]


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "BMP"])
def test_sixteen_bits_in_eight_are_told(kind):
    photo = Photo.from_array(picture(4, np.uint16))
    notes = fitted(photo, kind).notes
    assert any("16-bit samples are written with 8 bits" in note for note in notes)
    assert any("transparency" in note for note in notes) == (kind != "WEBP")
    assert fitted(photo, "PNG") is photo and fitted(photo, "TIFF") is photo


def test_float_tiff_of_srgb_samples_is_not_taken_for_linear_light():
    photo = Photo.from_array(picture(3, np.float32))
    again = read_photo(written(photo, "tif"))
    assert again.tone.curve == SRGB
    np.testing.assert_array_equal(again.samples, photo.samples)


def test_nclx_is_read_from_the_primary_picture():
    data = with_codes(_avif(), Cicp(9, 18))
    assert read_photo(data).metadata.color.cicp == Cicp(9, 18, 6, True)


def _avif():
    with io.BytesIO() as stream:
        pil(picture(3)).save(stream, "AVIF")
        return stream.getvalue()
