"""The bank: right side up, in place, without ringing from the frame."""

import numpy as np
import pytest

from unblur.blur import Psf, apply_psf
from unblur.blur.canvas import border_width, extend_smoothly
from unblur.restoration import classical
from unblur.restoration.inputs import CHANNELS, network_input, noise_level
from unblur.restoration.wiener import WIENER_BANK, wiener_bank

HOOK = Psf.from_points([(-4, 0), (-2, 0), (0, 0), (2, 1), (3, 4)], size=11)


def scene(height=90, width=131, seed=0):
    """Random boxes: edges in both directions and at the frame."""
    rng = np.random.default_rng(seed)
    image = np.full((height, width, 3), 0.3, np.float32)
    for _ in range(40):
        y, x = rng.integers(height), rng.integers(width)
        image[y : y + rng.integers(4, 30), x : x + rng.integers(4, 30)] = rng.uniform(0.05, 0.9, 3)
    return image


def rms(a, b):
    return float(np.sqrt(np.mean((a - b) ** 2)))


def test_bank_undoes_an_asymmetric_psf_and_its_mirror_image_does_not():
    sharp = scene()
    blurry = apply_psf(sharp, HOOK)
    bank = wiener_bank(blurry, HOOK, 0.001)
    assert bank.shape == (len(WIENER_BANK.strengths), *sharp.shape)
    assert bank.dtype == np.float32
    assert rms(bank[0], sharp) < 0.5 * rms(blurry, sharp)
    mirrored = wiener_bank(blurry, Psf(HOOK.array[::-1, ::-1]), 0.001)
    assert rms(mirrored[0], sharp) > rms(blurry, sharp)


def test_solutions_grow_smoother_with_regularisation():
    rng = np.random.default_rng(1)
    blurry = apply_psf(scene(), HOOK) + rng.normal(0, 0.01, (90, 131, 3)).astype(np.float32)
    bank = wiener_bank(blurry, HOOK, 0.01)
    steps = [np.abs(np.diff(solution, axis=1)).mean() for solution in bank]
    assert steps == sorted(steps, reverse=True)


def test_the_mean_brightness_is_kept():
    blurry = apply_psf(scene(), HOOK)
    for solution in wiener_bank(blurry, HOOK, 0.01):
        assert abs(solution.mean() - blurry.mean()) < 0.004


def test_delta_psf_with_little_noise_changes_little():
    sharp = scene()
    assert rms(wiener_bank(sharp, Psf.delta(), 0.0)[0], sharp) < 0.03


def test_no_ringing_from_a_bright_frame():
    ramp = np.linspace(0, 1, 120, dtype=np.float32)[None, :, None].repeat(80, 0).repeat(3, 2)
    flat = wiener_bank(ramp, HOOK, 0.003)[0]
    assert np.abs(flat - ramp)[10:-10, 10:-10].max() < 0.03


@pytest.mark.parametrize(("height", "width"), [(1, 1), (7, 5), (31, 97), (64, 65)])
def test_extension_keeps_the_image_and_wraps_without_a_jump(height, width):
    image = np.random.default_rng(2).random((height, width, 3), dtype=np.float32)
    out = extend_smoothly(image, 9, 12)
    np.testing.assert_array_equal(out[9 : 9 + height, 12 : 12 + width], image)
    assert out.shape[0] >= height + 18
    assert out.shape[1] >= width + 24
    smooth = np.ones((height, width, 3), np.float32) * np.linspace(0, 1, width)[None, :, None]
    wrapped = extend_smoothly(smooth.astype(np.float32), 9, 40)
    assert np.abs(wrapped - np.roll(wrapped, 1, axis=1)).max() < 0.25 or width < 7


def test_border_covers_half_the_psf():
    assert border_width(11) > 11 // 2


def test_input_of_the_wiener_bank_holds_everything_in_order():
    blurry = np.full((26, 39, 3), 0.25, np.float32)
    blurry[..., 2] = 1
    everywhere = [(HOOK, np.ones((26, 39), np.float32))]
    x = network_input("wiener", blurry, everywhere, 0.5, 0.003)
    assert x.shape == (CHANNELS["wiener"], 26, 39)
    assert x.min() >= 0 and x.max() <= 1
    np.testing.assert_array_equal(x[:3], np.moveaxis(blurry, 2, 0))
    for solution in (x[3:6], x[6:9], x[9:12]):
        np.testing.assert_allclose(solution, x[:3], atol=0.01)
    assert (x[12] == 0.5).all() and (x[13] == 0).all()
    assert noise_level(1.0) == 1.0


@pytest.mark.parametrize("name", sorted(classical.CLASSICAL))
def test_every_classical_method_undoes_an_asymmetric_psf(name):
    sharp = scene(64, 85)
    blurry = apply_psf(sharp, HOOK)
    inner = (slice(12, -12), slice(12, -12))
    restored = classical.CLASSICAL[name](blurry, HOOK, 0.003)
    assert restored.shape == sharp.shape
    assert rms(restored[inner], sharp[inner]) < 0.9 * rms(blurry[inner], sharp[inner])
