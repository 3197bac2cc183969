"""Quick looks: reduced luma of any photo, upright, with the right scale."""

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from unblur.color import luma
from unblur.errors import BadValue, UnreadableImage
from unblur.io import Photo, read_photo
from unblur.io.reduced import read_reduced, reduced_luma


@pytest.fixture(scope="module")
def picture():
    rng = np.random.default_rng(4)
    colours = rng.random((900, 1280, 1)) + 0.3 * rng.random((900, 1280, 3))
    smooth = ndimage.gaussian_filter(colours, (6, 6, 0))
    return ((smooth - smooth.min()) / np.ptp(smooth) * 255).astype(np.uint8)


def test_blocks_are_means_of_linear_light():
    samples = np.zeros((5, 8, 1), np.uint8)
    samples[:2, ::2] = 255
    seen = reduced_luma(Photo.from_array(samples), side_px=4)
    assert seen.scale == 2 and seen.luma.shape == (2, 4) and seen.shape == (5, 8)
    np.testing.assert_allclose(seen.luma[0], 0.5, atol=1e-6)
    np.testing.assert_allclose(seen.luma[1], 0, atol=1e-6)


def test_strips_leave_no_seam(picture):
    whole = reduced_luma(Photo.from_array(picture), side_px=300)
    assert whole.scale == 4 and whole.luma.shape == (225, 320)
    part = reduced_luma(Photo.from_array(picture[400:700]), side_px=300)
    np.testing.assert_allclose(whole.luma[100:175], part.luma, atol=1e-6)


@pytest.mark.parametrize("side", [200, 400, 700, 1300, 5000])
def test_a_jpeg_read_small_looks_like_the_whole_one_shrunk(picture, side, tmp_path):
    path = tmp_path / "a.jpg"
    Image.fromarray(picture).save(path, quality=98)
    quick = read_reduced(path, side_px=side)
    assert max(quick.luma.shape) >= min(side, 1280)
    assert quick.shape == (900, 1280)
    same = reduced_luma(Photo.from_array(picture), side_px=max(quick.luma.shape))
    assert same.scale == quick.scale
    assert np.corrcoef(same.luma.ravel(), quick.luma.ravel())[0, 1] > 0.99
    careful = reduced_luma(read_photo(path), side_px=side)
    assert quick.scale == careful.scale and quick.luma.shape == careful.luma.shape


@pytest.mark.parametrize("side", [200, 5000])
def test_a_curve_that_is_told_goes_before_the_files(picture, side, tmp_path):
    path = tmp_path / "a.jpg"
    Image.fromarray(picture).save(path, quality=98)
    srgb, linear, again = (
        read_reduced(path, side_px=side, tone=tone).luma for tone in ("auto", "linear", "srgb")
    )
    np.testing.assert_array_equal(srgb, again)
    assert linear.mean() > srgb.mean() + 0.1
    if side == 5000:
        np.testing.assert_allclose(linear, luma(read_photo(path).srgb()), atol=1e-5)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_photo_is_looked_at_upright(picture, orientation, tmp_path):
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(picture).save(path, quality=98, exif=exif)
    quick, careful = read_reduced(path, side_px=300), read_reduced(path, side_px=4000)
    assert quick.scale == 4 and careful.scale == 1
    assert quick.shape == careful.shape == ((1280, 900) if orientation in (6, 8) else (900, 1280))
    shrunk = careful.luma.reshape(quick.luma.shape[0], 4, quick.luma.shape[1], 4).mean((1, 3))
    assert np.corrcoef(shrunk.ravel(), quick.luma.ravel())[0, 1] > 0.99


@pytest.mark.parametrize("kind", ["png", "webp", "tif"])
def test_other_formats_are_read_in_full(picture, kind, tmp_path):
    path = tmp_path / f"a.{kind}"
    Image.fromarray(picture).save(path)
    seen = read_reduced(path, side_px=400)
    assert seen.scale == 3 and seen.luma.shape == (300, 426)


@pytest.mark.parametrize("kind", ["png", "jpg"])
def test_the_shorter_side_of_a_panorama_is_kept_long_enough(picture, kind, tmp_path):
    path = tmp_path / f"a.{kind}"
    Image.fromarray(picture[:200]).save(path)
    assert read_reduced(path, side_px=100).scale >= 8
    assert read_reduced(path, side_px=100, least_px=90).luma.shape == (100, 640)
    assert read_reduced(path, side_px=100, least_px=201).scale == 1


def test_a_truncated_jpeg_is_an_error_as_everywhere(picture, tmp_path):
    path = tmp_path / "a.jpg"
    Image.fromarray(picture).save(path)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(UnreadableImage):
        read_reduced(path, side_px=200)


def test_no_photo_and_no_side(tmp_path, picture):
    with pytest.raises(UnreadableImage):
        read_reduced(tmp_path / "none.jpg", side_px=200)
    with pytest.raises(BadValue, match="at least 1"):
        reduced_luma(Photo.from_array(picture), side_px=0)
