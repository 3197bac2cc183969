"""Deep TIFF of every kind that scanners and laboratories write: read, or refused in words."""

import io
import sys

import numpy as np
import pytest

from tests.io.test_formats import HEIGHT, WIDTH, picture
from unblur.errors import MissingExtra, UnsupportedImage
from unblur.io import read_photo
from unblur.tone import LINEAR

tifffile = pytest.importorskip("tifffile", reason="tifffile is not installed")
GREY, RGB = picture(1, np.uint16), picture(3, np.uint16)


def tiff(array, **options):
    with io.BytesIO() as stream:
        tifffile.imwrite(stream, array, **options)
        return stream.getvalue()


@pytest.mark.parametrize("compression", ["lzw", "zlib", "packbits", "lzma"])
@pytest.mark.parametrize("predictor", [False, True])
@pytest.mark.parametrize("array", [GREY, RGB], ids=["grey", "rgb"])
def test_compressed_deep_tiff_is_read(compression, predictor, array):
    pytest.importorskip("imagecodecs", reason="imagecodecs is not installed")
    if predictor and compression == "packbits":
        pytest.skip("there is no such thing")
    kind = "rgb" if array.shape[2] == 3 else "minisblack"
    shown = array if kind == "rgb" else array[..., 0]
    data = tiff(shown, photometric=kind, compression=compression, predictor=predictor)
    np.testing.assert_array_equal(read_photo(data).samples, array)


def test_without_the_codecs_the_extra_is_named(monkeypatch):
    pytest.importorskip("imagecodecs", reason="imagecodecs is not installed")
    data = tiff(RGB, photometric="rgb", compression="lzw", predictor=True)
    for name in list(sys.modules):
        if name.startswith(("imagecodecs", "tifffile")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    with pytest.raises(MissingExtra, match=r"LZW.*unblur\[tiff\]"):
        read_photo(data)


@pytest.mark.parametrize(
    "options",
    [
        {"byteorder": ">"},
        {"tile": (16, 16)},
        {"rowsperstrip": 5},
        {"bigtiff": True},
        {"planarconfig": "separate"},
        {"byteorder": ">", "bigtiff": True, "tile": (32, 16)},
    ],
    ids=str,
)
def test_layout_changes_nothing(options):
    planes = np.moveaxis(RGB, 2, 0) if "planarconfig" in options else RGB
    photo = read_photo(tiff(planes, photometric="rgb", **options))
    assert photo.samples.dtype == np.uint16
    np.testing.assert_array_equal(photo.samples, RGB)


def test_white_is_zero_is_turned_round():
    photo = read_photo(tiff(GREY[..., 0], photometric="miniswhite"))
    np.testing.assert_array_equal(photo.samples, 65535 - GREY)
    small = picture(1)[..., 0]
    np.testing.assert_array_equal(
        read_photo(tiff(small, photometric="miniswhite")).samples[..., 0], 255 - small
    )


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_fewer_bits_are_spread_over_sixteen(bits):
    pytest.importorskip("imagecodecs", reason="imagecodecs is not installed")
    values = (RGB >> (16 - bits)).astype(np.uint16)
    photo = read_photo(tiff(values, photometric="rgb", bitspersample=bits, compression=None))
    top = (1 << bits) - 1
    expected = np.round(values * (65535 / top))
    np.testing.assert_allclose(photo.samples, expected, atol=1)
    assert f"{bits}-bit" in photo.notes[0]


def test_twelve_bits_in_sixteen_are_taken_by_their_tag_and_spoken_of_without():
    values = (RGB >> 4).astype(np.uint16)
    told = tiff(values, photometric="rgb", extratags=[(281, "H", 3, (4095, 4095, 4095), True)])
    np.testing.assert_allclose(read_photo(told).samples, values * (65535 / 4095), atol=1)
    untold = read_photo(tiff(values, photometric="rgb"))
    np.testing.assert_array_equal(untold.samples, values)
    assert any("12 bits" in note for note in untold.notes)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floating_point_is_linear_light(dtype):
    values = picture(3, np.float32).astype(dtype)
    photo = read_photo(tiff(values, photometric="rgb"))
    assert photo.samples.dtype == np.float32
    np.testing.assert_array_equal(photo.samples, values.astype(np.float32))
    assert (photo.tone.curve, photo.tone.evidence) == (LINEAR, "file")


@pytest.mark.parametrize(
    ("array", "options", "words"),
    [
        (RGB.astype(np.int16), {"photometric": "rgb"}, "signed integers of 16 bits"),
        (RGB.astype(np.uint32), {"photometric": "rgb"}, "unsigned integers of 32 bits"),
        (GREY[..., 0].astype(np.int32), {"photometric": "minisblack"}, "signed integers"),
        (GREY[..., 0].astype(np.complex64), {"photometric": "minisblack"}, "complex|unknown"),
        (picture(4, np.uint16), {"photometric": "separated"}, "kind SEPARATED"),
        (RGB, {"photometric": "cielab"}, "kind CIELAB"),
    ],
    ids=["int16", "uint32", "int32", "complex", "cmyk", "lab"],
)
def test_others_are_refused_precisely(array, options, words):
    with pytest.raises(UnsupportedImage, match=words):
        read_photo(tiff(array, **options))


def test_a_compression_that_is_not_read_is_named():
    pytest.importorskip("imagecodecs", reason="imagecodecs is not installed")
    with pytest.raises(UnsupportedImage, match="compressed by ZSTD"):
        read_photo(tiff(RGB, photometric="rgb", compression="zstd"))


def test_grey_with_transparency():
    planes = picture(2, np.uint16)
    data = tiff(
        planes, photometric="minisblack", extrasamples=["unassalpha"], planarconfig="contig"
    )
    photo = read_photo(data)
    np.testing.assert_array_equal(photo.samples, planes[..., :1])
    np.testing.assert_array_equal(photo.alpha, planes[..., 1])
    assert photo.samples.shape == (HEIGHT, WIDTH, 1)


def test_an_editor_gets_its_sixteen_bits_and_its_profile_back(tmp_path):
    """As photo editors call another program: a deep TIFF with a profile out, a result back."""
    from click.testing import CliRunner
    from PIL import Image

    from unblur.blur import Psf
    from unblur.blur.psf_files import save_psf
    from unblur.cli import main
    from unblur.io.color_tags import PRIMARIES
    from unblur.io.profiles import made_profile
    from unblur.tone import power_curve

    def unblur(*words):
        return CliRunner().invoke(main, [str(word) for word in words])

    profile = made_profile(PRIMARIES[12], power_curve(2.2), "of the editor")
    sent, back, psf = (tmp_path / name for name in ("sent.tif", "back.tif", "psf.png"))
    deep = np.kron(RGB, np.ones((3, 3, 1), np.uint16))
    tags = [(34675, "B", len(profile), profile, True), (271, "s", 0, "Maker", True)]
    tifffile.imwrite(
        sent, deep, photometric="rgb", resolution=(300, 300), extratags=tags, metadata=None
    )
    save_psf(Psf.from_line(5, 20), psf)
    told = ("--psf", psf, "--model", "wiener")
    done = unblur(sent, "-o", back, *told)
    assert done.exit_code == 0, done.output
    result, before = read_photo(back), read_photo(sent)
    assert result.samples.dtype == np.uint16 and result.samples.shape == deep.shape
    assert (result.samples != before.samples).mean() > 0.5
    assert len(np.unique(result.samples & 255)) > 100  # no eight bits in disguise
    assert result.metadata.icc_profile == before.metadata.icc_profile == profile
    with tifffile.TiffFile(back) as written, Image.open(back) as shown:
        page = written.pages[0]
        assert (page.bitspersample, page.tags[271].value) == (16, "Maker")
        assert page.tags[282].value == (300, 1) and shown.size == deep.shape[1::-1]
    # What editors look at: 0 where a result is there, else another code and no file.
    assert unblur(sent, "-o", back, *told).exit_code == 6
    assert unblur(sent, "-o", sent, "--overwrite", *told).exit_code == 6
    assert unblur(sent, "-o", back, "--overwrite", *told).exit_code == 0
    cut = tmp_path / "cut.tif"
    cut.write_bytes(sent.read_bytes()[:2000])
    assert unblur(cut, "-o", tmp_path / "none.tif", *told).exit_code == 3
    assert not (tmp_path / "none.tif").exists()
    assert (read_photo(sent).samples == deep).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    ("kind", "colours", "extra", "words"),
    [
        ("rgb", 3, [0, 0], "2 further channels"),
        ("minisblack", 1, [0], "one further channel"),
        ("rgb", 3, [2], None),
        ("minisblack", 1, [2], None),
    ],
)
def test_channels_that_are_left_out_are_told_at_every_depth(dtype, kind, colours, extra, words):
    planes = picture(3, dtype)[..., :1].repeat(colours + len(extra), axis=2)
    photo = read_photo(tiff(planes, photometric=kind, extrasamples=extra))
    assert photo.channels == colours
    if words is None:
        assert photo.alpha is not None and not any("left out" in note for note in photo.notes)
    else:
        assert any(f"{words}, neither colour" in note for note in photo.notes)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_layers_are_refused_at_every_depth(dtype):
    layers = picture(1, dtype)[None, ..., 0].repeat(4, axis=0)
    with pytest.raises(UnsupportedImage, match="4 layers"):
        read_photo(tiff(layers, photometric="minisblack", volumetric=True))
