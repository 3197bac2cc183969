"""The bank tv: right way round, true colours, calm flats, and a misfit that tells."""

from dataclasses import replace

import numpy as np
import pytest

from tests.restoration.test_wiener import HOOK, rms, scene
from unblur.blur import Psf, apply_psf
from unblur.blur.masked_tv import TV_PARAMS
from unblur.color import LUMA_WEIGHTS
from unblur.restoration.inputs import CHANNELS, network_input
from unblur.restoration.saturation import any_channel
from unblur.restoration.tv_bank import PLANES, TV_BANK, tv_bank
from unblur.spec import Bank

NOISE = 0.004
INNER = (slice(12, -12), slice(12, -12))


def coloured() -> np.ndarray:
    """Return the test scene with a thin red frame and a blue patch, (H, W, 3), linear light."""
    light = np.repeat(scene()[..., :1], 3, axis=2)
    light[30:33, 20:100] = light[60:63, 20:100] = light[30:63, 20:23] = (0.6, 0.05, 0.05)
    light[70:90, 50:80] = (0.1, 0.15, 0.6)
    return light.astype(np.float32)


def blurred(light: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(1).normal(0, NOISE, light.shape)
    return (apply_psf(light, HOOK) + noise).astype(np.float32)


def solutions(bank: np.ndarray) -> list[np.ndarray]:
    return [np.moveaxis(bank[:3], 0, 2), np.moveaxis(bank[3:6], 0, 2)]


def test_both_solutions_undo_an_asymmetric_psf_and_not_its_mirror_image() -> None:
    sharp = coloured()
    blurry = blurred(sharp)
    bank = tv_bank(blurry, HOOK, NOISE)
    assert bank.shape == (PLANES, *sharp.shape[:2]) and bank.dtype == np.float32
    before = rms(blurry[INNER], sharp[INNER])
    crisp, detailed = solutions(bank)
    assert rms(crisp[INNER], sharp[INNER]) < 0.45 * before
    assert rms(detailed[INNER], sharp[INNER]) < 0.7 * before
    wrong = tv_bank(blurry, Psf(HOOK.array[::-1, ::-1]), NOISE)
    assert rms(solutions(wrong)[0][INNER], sharp[INNER]) > before


@pytest.mark.parametrize("saturated", [False, True])
def test_only_saturated_light_takes_the_turns_that_it_needs(
    saturated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    light = coloured()
    if saturated:
        light[50:54, 60:64] = 8.0
    blurry = np.minimum(blurred(light), 1)
    found = tv_bank(blurry, HOOK, NOISE)
    monkeypatch.setattr("unblur.restoration.tv_bank.QUICK_TV", TV_PARAMS)
    monkeypatch.setattr("unblur.restoration.tv_bank.QUICK_CHROMA", TV_PARAMS)
    patient = tv_bank(blurry, HOOK, NOISE)
    assert np.array_equal(found, patient) == saturated
    true = np.moveaxis(light, 2, 0)[:, 12:-12, 12:-12]
    errors = [rms(bank[:3, 12:-12, 12:-12], true) for bank in (found, patient)]
    assert errors[0] < 1.03 * errors[1]


def letters() -> np.ndarray:
    """Return thin strokes with colour at their edges, as screens draw letters, (H, W, 3)."""
    light = np.full((128, 128, 3), 0.9, np.float32)
    for place in range(16, 112, 9):
        for channel in range(3):
            light[place : place + 6, 20 + channel : 108 : 6, channel] = 0.1
    return light


@pytest.mark.parametrize(("noise", "fine"), [(0.0003, True), (0.02, False)])
def test_colour_is_found_at_full_size_where_the_photo_shows_it(noise: float, fine: bool) -> None:
    sharp = letters()
    grain = np.random.default_rng(4).normal(0, noise, sharp.shape)
    blurry = (apply_psf(sharp, HOOK) + grain).astype(np.float32)
    halved = replace(TV_BANK, fine_chroma=np.inf)
    bank, at_half = (
        solutions(tv_bank(blurry, HOOK, noise, params=params))[0] for params in (TV_BANK, halved)
    )
    if fine:
        assert rms(bank[INNER], sharp[INNER]) < 0.5 * rms(at_half[INNER], sharp[INNER])
    else:
        assert np.array_equal(bank, at_half)


def test_a_known_psf_is_worth_more_turns_where_there_is_little_noise() -> None:
    light = np.repeat(scene()[..., :1], 3, axis=2).astype(np.float32)
    long = HOOK.scaled(2.0)
    for noise, worth in ((0.001, True), (0.03, False)):
        grain = np.random.default_rng(3).normal(0, noise, light.shape).astype(np.float32)
        blurry = apply_psf(light, long) + grain
        bank, known = (tv_bank(blurry, long, noise, known=k)[0] for k in (False, True))
        if worth:
            assert rms(known, light[..., 0]) < 0.9 * rms(bank, light[..., 0])
        else:
            assert np.array_equal(known, bank)
    estimated, told = (
        network_input("tv", np.clip(blurry, 0, 1), [(long, np.ones(light.shape[:2]))], c, 0.001)
        for c in (0.99, 1.0)
    )
    assert not np.allclose(estimated[3:6], told[3:6], atol=1e-3), "confidence 1: a known PSF"


def test_thin_lines_keep_their_colour() -> None:
    sharp = coloured()
    crisp = solutions(tv_bank(blurred(sharp), HOOK, NOISE))[0]
    red, blurry_red = (
        photo[38:56, 21].mean(axis=0) - photo[38:56, 21].mean() for photo in (crisp, blurred(sharp))
    )
    true = sharp[40, 21] - sharp[40, 21].mean()
    assert np.abs(red - true).max() < 0.3 * np.abs(true).max()
    assert np.abs(blurry_red - true).max() > 0.6 * np.abs(true).max()


def test_grey_stays_grey_and_light_is_kept() -> None:
    grey = np.repeat(blurred(scene()[..., :1]), 3, axis=2)
    for solution in solutions(tv_bank(grey, HOOK, NOISE)):
        np.testing.assert_allclose(solution[..., 0], solution[..., 2], atol=1e-6)
    colour = blurred(coloured())
    for solution in solutions(tv_bank(colour, HOOK, NOISE)):
        change = solution.mean(axis=(0, 1)) / colour.mean(axis=(0, 1)) - 1
        assert np.abs(change).max() < 0.01


def test_a_flat_photo_comes_back_as_it_is() -> None:
    flat = np.full((96, 120, 3), (0.2, 0.1, 0.4), np.float32)
    for solution in solutions(tv_bank(flat, HOOK, 0.0)):
        np.testing.assert_allclose(solution, flat, atol=1e-3)


def test_the_misfit_is_large_where_something_moved_on_its_own() -> None:
    sharp = coloured()
    blurry = blurred(sharp)
    blurry[40:90, 60:] = sharp[40:90, 60:]  # stood still
    misfit = tv_bank(blurry, HOOK, NOISE)[7]
    assert misfit.min() >= 0 and misfit.max() <= 1
    assert misfit[50:80, 70:-12].mean() > 1.3 * misfit[12:30, 12:50].mean()


def test_light_from_saturated_pixels_is_marked() -> None:
    light = coloured()
    light[50:54, 60:64] = 8.0
    bank = tv_bank(np.minimum(blurred(light), 1), HOOK, NOISE)
    assert bank[6, 48:56, 58:66].max() > 0.3
    assert bank[6, 12:30, 12:30].max() < 0.1
    assert np.all(tv_bank(blurred(coloured()), HOOK, NOISE)[6] == 0)


def test_more_noise_gives_a_smoother_bank() -> None:
    blurry = blurred(coloured())
    steps = [np.abs(np.diff(tv_bank(blurry, HOOK, n)[:6])).mean() for n in (0.002, 0.01, 0.05)]
    assert steps == sorted(steps, reverse=True)


def test_the_network_is_shown_all_of_it_in_perceptual_light() -> None:
    rng = np.random.default_rng(2)
    photo = rng.random((40, 48, 3), dtype=np.float32)
    everywhere = np.ones((40, 48), np.float32)
    image = network_input("tv", photo, [(HOOK, everywhere)], 0.7, 0.01)
    assert image.shape == (CHANNELS["tv"], 40, 48)
    assert np.array_equal(image[:3], np.moveaxis(photo, 2, 0))
    assert image.min() >= 0 and image.max() <= 1
    assert np.all(image[-2] == np.float32(0.7))
    luma = np.asarray(LUMA_WEIGHTS, np.float32)
    assert np.abs(np.tensordot(luma, image[3:6] - image[6:9], 1)).max() > 0.01


@pytest.mark.parametrize("bank", ["none", "wiener", "tv"])
def test_a_part_of_the_input_is_that_part_of_the_whole(bank: Bank) -> None:
    rng = np.random.default_rng(2)
    photo = rng.random((40, 48, 3), dtype=np.float32)
    trust = rng.random((40, 48), dtype=np.float32)
    wanted = slice(8, 32), slice(16, 48)
    shown = bank, photo, [(HOOK, np.ones((40, 48), np.float32))], trust, 0.01
    part = network_input(*shown, wanted=wanted)
    assert part.shape == (CHANNELS[bank], 24, 32)
    assert part.flags.c_contiguous
    assert np.array_equal(part, network_input(*shown)[(slice(None), *wanted)])


def test_any_channel_is_any_of_three() -> None:
    some = np.random.default_rng(3).random((9, 11, 3)) > 0.7
    assert np.array_equal(any_channel(some), some.any(axis=2))


def test_a_saturated_sky_stays_white() -> None:
    light = coloured()
    light[:45] = (3.0, 2.5, 2.0)
    bank = tv_bank(np.clip(blurred(light), 0, 1), HOOK, NOISE)
    for solution in solutions(bank):
        sky = np.clip(solution[4:30], 0, 1)
        assert np.ptp(sky.mean(axis=(0, 1))) < 0.01
        assert np.abs(sky - 1).mean() < 0.02
