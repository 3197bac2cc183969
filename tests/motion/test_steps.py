"""The founding idea's two paths, step by step, are what the features compute."""

import numpy as np
import pytest
from scipy import fft, ndimage

from unblur.errors import BadValue, ShapeMismatch
from unblur.motion.frequency import frequency_maps, normalised
from unblur.motion.spatial import POOLED_GRID, pooled_high_pass
from unblur.motion.steps import (
    average_pooling,
    fourier,
    fully_connected,
    high_pass,
    inverse_fourier,
    low_pass,
)
from unblur.tapers import ramp_taper


def window(height=120, width=152, seed=0):
    rng = np.random.default_rng(seed)
    return (0.4 + 0.1 * ndimage.gaussian_filter(rng.standard_normal((height, width)), 1.2)).astype(
        np.float32
    )


def test_the_spatial_path_is_the_networks_pooled_high_pass():
    plane = window()
    steps = [average_pooling(high_pass(plane, sigma), POOLED_GRID) for sigma in (1.0, 2.0, 4.0)]
    literal = np.log10(np.stack(steps) / plane.mean() + 1e-4)
    np.testing.assert_allclose(literal, pooled_high_pass(plane), rtol=1e-5)


def test_the_frequency_path_of_the_power_spectrum_is_the_whitened_map():
    plane = window()
    spectrum = fourier((plane - plane.mean()) * ramp_taper(*plane.shape), tapered=False)
    wy, wx = (2 * np.pi * fft.fftshift(fft.fftfreq(n)) for n in plane.shape)
    power = np.abs(spectrum) ** 2 * (4 - 2 * np.cos(wy)[:, None] - 2 * np.cos(wx))
    whole = fft.fftshift(inverse_fourier(np.sqrt(power)))
    middle = whole[60 - 32 : 60 + 32, 76 - 32 : 76 + 32]  # the low-pass: what lies near 0
    np.testing.assert_allclose(normalised(middle), frequency_maps(plane)["whitened"], atol=2e-4)


def test_high_pass_takes_away_what_is_smooth():
    ramp = np.tile(np.linspace(0, 1, 90, dtype=np.float32), (70, 1))
    assert np.abs(high_pass(ramp, 2.0)[:, 8:-8]).max() < 1e-5
    spot = ramp.copy()
    spot[30, 40] += 1
    assert high_pass(spot, 2.0)[30, 40] > 0.9


def test_average_pooling_is_the_mean_magnitude_of_each_cell():
    plane = np.zeros((8, 12), np.float32)
    plane[:4, :6], plane[4:, 6:] = -2, 1
    np.testing.assert_array_equal(average_pooling(plane, 2), [[2, 0], [0, 1]])


def test_fully_connected_hears_all_and_cuts_off_below_zero():
    weights = np.array([[1, 2, 0, 0], [0, 0, -1, 1]], np.float32)
    out = fully_connected(
        np.array([[1, 2], [3, 4]], np.float32), weights, np.array([0.5, -2], np.float32)
    )
    np.testing.assert_array_equal(out, [5.5, 0])
    with pytest.raises(ShapeMismatch, match=r"\(2, 3\)"):
        fully_connected(np.zeros(3, np.float32), weights, np.zeros(2, np.float32))


def test_there_and_back_again_and_low_pass_keeps_the_slow_only():
    plane = window(61, 80)
    np.testing.assert_allclose(inverse_fourier(fourier(plane, tapered=False)), plane, atol=1e-6)
    x = np.arange(80)
    slow, fast = (np.tile(np.cos(2 * np.pi * f * x / 80), (60, 1)) for f in (2, 30))
    kept = inverse_fourier(low_pass(fourier((slow + fast).astype(np.float32), tapered=False), 0.1))
    gain = np.exp(-0.5 * (2 / 80 / 0.1) ** 2)
    np.testing.assert_allclose(kept, gain * slow, atol=2e-3)


def test_the_taper_keeps_the_mean_and_calms_the_borders():
    ramp = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (64, 1))
    cross = [np.abs(fourier(ramp, tapered=t))[32, 44:].mean() for t in (True, False)]
    assert cross[0] < 0.2 * cross[1]


def test_senseless_numbers_are_refused():
    for run in (
        lambda: high_pass(window(), 0),
        lambda: average_pooling(window(), 0),
        lambda: average_pooling(window(), 121),
        lambda: low_pass(fourier(window()), 0),
    ):
        with pytest.raises(BadValue):
            run()
