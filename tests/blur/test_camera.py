"""The camera after the blur: tone, noise, sharpening and files, each as declared."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from unblur.blur import Camera, CameraRecipe
from unblur.blur.camera import develop, draw_camera, expose, jpeg, log_uniform
from unblur.color import linear_to_srgb, srgb_to_linear
from unblur.errors import BadValue

RAMP = np.linspace(0, 1, 256, dtype=np.float32)[None, :, None].repeat(3, 2)


def texture(height=48, width=71, seed=0):
    return np.random.default_rng(seed).random((height, width, 3)).astype(np.float32)


def rng(seed=0):
    return np.random.default_rng(seed)


@settings(max_examples=40, deadline=None)
@given(tone=st.floats(-0.45, 0.95))
def test_the_tone_curve_is_monotone_and_keeps_black_middle_and_white(tone):
    levels = develop(srgb_to_linear(RAMP), Camera(tone=tone), rng())[0, :, 0]
    assert (np.diff(levels) >= 0).all()
    assert levels[0] == 0 and levels[-1] == 1
    middle = develop(srgb_to_linear(np.full((1, 1, 3), 0.5, np.float32)), Camera(tone=tone), rng())
    assert abs(float(middle[0, 0, 0]) - 0.5) <= 1 / 255


def test_positive_tone_raises_the_contrast():
    slopes = []
    for tone in (-0.3, 0.0, 0.5):
        levels = develop(srgb_to_linear(RAMP), Camera(tone=tone), rng())[0, :, 0]
        slopes.append(levels[160] - levels[96])
    assert slopes[0] + 0.03 < slopes[1] < slopes[2] - 0.05


@pytest.mark.parametrize("tone", [-0.4, -0.2, 0.0, 0.3, 0.5, 0.8])
def test_exposing_undoes_the_tone_curve(tone):
    # Every 8-bit level comes back, to one level where the curve is steep or flat.
    camera = Camera(tone=tone)
    back = develop(expose(RAMP, camera), camera, rng())
    assert np.abs(back - RAMP).max() <= 1.01 / 255
    if tone:
        assert np.abs(expose(RAMP, camera) - srgb_to_linear(RAMP)).max() > 0.01


def test_highlights_grow_smoothly_and_nothing_else_does():
    plain, bright = expose(RAMP, Camera()), expose(RAMP, Camera(highlight_gain=5.0))
    dark = plain[0, :, 0] <= 0.8
    np.testing.assert_array_equal(bright[0, dark], plain[0, dark])
    np.testing.assert_allclose(bright[0, -1], 5, rtol=1e-5)
    assert (np.diff(bright[0, :, 0]) >= 0).all()
    yellow = np.array([[[1, 0.98, 0.1]]], np.float32)
    ratio = expose(yellow, Camera(highlight_gain=3.0)) / expose(yellow, Camera())
    assert np.ptp(ratio) < 1e-4 and ratio.min() > 1.5  # the hue stays


def test_the_sensor_is_full_before_its_noise_is_added():
    bright = np.full((40, 51, 3), 4.0, np.float32)
    out = develop(bright, Camera(sigma_read=0.05), rng())
    assert 0.4 < (out < 1).mean() < 0.6


@pytest.mark.parametrize("level", [0.1, 0.4, 0.7])
@pytest.mark.parametrize(("sigma_read", "shot"), [(0.01, 0.0), (0.0, 0.001), (0.004, 0.0005)])
def test_noise_variance_is_read_plus_shot_times_light(level, sigma_read, shot):
    flat = np.full((150, 211, 3), level, np.float32)
    out = srgb_to_linear(develop(flat, Camera(sigma_read=sigma_read, shot=shot), rng()))
    # Rounding to 8 bits adds a variance of a twelfth of a (linear) level squared.
    step = 1 / 255 / _slope(level)
    expected = sigma_read**2 + shot * level + step**2 / 12
    assert out.var() == pytest.approx(expected, rel=0.05)
    assert out.mean() == pytest.approx(level, abs=0.002)
    channels = np.corrcoef(out.reshape(-1, 3).T) - np.eye(3)
    assert np.abs(channels).max() < 0.03


def _slope(level):
    ends = linear_to_srgb(np.float32([level - 1e-3, level + 1e-3]))
    return float(ends[1] - ends[0]) / 2e-3


def test_smeared_noise_is_as_strong_but_correlated_in_both_directions():
    flat = np.full((150, 211, 3), 0.4, np.float32)
    plain = Camera(sigma_read=0.02)
    sharp, soft = (
        srgb_to_linear(develop(flat, camera, rng()))
        for camera in (plain, dataclasses.replace(plain, smear_noise=True))
    )
    assert soft.std() == pytest.approx(sharp.std(), rel=0.03)
    for noise, expected in ((sharp, 0.0), (soft, 0.5)):
        across = np.corrcoef(noise[:, 1:, 1].ravel(), noise[:, :-1, 1].ravel())[0, 1]
        down = np.corrcoef(noise[1:, :, 1].ravel(), noise[:-1, :, 1].ravel())[0, 1]
        assert (across, down) == (pytest.approx(expected, abs=0.03),) * 2


def test_sharpening_leaves_flats_alone_and_overshoots_at_edges():
    edge = np.full((20, 31, 3), 0.2, np.float32)
    edge[:, 16:] = 0.6
    soft, crisp = (develop(srgb_to_linear(edge), Camera(sharpen=s), rng()) for s in (0.0, 1.0))
    np.testing.assert_allclose(crisp[:, :10], soft[:, :10], atol=1e-6)
    assert crisp[10, 16, 0] > soft[10, 16, 0] + 0.05
    assert crisp[10, 15, 0] < soft[10, 15, 0] - 0.05


@pytest.mark.parametrize("channels", [1, 3])
def test_developed_photos_lie_on_8_bits_and_in_range(channels):
    light = texture()[..., :channels] * 1.5 - 0.2
    camera = Camera(sigma_read=0.05, shot=0.01, smear_noise=True, tone=0.4, sharpen=1.2)
    out = develop(light, camera, rng())
    assert out.shape == light.shape and out.dtype == np.float32
    np.testing.assert_allclose(out * 255, np.round(out * 255), atol=1e-4)
    assert out.min() == 0 and out.max() == 1


def test_lower_jpeg_quality_loses_more():
    samples = (texture() * 255).astype(np.uint8)
    losses = [np.abs(jpeg(samples, q).astype(int) - samples).mean() for q in (97, 80, 50)]
    assert 0 < losses[0] < losses[1] < losses[2]
    light = srgb_to_linear(texture())
    stored, lossless = (develop(light, Camera(jpeg_quality=q), rng()) for q in (60, None))
    assert np.abs(stored - lossless).mean() > 1 / 255


def test_cameras_are_drawn_as_the_recipe_says():
    recipe = CameraRecipe(
        sigma_read=(0.001, 0.1),
        shot=(1e-5, 1e-3),
        correlated_noise=0.3,
        highlight_share=0.4,
        highlight_gain=(2.0, 3.0),
        tone=(-0.1, 0.2),
        sharpen_share=0.6,
        sharpen_amount=(0.5, 0.7),
        jpeg_share=0.8,
        jpeg_quality=(70.0, 90.0),
    )
    source = rng(7)
    cameras = [draw_camera(recipe, source) for _ in range(1500)]
    for name, share in (("smear_noise", 0.3), ("sharpen", 0.6)):
        assert np.mean([getattr(c, name) > 0 for c in cameras]) == pytest.approx(share, abs=0.05)
    gains = np.array([c.highlight_gain for c in cameras])
    assert (gains > 1).mean() == pytest.approx(0.4, abs=0.05)
    assert 2 <= gains[gains > 1].min() < 2.1 and 2.9 < gains.max() <= 3
    qualities = [c.jpeg_quality for c in cameras if c.jpeg_quality is not None]
    assert len(qualities) / 1500 == pytest.approx(0.8, abs=0.05)
    assert min(qualities) == 70 and max(qualities) in (89, 90)
    amounts = [c.sharpen for c in cameras if c.sharpen]
    assert min(amounts) >= 0.5 and max(amounts) <= 0.7
    tones = [c.tone for c in cameras]
    assert -0.1 <= min(tones) < -0.09 and 0.19 < max(tones) <= 0.2
    assert np.median([c.sigma_read for c in cameras]) == pytest.approx(0.01, rel=0.15)
    assert np.median([c.shot for c in cameras]) == pytest.approx(1e-4, rel=0.15)


def test_log_uniform_is_uniform_in_the_logarithm():
    source = rng(1)
    draws = np.log10([log_uniform((0.01, 100.0), source) for _ in range(1000)])
    assert stats.kstest(draws, stats.uniform(-2, 4).cdf).pvalue > 0.01


@pytest.mark.parametrize("name", ["sigma_read", "shot", "highlight_gain", "tone", "jpeg_quality"])
def test_spans_run_upwards(name):
    with pytest.raises(BadValue, match=name):
        CameraRecipe(**{name: (0.9, 0.1)})


@pytest.mark.parametrize("name", ["sigma_read", "shot"])
def test_what_is_drawn_in_log_is_above_zero(name):
    with pytest.raises(BadValue, match="above 0"):
        CameraRecipe(**{name: (0.0, 0.1)})
