"""Each motion feature shows what theory says it shows."""

import numpy as np
import pytest
from scipy import ndimage

from unblur.blur import Psf, apply_psf
from unblur.motion.features import MAP_NAMES, motion_features, noise_sigma
from unblur.motion.frequency import GRID, frequency_maps, near_origin, normalised
from unblur.motion.spatial import (
    average_pool,
    gradients,
    halve,
    pooled_high_pass,
    quotient_maps,
    shock_filter,
)
from unblur.tapers import ramp_taper

HOOK = Psf.from_points([(x, 0) for x in range(-9, 7)] + [(6, y) for y in range(1, 9)], size=25)
MIDDLE = GRID // 2


def boxes(height=256, width=256, seed=0):
    rng = np.random.default_rng(seed)
    image = np.full((height, width), 0.4, np.float32)
    for _ in range(60):
        y, x = rng.integers(height), rng.integers(width)
        h, w = rng.integers(10, 60, 2)
        image[y : y + h, x : x + w] = rng.uniform(0.05, 0.95)
    return image


def blurred(image, psf=HOOK):
    return apply_psf(image[..., None], psf)[..., 0]


def correlation(a, b):
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


@pytest.mark.parametrize(("height", "width"), [(256, 256), (200, 271), (96, 120)])
def test_all_maps_of_any_window_are_finite_and_named(height, width):
    features = motion_features(boxes(height, width))
    assert features.maps.shape == (len(MAP_NAMES), GRID, GRID)
    assert features.pooled.shape == (3, 8, 8)
    assert np.isfinite(features.maps).all() and np.abs(features.maps).max() <= 4
    flat = motion_features(np.full((height, width), 0.5, np.float32))
    assert np.isfinite(flat.maps).all() and np.isfinite(flat.pooled).all()


@pytest.mark.parametrize("gain", [0.1, 0.5])
def test_exposure_does_not_matter(gain):
    window = blurred(boxes()) * 0.9
    a, b = motion_features(window), motion_features(window * np.float32(gain))
    np.testing.assert_allclose(a.maps, b.maps, atol=0.05)
    np.testing.assert_allclose(a.pooled, b.pooled, atol=0.05)


def test_autocorrelations_show_the_psf_of_white_noise():
    noise = np.random.default_rng(0).standard_normal((256, 256)).astype(np.float32)
    maps = frequency_maps(blurred(noise))
    shown = sum(maps[f"autocorrelation_{d}"] for d in ("horizontal", "vertical"))
    expected = ndimage.laplace(-_autocorrelation(HOOK))
    core = (slice(MIDDLE - 20, MIDDLE + 21),) * 2
    assert correlation(shown[core], expected[core]) > 0.8
    wrong = ndimage.laplace(-_autocorrelation(Psf(HOOK.array.T)))
    assert correlation(shown[core], wrong[core]) < correlation(shown[core], expected[core]) - 0.04


def _autocorrelation(psf):
    grid = psf.embedded(GRID)
    spectrum = np.abs(np.fft.fft2(grid)) ** 2
    return np.fft.fftshift(np.fft.ifft2(spectrum).real)


@pytest.mark.parametrize(("dx", "dy"), [(12, 0), (0, 12), (8, -8)])
def test_cepstrum_has_a_dark_spot_where_an_echo_is(dx, dy):
    echo = Psf.from_points([(0, 0), (dx, dy)], weights=[0.6, 0.4], size=31)
    noise = np.random.default_rng(1).standard_normal((256, 256)).astype(np.float32)
    cepstrum = frequency_maps(blurred(noise, echo))["cepstrum"].copy()
    cepstrum[MIDDLE - 2 : MIDDLE + 3, MIDDLE - 2 : MIDDLE + 3] = 0
    y, x = np.unravel_index(np.abs(cepstrum).argmax(), cepstrum.shape)
    assert (abs(x - MIDDLE), abs(y - MIDDLE)) == (abs(dx), abs(dy))
    assert np.sign(x - MIDDLE) * np.sign(dx) == np.sign(y - MIDDLE) * np.sign(dy) or 0 in (dx, dy)


@pytest.mark.parametrize("name", ["quotient_1_25", "quotient_1_6", "quotient_2_6", "quotient_4_6"])
def test_quotients_show_the_psf_and_not_its_mirror_image(name):
    psf = Psf.from_points([(x, x / 3) for x in range(-3, 8)], weights=[12, *range(10)], size=17)
    shown = quotient_maps(blurred(boxes(), psf))[name]
    smooth = ndimage.gaussian_filter(psf.embedded(GRID), 1.5)
    mirrored = ndimage.gaussian_filter(Psf(psf.array[::-1, ::-1]).embedded(GRID), 1.5)
    right, wrong = (_best_shift(shown, truth) for truth in (smooth, mirrored))
    assert right > wrong
    assert right > 0.45


def _best_shift(a, b):
    products = np.fft.ifft2(np.fft.fft2(a) * np.conj(np.fft.fft2(b))).real
    return products.max() / np.linalg.norm(a) / np.linalg.norm(b)


def test_quotients_of_a_sharp_window_are_a_point_in_the_middle():
    for name, grid in quotient_maps(boxes()).items():
        assert np.unravel_index(grid.argmax(), grid.shape) == (MIDDLE, MIDDLE), name


@pytest.mark.parametrize("shape", [(100, 130), (64, 64), (97, 71)])
def test_only_what_is_near_the_origin_is_transformed_back(shape):
    periodic = np.random.default_rng(4).random(shape, dtype=np.float32)
    for first, end in ((-GRID // 2, GRID // 2), (-17, 18)):
        rows = np.arange(first, end)
        near = near_origin(np.fft.rfft2(periodic), shape, first, end)
        np.testing.assert_allclose(near, periodic[np.ix_(rows, rows)], atol=1e-6)
    power = np.square(np.abs(np.fft.rfft2(periodic)))
    whole = np.fft.irfft2(power, s=shape)[np.ix_(rows, rows)]
    np.testing.assert_allclose(near_origin(power, shape, -17, 18), whole, rtol=1e-5)


def test_normalise():
    grid = np.zeros((GRID, GRID), np.float32)
    grid[MIDDLE + 3, MIDDLE - 5] = 2
    grid[MIDDLE, MIDDLE] = 50
    scaled = normalised(grid)
    assert scaled[MIDDLE + 3, MIDDLE - 5] == 1
    assert scaled[MIDDLE, MIDDLE] == 4


def test_taper_is_one_inside_and_zero_at_the_rim():
    window = ramp_taper(40, 60)
    assert window.shape == (40, 60)
    assert window[20, 30] == 1
    assert window[0].max() < 0.05 and window[:, -1].max() < 0.05


@pytest.mark.parametrize("sigma", [0.002, 0.01, 0.03])
def test_noise_is_measured_over_texture(sigma):
    noisy = blurred(boxes()) + np.random.default_rng(2).normal(0, sigma, (256, 256))
    assert noise_sigma(noisy.astype(np.float32)) == pytest.approx(sigma, rel=0.15)
    assert noise_sigma(np.zeros((2, 2), np.float32)) == 0


def test_average_pool_is_the_mean_of_cells():
    image = np.random.default_rng(3).random((37, 50)).astype(np.float32)
    pooled = average_pool(image, 4)
    assert pooled[1, 2] == pytest.approx(image[9:18, 25:37].mean(), rel=1e-5)
    assert pooled.shape == (4, 4)


def test_pooled_high_pass_is_lower_where_it_is_blurred():
    half = boxes()
    half[:, 128:] = blurred(boxes())[:, 128:]
    pooled = pooled_high_pass(half)
    assert (pooled[0, :, :3].mean() - pooled[0, :, 5:].mean()) > 0.2


def test_shock_filter_steepens_in_place():
    ramp = (0.5 + 0.5 * np.tanh((np.arange(60) - 30) / 5)).astype(np.float32)[None].repeat(20, 0)
    sharp = shock_filter(ramp, steps=20)
    assert np.abs(np.diff(sharp, axis=1)).max() > 1.7 * np.abs(np.diff(ramp, axis=1)).max()
    middle = np.argmin(np.abs(sharp[10] - 0.5))
    assert abs(middle - 30) <= 1


def test_gradients_and_halve():
    image = np.arange(15, dtype=np.float32).reshape(3, 5)
    gx, gy = gradients(image)
    assert (gx[:, :-1] == 1).all() and (gx[:, -1] == 0).all()
    assert (gy[:-1] == 5).all() and (gy[-1] == 0).all()
    np.testing.assert_allclose(halve(image), [[3, 5]])
