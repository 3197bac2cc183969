"""The features again, by slow and independent ways: loops in space, full transforms, theory."""

import numpy as np
import pytest
from scipy import ndimage, signal

from tests.motion.test_features import blurred, boxes, correlation
from unblur.blur import Psf, apply_psf
from unblur.motion import frequency, spatial
from unblur.motion.features import MAP_NAMES, motion_features, noise_sigma
from unblur.motion.frequency import GRID, frequency_maps, normalised
from unblur.motion.spatial import (
    EDGE_SHARES,
    SCALES,
    average_pool,
    gradients,
    halve,
    pooled_high_pass,
    quotient_maps,
    shock_filter,
)
from unblur.motion.windows import WINDOW
from unblur.tapers import ramp_taper

MIDDLE = GRID // 2
STEPS = {"horizontal": (0, 1), "vertical": (1, 0), "falling": (1, 1), "rising": (-1, 1)}
ODD = (201, 270)
HEAVY_END = Psf.from_points([(x, x / 3) for x in range(-3, 8)], weights=[12, *range(10)], size=17)


def white_noise(shape=(256, 256), seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def periodic_autocorrelation(image):
    """By the definition, at every displacement of the grid."""
    out = np.zeros((GRID, GRID), np.float64)
    for dy in range(-MIDDLE, MIDDLE):
        for dx in range(-MIDDLE, MIDDLE):
            moved = np.roll(image, (-dy, -dx), (0, 1))
            out[dy + MIDDLE, dx + MIDDLE] = np.vdot(image, moved)
    return out


@pytest.mark.parametrize("direction", list(STEPS))
def test_autocorrelation_maps_are_those_of_pixel_differences(direction):
    window = blurred(boxes(95, 130))
    flat = (window - window.mean()) * ramp_taper(95, 130)
    difference = np.roll(flat, STEPS[direction], (0, 1)) - flat
    expected = normalised(periodic_autocorrelation(difference).astype(np.float32))
    shown = frequency_maps(window)[f"autocorrelation_{direction}"]
    np.testing.assert_allclose(shown, expected, atol=2e-3)


@pytest.mark.parametrize("shape", [(128, 128), ODD])
def test_cepstrum_and_whitened_by_full_transforms(shape):
    window = blurred(boxes(*shape))
    flat = (window - window.mean()) * ramp_taper(*shape)
    power = np.zeros(shape)
    for step in ((0, 1), (1, 0)):
        power += np.abs(np.fft.fft2(np.roll(flat, step, (0, 1)) - flat)) ** 2
    maps = frequency_maps(window)
    for name, spectrum in (
        ("cepstrum", np.log(power + 1e-6 * power.mean())),
        ("whitened", np.sqrt(power)),
    ):
        centred = np.fft.fftshift(np.fft.ifft2(spectrum).real)
        cy, cx = shape[0] // 2, shape[1] // 2
        grid = centred[cy - MIDDLE : cy + MIDDLE, cx - MIDDLE : cx + MIDDLE].astype(np.float32)
        if name == "cepstrum":
            grid[MIDDLE, MIDDLE] = 0
        # The mean of the half spectrum counts some columns once, so the floor differs a little.
        assert correlation(maps[name], normalised(grid)) > 0.999


@pytest.mark.parametrize(("length", "angle"), [(20, 0), (20, 90), (16, 45), (16, 135), (24, 30)])
def test_lines_leave_dark_spots_at_both_their_ends(length, angle):
    psf = Psf.from_line(length, angle)
    shown = np.mean(
        [frequency_maps(blurred(white_noise(ODD, s), psf))["cepstrum"] for s in range(3)], axis=0
    )
    smooth = ndimage.gaussian_filter(shown, 0.8)
    ys, xs = np.mgrid[:GRID, :GRID] - MIDDLE
    smooth[np.hypot(xs, ys) < 6] = 0
    y, x = np.unravel_index(smooth.argmin(), smooth.shape)
    at = np.array([x - MIDDLE, y - MIDDLE], float)
    end = length * np.array([np.cos(np.deg2rad(angle)), -np.sin(np.deg2rad(angle))])
    assert min(np.abs(at - end).max(), np.abs(at + end).max()) <= 2


def test_a_quotient_with_the_true_edges_is_the_psf_itself():
    sharp = boxes(200, 271)
    observed = apply_psf(sharp[..., None], HEAVY_END, border="wrap")[..., 0]
    periodic = [np.stack([np.roll(i, -1, 1) - i, np.roll(i, -1, 0) - i]) for i in (sharp, observed)]
    spectra = [np.fft.rfft2(g, axes=(1, 2)) for g in periodic]
    rows = np.arange(-GRID // 2 - 1, GRID // 2 + 2)
    periodic = frequency.quotient(*spectra, sharp.shape, 0.05)
    grid = spatial._to_grid(periodic[np.ix_(rows, rows)], 1)
    assert correlation(grid, HEAVY_END.embedded(GRID)) > 0.7
    peak = np.unravel_index(grid.argmax(), grid.shape)
    truth = HEAVY_END.embedded(GRID)
    assert peak == np.unravel_index(truth.argmax(), truth.shape)


@pytest.mark.parametrize("scale", SCALES)
def test_small_scales_are_enlarged_about_the_middle(scale):
    for dy, dx in ((0, 0), (-3, 5), (4, -2)):
        periodic = np.zeros((60, 71), np.float32)
        periodic[dy, dx] = 1
        rows = np.arange(-spatial._reach(scale), spatial._reach(scale) + 1)
        grid = spatial._to_grid(periodic[np.ix_(rows, rows)], scale)
        ys, xs = np.mgrid[:GRID, :GRID] - MIDDLE
        centroid = np.array([(grid * a).sum() for a in (ys, xs)]) / grid.sum()
        np.testing.assert_allclose(centroid, (scale * dy, scale * dx), atol=1e-3)


@pytest.mark.parametrize("share", EDGE_SHARES)
def test_only_the_strongest_edges_are_believed(share):
    soft = blurred(boxes(seed=7)) + 0.001 * white_noise()
    values = np.hypot(*gradients(soft))
    threshold = spatial._upper(values, share)
    assert (values >= threshold).mean() == pytest.approx(share, rel=0.15)
    maps = quotient_maps(blurred(boxes(seed=7)))
    assert not np.allclose(maps["quotient_1_25"], maps["quotient_1_6"], atol=0.05)


@pytest.mark.parametrize("shape", [(256, 256), (224, 271)])
def test_quotients_of_all_scales_lie_on_each_other(shape):
    maps = quotient_maps(blurred(boxes(*shape), Psf.from_points([(0, 0), (8, 4)], size=21)))

    def centroid(grid):
        positive = np.maximum(grid, 0.15 * grid.max()) - 0.15 * grid.max()
        ys, xs = np.mgrid[:GRID, :GRID] - MIDDLE
        near = np.hypot(xs, ys) < 20
        return [(positive * near * a).sum() / (positive * near).sum() for a in (xs, ys)]

    coarse, fine = centroid(maps["quotient_4_25"]), centroid(maps["quotient_1_25"])
    np.testing.assert_allclose(coarse, fine, atol=2.0)


@pytest.mark.parametrize("name", [n for n in MAP_NAMES if n.startswith("quotient")])
def test_every_quotient_tells_the_psf_from_its_mirror_image(name):
    mirrored = Psf(HEAVY_END.array[::-1, ::-1])
    votes = []
    for seed in range(4):
        shown = quotient_maps(blurred(boxes(231, 256, seed), HEAVY_END))[name]
        right, wrong = (_best(shown, psf) for psf in (HEAVY_END, mirrored))
        votes.append(right - wrong)
    assert np.mean(votes) > 0.02
    assert sum(v > 0 for v in votes) >= 3


def _best(grid, psf):
    smooth = ndimage.gaussian_filter(psf.embedded(GRID), 1.5)
    products = signal.fftconvolve(grid, smooth[::-1, ::-1], mode="same")
    return products.max() / np.linalg.norm(grid) / np.linalg.norm(smooth)


def test_the_stack_is_in_the_order_of_its_names():
    window = blurred(boxes(200, 230))
    features = motion_features(window)
    named = {**frequency_maps(window), **quotient_maps(window)}
    assert set(named) == set(MAP_NAMES) and len(SCALES) * len(EDGE_SHARES) == 6
    for position, name in enumerate(MAP_NAMES):
        np.testing.assert_array_equal(features.maps[position], named[name])
    np.testing.assert_array_equal(features.pooled, pooled_high_pass(window))
    assert features.noise == noise_sigma(window)
    assert features.maps.dtype == features.pooled.dtype == np.float32


@pytest.mark.parametrize("gain", [0.05, 0.5])
@pytest.mark.parametrize("offset", [0.0, 0.05])
def test_exposure_and_haze_leave_the_maps_alone(gain, offset):
    window = blurred(boxes(200, 230)) * 0.9
    a = motion_features(window).maps
    b = motion_features(window * np.float32(gain) + np.float32(offset)).maps
    for name, before, after in zip(MAP_NAMES, a, b, strict=True):
        assert correlation(before, after) > 0.995, name


def test_windows_are_not_changed():
    window = blurred(boxes())
    kept = window.copy()
    motion_features(window)
    np.testing.assert_array_equal(window, kept)
    assert window.shape == (WINDOW, WINDOW)


# --- noise


@pytest.mark.parametrize("sigma", [0.001, 0.005, 0.02])
@pytest.mark.parametrize("shape", [(256, 256), (97, 300)])
def test_noise_on_flat_and_on_blurred_texture(shape, sigma):
    noise = np.random.default_rng(4).normal(0, sigma, shape)
    texture = blurred(
        np.random.default_rng(5).random(shape).astype(np.float32), Psf.from_line(9, 20)
    )
    texture = ndimage.gaussian_filter(texture, 2.0)
    ramp = np.linspace(0.2, 0.8, shape[1])[None] + np.linspace(0, 0.1, shape[0])[:, None]
    for scene in (np.full(shape, 0.4), ramp, texture):
        measured = noise_sigma((scene + noise).astype(np.float32))
        assert measured == pytest.approx(sigma, rel=0.12)


def test_noise_of_a_ramp_without_noise_is_nothing():
    ramp = np.linspace(0, 1, 120, dtype=np.float32)[None].repeat(80, 0)
    assert noise_sigma(ramp) < 1e-6


# --- space


@pytest.mark.parametrize("shape", [(16, 16), (37, 50), (256, 201), (8, 9)])
@pytest.mark.parametrize("cells", [1, 4, 8])
def test_average_pool_by_a_loop(shape, cells):
    image = np.random.default_rng(3).random(shape).astype(np.float32)
    rows, columns = (np.linspace(0, n, cells + 1).astype(int) for n in shape)
    pooled = average_pool(image, cells)
    assert pooled.shape == (cells, cells)
    for i in range(cells):
        for j in range(cells):
            cell = image[rows[i] : rows[i + 1], columns[j] : columns[j + 1]]
            assert pooled[i, j] == pytest.approx(cell.mean(), rel=1e-4)


def test_coarser_detail_is_counted_by_wider_filters():
    ys, xs = np.mgrid[:256, :256]
    energies = []
    for period in (3, 12, 40):
        waves = (0.5 + 0.2 * np.sin(2 * np.pi * (xs + ys) / period)).astype(np.float32)
        energies.append(pooled_high_pass(waves).mean(axis=(1, 2)))
    assert np.ptp(energies[0]) < 0.25  # every filter passes what is finer than itself
    lost = energies[0] - energies[1]
    assert lost[0] > lost[1] + 0.2 and abs(lost[2]) < 0.1
    assert energies[2][2] > energies[2][1] > energies[2][0]


def test_shock_filter_makes_no_new_values_and_leaves_edges_where_they_are():
    soft = ndimage.gaussian_filter(boxes(90, 131), 3.0)
    sharp = shock_filter(soft, steps=12)
    assert sharp.min() >= soft.min() - 1e-5 and sharp.max() <= soft.max() + 1e-5
    assert np.hypot(*gradients(sharp)).max() > 1.5 * np.hypot(*gradients(soft)).max()
    for turned in (lambda a: a.T, lambda a: a[:, ::-1], lambda a: a[::-1]):
        again = turned(shock_filter(np.ascontiguousarray(turned(soft)), steps=12))
        np.testing.assert_allclose(again, sharp, atol=5e-3)


@pytest.mark.parametrize("shape", [(6, 8), (7, 8), (6, 9), (7, 9)])
def test_halving_by_a_loop(shape):
    image = np.random.default_rng(2).random(shape).astype(np.float32)
    half = halve(image)
    assert half.shape == (shape[0] // 2, shape[1] // 2)
    for y in range(half.shape[0]):
        for x in range(half.shape[1]):
            block = image[2 * y : 2 * y + 2, 2 * x : 2 * x + 2]
            assert half[y, x] == pytest.approx(block.mean(), rel=1e-5)
