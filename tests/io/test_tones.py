"""Which curve takes a file's samples to linear light, from the best evidence in it."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.io.test_formats import picture, pil, write_dng
from unblur.io import Photo, read_photo
from unblur.io.avif import with_codes
from unblur.io.color_tags import PRIMARIES, Cicp
from unblur.io.photo import Encoding
from unblur.io.png16 import with_chunks
from unblur.io.profiles import (
    _assembled,
    _curve,
    _fixed,
    adapted,
    grey_profile,
    made_profile,
    profile_curve,
)
from unblur.tone import BT709, HLG, LINEAR, PQ, SRGB, parse_tone, power_curve, table_curve

RAMP = np.linspace(0, 1, 1001, dtype=np.float32)
LCMS_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def stored(kind="PNG", channels=3, **options):
    with io.BytesIO() as stream:
        pil(picture(channels)).save(stream, kind, **options)
        return stream.getvalue()


def png(*chunks, **options):
    return with_chunks(stored(**options), list(chunks))


def gama(value):
    return b"gAMA", struct.pack(">I", value)


CHRM = b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)


@pytest.mark.parametrize("primaries", [1, 9, 12])
@pytest.mark.parametrize("curve", [SRGB, LINEAR, power_curve(1.8), power_curve(2.2)], ids=str)
def test_a_profile_s_curve_is_recognised(primaries, curve):
    profile = made_profile(PRIMARIES[primaries], curve, "test")
    assert profile_curve(profile, 3) == curve
    photo = read_photo(stored("JPEG", icc_profile=profile))
    assert (photo.tone.curve, photo.tone.evidence) == (curve, "file")
    assert photo.tone.source == "ICC profile"
    assert profile_curve(grey_profile(curve), 1) == curve


def test_the_srgb_of_others_is_the_very_curve():
    photo = read_photo(stored("PNG", icc_profile=LCMS_SRGB))
    assert photo.tone.curve is SRGB or photo.tone.curve == SRGB
    assert photo.tone.evidence == "file"


def test_a_profile_of_a_table_is_read_to_a_ten_thousandth():
    crooked = table_curve("crooked", (np.linspace(0, 1, 512) ** 2 + np.linspace(0, 1, 512)) / 2)
    found = profile_curve(made_profile(PRIMARIES[9], crooked, "test"), 3)
    np.testing.assert_allclose(found.to_linear(RAMP), crooked.to_linear(RAMP), atol=1e-4)


def test_every_channel_has_its_own_curve():
    gammas = (1.8, 2.2, 2.6)
    tags = [
        (name, b"XYZ \0\0\0\0" + _fixed(column))
        for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), adapted(PRIMARIES[1]).T, strict=True)
    ]
    names = (b"rTRC", b"gTRC", b"bTRC")
    tags += [(n, _curve(power_curve(g))) for n, g in zip(names, gammas, strict=True)]
    curve = profile_curve(_assembled(b"RGB ", tags, "test"), 3)
    samples = np.repeat(RAMP[:, None], 3, axis=1)
    expected = samples ** np.array(gammas)
    np.testing.assert_allclose(curve.to_linear(samples), expected, atol=2e-4)


def test_broken_profiles_say_nothing():
    assert profile_curve(b"nonsense" * 40, 3) is None
    photo = read_photo(stored("JPEG", icc_profile=b"nonsense" * 40))
    assert photo.tone.evidence == "assumed"


@pytest.mark.parametrize(
    ("chunks", "options", "curve", "source"),
    [
        ([(b"cICP", bytes([9, 16, 0, 1]))], {}, PQ, "PNG cICP"),
        ([(b"cICP", bytes([9, 18, 0, 1]))], {}, HLG, "PNG cICP"),
        ([(b"cICP", bytes([1, 1, 0, 1]))], {}, BT709, "PNG cICP"),
        ([(b"cICP", bytes([1, 8, 0, 1]))], {}, LINEAR, "PNG cICP"),
        (
            [(b"cICP", bytes([12, 13, 0, 1]))],
            {"icc_profile": grey_profile(LINEAR)},
            SRGB,
            "PNG cICP",
        ),
        ([gama(100000)], {}, LINEAR, "PNG gAMA"),
        ([gama(55556)], {}, power_curve(1.8), "PNG gAMA"),
        ([gama(45455)], {}, power_curve(2.2), "PNG gAMA"),
        ([gama(45455), CHRM], {}, SRGB, "PNG gAMA"),
        ([(b"sRGB", b"\0"), gama(100000)], {}, SRGB, "PNG sRGB"),
        (
            [(b"sRGB", b"\0")],
            {"icc_profile": made_profile(PRIMARIES[1], LINEAR, "x")},
            LINEAR,
            "ICC profile",
        ),
        ([gama(0)], {}, SRGB, ""),
        ([(b"cICP", bytes([2, 2, 0, 1]))], {}, SRGB, ""),
    ],
)
def test_png_in_the_order_of_its_specification(chunks, options, curve, source):
    tone = read_photo(png(*chunks, **options)).tone
    assert (tone.curve, tone.source) == (curve, source)
    assert tone.evidence == ("file" if source else "assumed")


@pytest.mark.parametrize(
    ("transfer", "curve"),
    [
        (1, BT709),
        (13, SRGB),
        (8, LINEAR),
        (16, PQ),
        (18, HLG),
        (4, power_curve(2.2)),
        (5, power_curve(2.8)),
    ],
)
def test_avif_by_its_code_points(transfer, curve):
    photo = read_photo(with_codes(stored("AVIF"), Cicp(9, transfer)))
    assert (photo.tone.curve, photo.tone.source) == (curve, "AVIF nclx")
    assert photo.metadata.color.cicp.primaries == 9


def test_exif_knows_srgb_and_adobe_rgb():
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA001] = 1
    assert read_photo(stored("JPEG", exif=exif)).tone.source == "EXIF ColorSpace"
    exif = Image.Exif()
    details = exif.get_ifd(0x8769)
    details[0xA001] = 65535
    details[0xA005] = {1: "R03"}
    tone = read_photo(stored("JPEG", exif=exif)).tone
    assert (tone.curve, tone.evidence) == (power_curve(2.2), "file")


def test_nothing_said_is_srgb_assumed():
    for kind in ("JPEG", "PNG", "BMP", "TIFF", "WEBP"):
        tone = read_photo(stored(kind)).tone
        assert (tone.curve, tone.evidence, tone.probability) == (SRGB, "assumed", 1.0)
    assert Photo.from_array(picture(3, np.float32)).tone.evidence == "assumed"


def test_camera_raw_is_developed_in_the_curve_it_tells(tmp_path):
    """A linear ramp of the sensor comes out as sRGB encodes it, not as Rec. 709 does."""
    pytest.importorskip("rawpy", reason="rawpy is not installed")
    write_dng(tmp_path / "a.dng")
    photo = read_photo(tmp_path / "a.dng")
    assert (photo.tone.curve, photo.tone.evidence) == (SRGB, "file")
    light = photo.tone.curve.to_linear(photo.srgb())[..., 1]
    diagonal = np.array([light[i, i] for i in range(8, min(light.shape) - 8)])
    steps = np.diff(diagonal)
    assert steps.std() / steps.mean() < 0.25  # straight, as the sensor's ramp is


def test_encoding_of_pq_and_hlg_is_that_of_the_standards():
    # ITU-R BT.2100: 100 cd/m2 is 50.8 % of PQ, 203 cd/m2 58.1 %; HLG at 50 % is 1/12.
    np.testing.assert_allclose(
        PQ.to_linear(np.float32([0.5081, 0.5807, 1])), [0.1, 0.203, 10], rtol=2e-3
    )
    np.testing.assert_allclose(HLG.to_linear(np.float32([0.5, 1])), [1 / 12, 1], rtol=1e-4)
    np.testing.assert_allclose(
        BT709.to_linear(np.float32([0.0405, 0.5])), [0.009, 0.2596], rtol=1e-3
    )


def test_the_command_line_s_words():
    assert parse_tone("auto") is None and parse_tone("profile") is None
    assert parse_tone("sRGB") is SRGB and parse_tone("linear") is LINEAR
    assert parse_tone("gamma:2.2") == power_curve(2.2)
    from unblur.errors import BadValue

    for wrong in ("gamma", "gamma:", "gamma:x", "gamma:nan", "gamma:90", "film", ""):
        with pytest.raises(BadValue, match=r"gamma:2\.2|gamma must be"):
            parse_tone(wrong)


def test_encodings_of_arrays_stay():
    assert Photo.from_array(picture(3)).encoding == Encoding("PNG", mode="RGB")
