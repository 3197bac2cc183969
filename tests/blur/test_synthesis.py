"""Camera paths, cameras and recipes: seeded, as declared, realistic in order."""

import dataclasses

import numpy as np
import pytest
from scipy import ndimage

from unblur.blur import Camera, CameraRecipe, Synthesiser, SynthesisRecipe, apply_psf, trajectory
from unblur.blur.camera import develop, expose, jpeg
from unblur.blur.night import at_night
from unblur.blur.recipe import MAX_REACH_PX
from unblur.blur.synthesis import disc_psf, object_mask
from unblur.color import linear_to_srgb
from unblur.errors import BadValue, ShapeMismatch, UnreadableImage

KINDS = ["shake", "line", "rotation", "moving_object", "defocus", "sharp"]
CLEAN = CameraRecipe(
    sigma_read=(1e-9, 1e-9), shot=(1e-12, 1e-12), highlight_share=0, tone=(0, 0), jpeg_share=0
)


def only(kind, **changes):
    shares = {name: float(name == kind) for name in KINDS}
    return SynthesisRecipe(**shares, **changes)


def scene(height=170, width=211, seed=0):
    rng = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(rng.random((height, width, 3)), (1.5, 1.5, 0))
    return ((smooth - smooth.min()) / np.ptp(smooth)).astype(np.float32)


@pytest.mark.parametrize("make", [trajectory.tremor, trajectory.line])
def test_paths_are_seeded_centred_and_of_unit_diameter(make):
    for seed in range(20):
        path = make(np.random.default_rng(seed))
        np.testing.assert_array_equal(path, make(np.random.default_rng(seed)))
        assert path.shape == (trajectory.SAMPLES, 2)
        np.testing.assert_allclose(path.mean(axis=0), 0, atol=1e-9)
        apart = np.linalg.norm(path[:, None] - path[None], axis=2).max()
        assert apart == pytest.approx(1, abs=0.02)


def test_recorded_shake(tmp_path):
    rows = np.cumsum(np.random.default_rng(0).normal(size=(200, 4)), axis=0) * 1e-2
    rows[:, 0] = np.arange(200) * 5e6
    np.savetxt(tmp_path / "gyro.txt", rows)
    trace = trajectory.load_gyro(tmp_path / "gyro.txt")
    assert trace.rate_hz == pytest.approx(200)
    path = trajectory.gyro_path(trace, np.random.default_rng(1))
    assert path.shape == (trajectory.SAMPLES, 2)
    with pytest.raises(UnreadableImage):
        trajectory.load_gyro(tmp_path / "none.txt")


def test_without_noise_developing_undoes_exposing():
    for tone in (-0.2, 0.0, 0.5):
        camera = Camera(tone=tone)
        back = develop(expose(scene(), camera), camera, np.random.default_rng(0))
        assert np.abs(back - scene()).max() <= 1.01 / 255


def test_noise_is_as_declared():
    flat = np.full((300, 301, 3), 0.4, np.float32)
    camera = Camera(sigma_read=0.01, shot=0.0005)
    out = develop(flat, camera, np.random.default_rng(0))
    from unblur.color import srgb_to_linear

    expected = np.sqrt(0.01**2 + 0.0005 * 0.4)
    assert srgb_to_linear(out).std() == pytest.approx(expected, rel=0.03)
    smeared = develop(flat, dataclasses.replace(camera, smear_noise=True), np.random.default_rng(0))
    assert srgb_to_linear(smeared).std() == pytest.approx(expected, rel=0.05)
    neighbours = np.corrcoef(smeared[:, :-1, 0].ravel(), smeared[:, 1:, 0].ravel())[0, 1]
    assert neighbours > 0.3


def test_highlights_outshine_white_and_are_clipped_after_the_blur():
    white = np.ones((20, 30, 3), np.float32)
    light = expose(white, Camera(highlight_gain=4.0))
    np.testing.assert_allclose(light, 4, rtol=1e-5)
    assert develop(light, Camera(), np.random.default_rng(0)).max() == 1


def test_sharpening_and_jpeg_change_what_they_should():
    base = develop(expose(scene(), Camera()), Camera(), np.random.default_rng(0))
    crisp = develop(expose(scene(), Camera()), Camera(sharpen=1.0), np.random.default_rng(0))
    assert np.abs(np.diff(crisp, axis=1)).mean() > 1.2 * np.abs(np.diff(base, axis=1)).mean()
    grey = (scene()[..., :1] * 255).astype(np.uint8)
    assert jpeg(grey, 50).shape == grey.shape
    assert 0 < np.abs(jpeg(grey, 50).astype(int) - grey).mean() < 10


@pytest.mark.parametrize("kind", KINDS)
def test_pairs_are_seeded_and_of_the_right_kind(kind):
    synthesise = Synthesiser(only(kind))
    a = synthesise(scene(), np.random.default_rng(5))
    b = synthesise(scene(), np.random.default_rng(5))
    c = synthesise(scene(), np.random.default_rng(6))
    assert a.kind == kind
    np.testing.assert_array_equal(a.blurry, b.blurry)
    assert not np.array_equal(a.blurry, c.blurry)
    assert a.blurry.shape == a.sharp.shape == (170 - 2 * MAX_REACH_PX, 211 - 2 * MAX_REACH_PX, 3)
    assert a.blurry.min() >= 0 and a.blurry.max() <= 1
    if kind == "rotation":
        assert not np.allclose(a.psfs[0][0].embedded(63), a.psfs[-1][-1].embedded(63))


def test_the_psf_explains_the_blurry_photo():
    pair = Synthesiser(only("shake", length_px=(15, 15), camera=CLEAN))(
        scene(), np.random.default_rng(3)
    )
    from unblur.color import srgb_to_linear

    wide = srgb_to_linear(scene())
    again = linear_to_srgb(apply_psf(wide, pair.psf))[31:-31, 31:-31]
    assert np.abs(again - pair.blurry).max() < 2 / 255
    mirrored = type(pair.psf)(pair.psf.array[::-1, ::-1])
    wrong = linear_to_srgb(apply_psf(wide, mirrored))[31:-31, 31:-31]
    assert np.abs(wrong - pair.blurry).max() > 10 / 255
    np.testing.assert_allclose(pair.sharp, scene()[31:-31, 31:-31], atol=1.01 / 255)


def test_sharp_pairs_are_sharp():
    pair = Synthesiser(only("sharp", camera=CLEAN))(scene(), np.random.default_rng(0))
    np.testing.assert_allclose(pair.blurry, pair.sharp, atol=1.01 / 255)


def test_soft_scenes_are_soft_on_both_sides():
    recipe = only("sharp", camera=CLEAN, soft_share=1.0, soft_sigma_px=(1.0, 1.0))
    pair = Synthesiser(recipe)(scene(), np.random.default_rng(0))
    soft = ndimage.gaussian_filter(scene(), (1, 1, 0), truncate=3)[31:-31, 31:-31]
    np.testing.assert_allclose(pair.sharp, soft, atol=2 / 255)


def test_psfs_never_reach_beyond_the_grid_and_are_centred():
    synthesise = Synthesiser(only("shake", length_px=(2.0, 60.0)))
    rng = np.random.default_rng(0)
    for _ in range(100):
        psf = synthesise.draw_psf("shake", rng)
        assert max(psf.shape) // 2 <= MAX_REACH_PX
        np.testing.assert_allclose(psf.centroid(), 0, atol=0.02)


def test_disc_and_mask():
    assert disc_psf(3).array.sum() == pytest.approx(1)
    assert disc_psf(3).length_px() == pytest.approx(6, abs=1.5)
    mask = object_mask((120, 170), np.random.default_rng(1))
    assert mask.shape == (120, 170)
    assert 0.02 < mask.mean() < 0.6


def test_bad_recipes_and_photos():
    with pytest.raises(BadValue, match="length_px"):
        SynthesisRecipe(length_px=(5, 2))
    with pytest.raises(BadValue, match="shares"):
        SynthesisRecipe(**dict.fromkeys(KINDS, 0.0))
    with pytest.raises(BadValue, match="sigma_read"):
        CameraRecipe(sigma_read=(0.1, 0.01))
    with pytest.raises(ShapeMismatch, match="larger than 62"):
        Synthesiser(SynthesisRecipe())(scene(60, 200), np.random.default_rng(0))


def test_a_recipe_may_reach_further_and_the_default_draws_as_ever():
    far = only("shake", length_px=(70.0, 80.0), reach_px=63, camera=CLEAN)
    pair = Synthesiser(far)(scene(200, 231), np.random.default_rng(2))
    assert pair.blurry.shape == (200 - 126, 231 - 126, 3)
    assert 50 < pair.psf.length_px() <= 80
    first, again = (
        Synthesiser(only("shake", **more))(scene(), np.random.default_rng(3))
        for more in ({}, {"reach_px": MAX_REACH_PX})
    )
    np.testing.assert_array_equal(first.blurry, again.blurry)
    with pytest.raises(BadValue, match="reach_px"):
        SynthesisRecipe(reach_px=1)


def test_another_photo_is_moved_and_taken_alike():
    synthesise = Synthesiser(SynthesisRecipe(shake=1, line=0, defocus=0, sharp=0, reach_px=9))
    rng = np.random.default_rng(5)
    first, second = (rng.random((70, 90, 3), dtype=np.float32) for _ in range(2))
    pair = synthesise(first, rng)
    other = synthesise.alike(second, pair, np.random.default_rng(1))
    assert (other.psfs, other.camera, other.kind) == (pair.psfs, pair.camera, pair.kind)
    assert other.sharp.shape == pair.sharp.shape
    assert not np.array_equal(other.sharp, pair.sharp)
    again = synthesise.alike(first, pair, np.random.default_rng(1))
    np.testing.assert_array_equal(again.sharp, pair.sharp)
    noise, change = (np.abs(x.blurry - pair.blurry).mean() for x in (again, other))
    assert noise < 0.1 * change
    with pytest.raises(ShapeMismatch, match="larger than 18 px"):
        synthesise.alike(first[:18], pair, rng)


def test_night_is_dark_and_has_lamps_brighter_than_white():
    light = np.random.default_rng(0).random((90, 120, 3), dtype=np.float32)
    before = light.copy()
    dark = at_night(light, np.random.default_rng(2))
    np.testing.assert_array_equal(light, before)
    assert np.median(dark) < 0.5 * np.median(light)
    assert dark.max() > 1
    assert at_night(light[..., :1], np.random.default_rng(2)).shape == (90, 120, 1)
    np.testing.assert_array_equal(dark, at_night(light, np.random.default_rng(2)))


def test_a_share_of_scenes_is_at_night():
    sharp = np.random.default_rng(3).random((80, 96, 3), dtype=np.float32)
    means = [
        Synthesiser(SynthesisRecipe(reach_px=9, night_share=share))(
            sharp, np.random.default_rng(seed)
        ).sharp.mean()
        for share in (0.0, 0.5, 1.0)
        for seed in range(8)
    ]
    by_day, some, at_night_only = np.reshape(means, (3, 8))
    assert at_night_only.max() < by_day.min()
    assert 1 <= sum(mean < by_day.min() for mean in some) <= 7
