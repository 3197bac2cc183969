"""Recipes: every kind drawn as often as declared, and its truth explains its pair."""

import dataclasses

import numpy as np
import pytest
from scipy import ndimage

from tests.blur.test_synthesis import CLEAN, KINDS, only, scene
from unblur.blur import Psf, Synthesiser, SynthesisRecipe, apply_psf, apply_psf_grid
from unblur.blur.recipe import MAX_REACH_PX
from unblur.blur.synthesis import disc_psf, object_mask
from unblur.color import linear_to_srgb, srgb_to_linear
from unblur.errors import BadValue, ShapeMismatch

SHARES = {
    "shake": 3,
    "line": 2,
    "rotation": 1,
    "moving_object": 1,
    "defocus": 1,
    "sharp": 2,
}
CORE = (slice(MAX_REACH_PX, -MAX_REACH_PX),) * 2


def rng(seed=0):
    return np.random.default_rng(seed)


def test_kinds_come_as_often_as_declared():
    synthesise = Synthesiser(SynthesisRecipe(**SHARES, camera=CLEAN))
    photo = scene(66, 71)
    kinds = [synthesise(photo, rng(seed)).kind for seed in range(400)]
    for kind in KINDS:
        assert kinds.count(kind) / 400 == pytest.approx(SHARES[kind] / 10, abs=0.08)


def test_lengths_are_log_uniform_and_measured_on_the_psf():
    synthesise = Synthesiser(only("line", length_px=(4.0, 36.0)))
    lengths = [synthesise.draw_psf("line", rng(seed)).length_px() for seed in range(500)]
    assert 3 < min(lengths) < 5 and 33 < max(lengths) < 38
    assert np.median(lengths) == pytest.approx(12, rel=0.2)  # the geometric mean, not 20


@pytest.mark.parametrize("kind", ["line", "shake", "defocus", "sharp"])
def test_uniform_kinds_are_the_psf_applied_to_the_light(kind):
    photo = scene(150, 181, seed=2)
    pair = Synthesiser(only(kind, length_px=(18, 18), camera=CLEAN))(photo, rng(4))
    again = linear_to_srgb(
        ndimage.convolve(srgb_to_linear(photo), pair.psf.array[..., None], mode="nearest")
    )[CORE]
    assert np.abs(again - pair.blurry).max() < 1.5 / 255
    assert (np.abs(pair.sharp - pair.blurry).max() > 0.1) == (kind != "sharp")


@pytest.mark.parametrize("shape", [(190, 300), (300, 190)])
def test_rolling_psfs_explain_the_pair_and_turn_about_the_middle(shape):
    photo = scene(*shape)
    pair = Synthesiser(only("rotation", length_px=(3, 3), roll_deg=6.0, camera=CLEAN))(
        photo, rng(1)
    )
    rows, columns = len(pair.psfs), len(pair.psfs[0])
    assert (rows > columns) == (shape[0] > shape[1])
    again = linear_to_srgb(apply_psf_grid(srgb_to_linear(photo), pair.psfs))[CORE]
    assert np.abs(again - pair.blurry).max() < 1.5 / 255
    lengths = np.array([[psf.length_px() for psf in row] for row in pair.psfs])
    middle = lengths[rows // 2, columns // 2]
    assert lengths[0, 0] > middle + 3 and lengths[-1, -1] > middle + 3
    # Left and right of the middle a roll moves things up and down.
    corner = np.rad2deg(np.arctan2(shape[0], shape[1]))
    for psf, radius_deg in ((pair.psfs[0][-1], corner), (pair.psfs[0][0], 180 - corner)):
        across = radius_deg + 90
        assert abs((psf.angle_deg() - across + 90) % 180 - 90) < 25


def test_without_roll_every_psf_of_the_grid_is_the_path():
    pair = Synthesiser(only("rotation", length_px=(12, 12), roll_deg=0.0, camera=CLEAN))(
        scene(), rng(3)
    )
    flat = [psf.array for row in pair.psfs for psf in row]
    assert len(flat) >= 4
    assert all(np.array_equal(psf, flat[0]) for psf in flat)


def test_moving_objects_are_where_their_background_does_not_explain():
    photo = scene(200, 231)
    synthesise = Synthesiser(only("moving_object", length_px=(14, 14), camera=CLEAN))
    shares = []
    for seed in range(6):
        pair = synthesise(photo, rng(seed))
        behind = linear_to_srgb(apply_psf(srgb_to_linear(photo), pair.psf))[CORE]
        explained = np.abs(behind - pair.blurry).max(axis=2) < 2 / 255
        shares.append(explained.mean())
    assert min(shares) > 0.1 and max(shares) < 0.97


def test_noise_and_jpeg_fall_on_the_blurry_side_only():
    photo = scene()
    noisy = SynthesisRecipe(
        **{kind: float(kind == "sharp") for kind in KINDS},
        camera=dataclasses.replace(CLEAN, sigma_read=(0.02, 0.02), jpeg_share=1.0),
    )
    pair = Synthesiser(noisy)(photo, rng())
    np.testing.assert_allclose(pair.sharp, photo[CORE], atol=1.01 / 255)
    assert (pair.blurry - pair.sharp).std() > 0.01
    assert pair.camera.jpeg_quality is not None


def test_highlights_blur_before_they_are_clipped():
    photo = np.zeros((130, 151, 3), np.float32)
    photo[60:64, 70:74] = 1
    dim_pair, lit_pair = (
        Synthesiser(
            only(
                "line",
                length_px=(20, 20),
                camera=dataclasses.replace(CLEAN, highlight_share=1.0, highlight_gain=(gain, gain)),
            )
        )(photo, rng(2))
        for gain in (1.0, 6.0)
    )
    np.testing.assert_array_equal(dim_pair.sharp, lit_pair.sharp)
    np.testing.assert_array_equal(dim_pair.psf.array, lit_pair.psf.array)
    assert srgb_to_linear(lit_pair.blurry).sum() > 3 * srgb_to_linear(dim_pair.blurry).sum()


@pytest.mark.parametrize("channels", [1, 3])
def test_grey_photos_give_grey_pairs(channels):
    pair = Synthesiser(SynthesisRecipe())(scene(100, 131)[..., :channels], rng())
    assert pair.blurry.shape == pair.sharp.shape == (38, 69, channels)


def test_photos_barely_larger_than_their_margins():
    assert Synthesiser(SynthesisRecipe())(scene(63, 64), rng()).blurry.shape == (1, 2, 3)
    for shape in ((62, 64), (64, 62)):
        with pytest.raises(ShapeMismatch, match="larger than 62"):
            Synthesiser(SynthesisRecipe())(scene(*shape), rng())


def test_the_photo_is_not_changed():
    photo = scene(120, 131)
    kept = photo.copy()
    for seed in range(8):
        Synthesiser(SynthesisRecipe(soft_share=0.5))(photo, rng(seed))
    np.testing.assert_array_equal(photo, kept)


def test_no_roll_outruns_the_margin_even_in_the_corners():
    synthesise = Synthesiser(only("rotation", length_px=(2.0, 30.0), roll_deg=40.0, camera=CLEAN))
    for seed in range(6):
        for psf in (psf for row in synthesise(scene(), rng(seed)).psfs for psf in row):
            assert psf.embedded(2 * MAX_REACH_PX + 1).sum() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("length", [(2.0, 42.0), (40.0, 120.0)])
def test_no_path_outruns_the_margin(length):
    # A path may touch the bound exactly and then light up one empty rim of rounding error.
    synthesise = Synthesiser(only("shake", length_px=length))
    for seed in range(300):
        psf = synthesise.draw_psf(("shake", "line")[seed % 2], rng(seed))
        beyond = psf.array.sum() - psf.embedded(2 * MAX_REACH_PX + 1).sum()
        assert beyond < 1e-6


def test_the_recorded_trace_is_used_as_often_as_declared(tmp_path):
    rows = np.zeros((200, 4))
    rows[:, 0] = np.arange(200) * 5e6
    rows[:, 1] = 0.1  # a trace that only pans: its paths are perfectly straight
    np.savetxt(tmp_path / "gyro.txt", rows)

    def straight_share(share):
        synthesise = Synthesiser(
            only(
                "shake", length_px=(20, 20), gyro_share=share, gyro_file=str(tmp_path / "gyro.txt")
            )
        )
        straight = [synthesise._path("shake", rng(seed)) for seed in range(60)]
        return np.mean([np.linalg.svd(p, compute_uv=False)[1] < 1e-6 for p in straight])

    assert straight_share(0.0) == 0
    assert straight_share(1.0) == 1
    assert 0.2 < straight_share(0.5) < 0.8


@pytest.mark.parametrize("radius", [1.0, 2.5, 6.0])
def test_discs_are_round_and_as_large_as_declared(radius):
    psf = disc_psf(radius)
    assert psf.length_px() == pytest.approx(2 * radius, abs=1.5)
    np.testing.assert_allclose(psf.array, psf.array.T, atol=1e-7)
    np.testing.assert_allclose(psf.centroid(), 0, atol=1e-5)
    area = psf.array.sum() / psf.array.max()
    assert area == pytest.approx(np.pi * radius**2, rel=0.1)


def test_masks_have_the_photos_shape_a_soft_edge_and_the_declared_area():
    areas = []
    for seed in range(30):
        mask = object_mask((120, 211), rng(seed))
        assert mask.shape == (120, 211) and mask.dtype == np.float32
        assert mask.min() == 0 and mask.max() == 1
        areas.append(mask.mean())
    assert 0.05 < min(areas) < 0.2 and 0.4 < max(areas) < 0.55
    assert ((mask > 0) & (mask < 1)).mean() > 0.01


def test_shares_may_not_be_negative():
    with pytest.raises(BadValue, match="shares"):
        SynthesisRecipe(shake=-0.1)


def test_images_are_checked_first():
    with pytest.raises(BadValue, match="the sharp photo holds NaN"):
        Synthesiser(SynthesisRecipe())(np.full((90, 90, 3), np.nan, np.float32), rng())


def test_a_pair_of_one_psf_names_it():
    pair = Synthesiser(only("sharp"))(scene(), rng())
    assert len(pair.psfs) == len(pair.psfs[0]) == 1
    np.testing.assert_array_equal(pair.psf.array, Psf.delta(3).array)
