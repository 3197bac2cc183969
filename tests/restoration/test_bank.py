"""The bank: the right way round, calm where there is noise, calm around lamps."""

import numpy as np
import pytest

from tests.restoration.test_wiener import HOOK, rms, scene
from unblur.blur import Psf, apply_psf
from unblur.color import LUMA_WEIGHTS, linear_to_srgb
from unblur.errors import BadValue
from unblur.restoration.bank import PLANES, smooth_solution, solution_bank
from unblur.restoration.inputs import CHANNELS, network_input, noise_level
from unblur.restoration.noise import noise_beside_motion

INNER = (slice(12, -12), slice(12, -12))


def luma(light):
    return light @ np.array(LUMA_WEIGHTS, np.float32)


def noisy(light, sigma, seed=1):
    noise = np.random.default_rng(seed).normal(0, sigma, light.shape)
    return (light + noise).astype(np.float32)


def test_bank_undoes_an_asymmetric_psf_and_its_mirror_image_does_not():
    sharp = scene()
    blurry = apply_psf(sharp, HOOK)
    bank = solution_bank(blurry, HOOK, 0.002)
    assert bank.shape == (PLANES, *sharp.shape[:2])
    assert bank.dtype == np.float32
    before = rms(luma(blurry)[INNER], luma(sharp)[INNER])
    assert rms(np.moveaxis(bank[:3], 0, 2)[INNER], sharp[INNER]) < 0.5 * before
    assert rms(bank[3][INNER], luma(sharp)[INNER]) < 0.5 * before
    wrong = solution_bank(blurry, Psf(HOOK.array[::-1, ::-1]), 0.002)
    assert rms(wrong[3][INNER], luma(sharp)[INNER]) > before


def test_the_sharp_solution_beats_every_linear_one_on_edges_in_noise():
    sharp = scene()
    blurry = noisy(apply_psf(sharp, HOOK), 0.02)
    bank = solution_bank(blurry, HOOK, 0.015)
    best = rms(luma(np.moveaxis(bank[:3], 0, 2))[INNER], luma(sharp)[INNER])
    for noise in (0.002, 0.005, 0.01, 0.02, 0.03):
        linear = luma(smooth_solution(blurry, HOOK, noise))
        best = min(best, rms(linear[INNER], luma(sharp)[INNER]))
    assert rms(bank[3][INNER], luma(sharp)[INNER]) < best


def test_more_noise_gives_a_smoother_bank():
    blurry = noisy(apply_psf(scene(), HOOK), 0.01)
    banks = [solution_bank(blurry, HOOK, noise)[:4] for noise in (0.002, 0.01, 0.05)]
    steps = [np.abs(np.diff(bank)).mean() for bank in banks]
    assert steps == sorted(steps, reverse=True)


def test_brightness_and_flat_areas_are_kept():
    blurry = apply_psf(scene(), HOOK)
    bank = solution_bank(blurry, HOOK, 0.01)
    assert abs(bank[:3].mean() - blurry.mean()) < 0.004
    assert abs(bank[3].mean() - luma(blurry).mean()) < 0.004
    flat = np.full((40, 57, 3), 0.4, np.float32)
    np.testing.assert_allclose(solution_bank(flat, HOOK, 0.01)[:4], 0.4, atol=2e-3)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (7, 5), (1, 40), (31, 97)])
def test_any_size_gives_finite_numbers(height, width):
    image = np.random.default_rng(2).random((height, width, 3), dtype=np.float32)
    for light in (image, np.zeros_like(image), np.ones_like(image)):
        bank = solution_bank(light, HOOK, 0.0)
        assert bank.shape == (PLANES, height, width)
        assert np.isfinite(bank).all()


def lamps():
    """A dim wall with lamps far brighter than white, blurred and clipped as a sensor does."""
    light = np.full((120, 140, 3), 0.08, np.float32)
    light[:, ::9] = 0.15
    for y, x in ((30, 40), (70, 90), (90, 30)):
        light[y : y + 3, x : x + 3] = 12.0
    return light, np.minimum(apply_psf(light, HOOK), 1)


def test_lamps_ring_less_when_they_are_lifted(monkeypatch):
    light, blurry = lamps()
    lifted = solution_bank(blurry, HOOK, 0.005)
    monkeypatch.setattr("unblur.restoration.bank._Canvas.lift", lambda self: None)
    plain = solution_bank(blurry, HOOK, 0.005)
    near = (lifted[4] > 0.01) & (luma(light) < 1)
    assert near.mean() > 0.01
    target = np.clip(luma(light), 0, 1)[near]
    for plane in (1, 3):
        before = rms(np.clip(plain[plane], 0, 1)[near], target)
        assert rms(np.clip(lifted[plane], 0, 1)[near], target) < 0.9 * before


def test_share_of_clipped_light_lies_where_the_lamps_light_came_from():
    light, blurry = lamps()
    share = solution_bank(blurry, HOOK, 0.005)[4]
    assert share.min() >= 0 and share.max() <= 1
    assert share[luma(light) > 1].min() > 0.9
    assert share[5:15, 100:130].max() < 1e-3
    assert not solution_bank(blurry * 0.9, HOOK, 0.005)[4].any()


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


def test_input_with_edges_holds_everything_in_order():
    step = np.full((26, 39, 3), 0.1, np.float32)
    step[:, 20:] = 1.2
    blurry = linear_to_srgb(np.clip(apply_psf(step, HOOK), 0, 1))
    x = network_input("edges", blurry, everywhere(blurry, HOOK), 0.5, 0.003)
    assert x.shape == (CHANNELS["edges"], 26, 39)
    assert x.min() >= 0 and x.max() <= 1
    np.testing.assert_array_equal(x[:3], np.moveaxis(blurry, 2, 0))
    np.testing.assert_allclose(x[3:7, 10, 5], blurry[10, 5, 0], atol=0.1)
    np.testing.assert_allclose(x[7, 10, [5, 32]], [0, 1], atol=1e-3)
    assert (x[8] == 0.5).all() and (x[9] == noise_level(0.003)).all()


def test_input_without_a_bank_is_blind_to_the_psf():
    blurry = scene(20, 30)
    x = network_input("none", blurry, everywhere(blurry, HOOK), 0.5, 0.01)
    assert x.shape == (CHANNELS["none"], 20, 30)
    np.testing.assert_array_equal(x[:3], np.moveaxis(blurry, 2, 0))


def test_unknown_banks_are_refused():
    with pytest.raises(BadValue, match="edges"):
        network_input("edge", scene(20, 30), [], 0.5, 0.01)


@pytest.mark.parametrize("bank", ["wiener", "edges"])
def test_a_psf_solved_only_where_it_counts_gives_the_same(bank):
    blurry = scene(150, 330)
    ramp = np.clip(np.linspace(2, -1, 330, dtype=np.float32), 0, 1)[None].repeat(150, 0)
    both = [(HOOK, ramp), (Psf.from_line(9, 70), 1 - ramp)]
    got = network_input(bank, blurry, both, 1.0, 0.01)
    apart = [network_input(bank, blurry, everywhere(blurry, p), 1.0, 0.01) for p, _ in both]
    assert rms(got[..., :90], apart[0][..., :90]) < 0.02
    assert rms(got[..., -90:], apart[1][..., -90:]) < 0.02
    assert rms(got[..., :90], apart[1][..., :90]) > 0.05
