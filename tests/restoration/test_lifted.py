"""The model ``wiener``: right way round, calm in noise and around lamps; the networks' input."""

import numpy as np
import pytest

from tests.restoration.test_wiener import HOOK, rms, scene
from unblur.blur import Psf, apply_psf
from unblur.color import LUMA_WEIGHTS
from unblur.errors import BadValue
from unblur.restoration.inputs import CHANNELS, network_input
from unblur.restoration.lifted import LIFTED, LiftedParams, lifted_wiener
from unblur.restoration.noise import noise_beside_motion

INNER = (slice(12, -12), slice(12, -12))


def luma(light):
    return light @ np.array(LUMA_WEIGHTS, np.float32)


def noisy(light, sigma, seed=1):
    noise = np.random.default_rng(seed).normal(0, sigma, light.shape)
    return (light + noise).astype(np.float32)


def test_an_asymmetric_psf_is_undone_and_its_mirror_image_does_not_do():
    sharp = scene()
    blurry = apply_psf(sharp, HOOK)
    restored = lifted_wiener(blurry, HOOK, 0.002)
    assert restored.shape == sharp.shape and restored.dtype == np.float32
    before = rms(blurry[INNER], sharp[INNER])
    assert rms(restored[INNER], sharp[INNER]) < 0.5 * before
    wrong = lifted_wiener(blurry, Psf(HOOK.array[::-1, ::-1]), 0.002)
    assert rms(wrong[INNER], sharp[INNER]) > before


def test_more_noise_gives_a_smoother_picture():
    blurry = noisy(apply_psf(scene(), HOOK), 0.01)
    steps = [
        np.abs(np.diff(lifted_wiener(blurry, HOOK, noise), axis=1)).mean()
        for noise in (0.002, 0.01, 0.05)
    ]
    assert steps == sorted(steps, reverse=True)


def test_brightness_and_flat_areas_are_kept():
    blurry = apply_psf(scene(), HOOK)
    assert abs(lifted_wiener(blurry, HOOK, 0.01).mean() - blurry.mean()) < 0.004
    flat = np.full((40, 57, 3), 0.4, np.float32)
    np.testing.assert_allclose(lifted_wiener(flat, HOOK, 0.01), 0.4, atol=2e-3)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (7, 5), (1, 40), (31, 97)])
def test_any_size_gives_finite_numbers(height, width):
    image = np.random.default_rng(2).random((height, width, 3), dtype=np.float32)
    for light in (image, np.zeros_like(image), np.ones_like(image)):
        restored = lifted_wiener(light, HOOK, 0.0)
        assert restored.shape == light.shape
        assert np.isfinite(restored).all()


def test_lamps_ring_less_when_they_are_lifted():
    """A dim wall with lamps far brighter than white, blurred and saturated as a sensor does."""
    light = np.full((120, 140, 3), 0.08, np.float32)
    light[:, ::9] = 0.15
    for y, x in ((30, 40), (70, 90), (90, 30)):
        light[y : y + 3, x : x + 3] = 12.0
    blurry = np.minimum(apply_psf(light, HOOK), 1)
    back = Psf(HOOK.array[::-1, ::-1])  # to where the light of saturated pixels came from
    near = (apply_psf(np.float32(blurry > 0.98), back)[..., 0] > 0.01) & (luma(light) < 1)
    assert near.mean() > 0.01
    target = np.clip(luma(light), 0, 1)[near]
    errors = [
        rms(np.clip(luma(lifted_wiener(blurry, HOOK, 0.005, params=params)), 0, 1)[near], target)
        for params in (LIFTED, LiftedParams(lift=()))
    ]
    assert errors[0] < 0.9 * errors[1]


def test_the_strength_is_a_parameter():
    blurry = noisy(apply_psf(scene(), HOOK), 0.01)
    plain, soft = (
        lifted_wiener(blurry, HOOK, 0.01, params=LiftedParams(smooth=a)) for a in (3.0, 30.0)
    )
    assert soft.std() < plain.std()


@pytest.mark.parametrize("smear", [False, True])
def test_noise_is_found_beside_the_motion_even_if_smeared(smear):
    rng = np.random.default_rng(3)
    psf = Psf.from_line(15, 30)
    blurry = luma(apply_psf(scene(256, 240, seed=4), psf))
    noise = rng.standard_normal(blurry.shape).astype(np.float32)
    if smear:
        noise += np.roll(noise, 1, 0)
        noise = (noise + np.roll(noise, 1, 1)) / 2
    for sigma in (0.006, 0.02):
        found = noise_beside_motion(blurry + np.float32(sigma) * noise, psf)
        assert found == pytest.approx(sigma, rel=0.5)
    assert noise_beside_motion(blurry, psf) < 0.004


def test_noise_of_what_is_too_small_is_not_told():
    assert noise_beside_motion(np.ones((12, 300), np.float32), Psf.delta()) == 0
    assert noise_beside_motion(np.ones((40, 300), np.float32), Psf.from_line(60, 90)) == 0


def everywhere(image, psf):
    return [(psf, np.ones(image.shape[:2], np.float32))]


def test_input_without_a_bank_is_blind_to_the_psf():
    blurry = scene(20, 30)
    x = network_input("none", blurry, everywhere(blurry, HOOK), 0.5, 0.01)
    assert x.shape == (CHANNELS["none"], 20, 30)
    np.testing.assert_array_equal(x[:3], np.moveaxis(blurry, 2, 0))


def test_unknown_banks_are_refused():
    with pytest.raises(BadValue, match="wiener"):
        network_input("wien", scene(20, 30), [], 0.5, 0.01)


@pytest.mark.parametrize("bank", ["wiener", "tv"])
def test_a_psf_solved_only_where_it_counts_gives_the_same(bank):
    blurry = scene(150, 330)
    ramp = np.clip(np.linspace(2, -1, 330, dtype=np.float32), 0, 1)[None].repeat(150, 0)
    both = [(HOOK, ramp), (Psf.from_line(9, 70), 1 - ramp)]
    got = network_input(bank, blurry, both, 1.0, 0.01)
    apart = [network_input(bank, blurry, everywhere(blurry, p), 1.0, 0.01) for p, _ in both]
    assert rms(got[..., :90], apart[0][..., :90]) < 0.02
    assert rms(got[..., -90:], apart[1][..., -90:]) < 0.02
    assert rms(got[..., :90], apart[1][..., :90]) > 0.05
