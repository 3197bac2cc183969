"""Classical measures of blur, and how detectors are scored, against independent sums."""

import numpy as np
import pytest
from scipy import ndimage, signal

from unblur.blur import Psf, apply_psf
from unblur.errors import BadValue
from unblur.evaluate.detectors import (
    CLASSICAL,
    angle_apart_deg,
    best_accuracy,
    calibration,
    fft_ratio,
    laplacian_variance,
    roc_auc,
    tenengrad,
)


@pytest.fixture(scope="module")
def grey():
    rng = np.random.default_rng(0)
    smooth = ndimage.gaussian_filter(rng.random((150, 210)), 0.8)
    return ((smooth - smooth.min()) / np.ptp(smooth) * 255).astype(np.uint8)


@pytest.mark.parametrize("name", CLASSICAL)
def test_every_measure_falls_with_blur(name, grey):
    values = [CLASSICAL[name](grey)]
    for length in (3, 7, 15):
        light = (grey / 255).astype(np.float32)[..., None]
        blurred = apply_psf(light, Psf.from_line(length, 20))[..., 0]
        values.append(CLASSICAL[name]((255 * blurred).round().astype(np.uint8)))
    assert values == sorted(values, reverse=True)
    assert values[0] > 1.3 * values[-1] > 0


def test_measures_against_plain_convolution(grey):
    padded = np.pad(grey.astype(float), 1, mode="reflect")
    kernel = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]])
    laplacian = signal.convolve2d(padded, kernel, "valid")
    assert laplacian_variance(grey) == pytest.approx(laplacian.var(), rel=1e-9)
    sobel = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]])
    x, y = (signal.convolve2d(padded, k, "valid") for k in (sobel, sobel.T))
    assert tenengrad(grey) == pytest.approx((x**2 + y**2).mean(), rel=1e-9)


def test_fft_ratio_of_pure_waves():
    x = np.arange(256)
    slow, fast = (np.tile(np.cos(2 * np.pi * f * x / 256), (64, 1)) for f in (8, 64))
    assert fft_ratio(slow) == pytest.approx(0, abs=1e-9)
    assert fft_ratio(fast) == pytest.approx(1)
    assert fft_ratio(slow + fast) == pytest.approx(0.5)


def test_auc_is_the_share_of_pairs_in_order():
    rng = np.random.default_rng(3)
    scores, positive = rng.integers(0, 12, 80).astype(float), rng.random(80) < 0.4
    pairs = scores[positive][:, None] - scores[~positive][None]
    assert roc_auc(scores, positive) == pytest.approx(((pairs > 0) + 0.5 * (pairs == 0)).mean())
    assert roc_auc(positive.astype(float), positive) == 1
    with pytest.raises(BadValue, match="both classes"):
        roc_auc(scores, np.zeros(80, bool))


@pytest.mark.parametrize("seed", range(6))
def test_best_accuracy_tries_every_threshold(seed):
    rng = np.random.default_rng(seed)
    scores, positive = rng.integers(0, 9, 40).astype(float), rng.random(40) < 0.5
    thresholds = [*np.unique(scores), np.inf]
    best = max(float(((scores >= t) == positive).mean()) for t in thresholds)
    threshold, accuracy = best_accuracy(scores, positive)
    assert accuracy == pytest.approx(best)
    assert ((scores >= threshold) == positive).mean() == pytest.approx(best)


def test_calibration_of_an_honest_and_a_boastful_forecaster():
    rng = np.random.default_rng(5)
    said = rng.random(40_000)
    happened = rng.random(40_000) < said
    error, rows = calibration(said, happened)
    assert error < 0.01 and len(rows) == 10
    assert sum(row["share"] for row in rows) == pytest.approx(1)
    boast = np.where(said > 0.5, 1.0, 0.0)
    assert calibration(boast, happened)[0] == pytest.approx(0.25, abs=0.01)


def test_angles_are_compared_modulo_a_half_turn():
    a, b = np.array([1.0, 0.0, 90.0, 45.0]), np.array([179.0, 180.0, 0.0, 225.0])
    np.testing.assert_allclose(angle_apart_deg(a, b), [2, 0, 90, 0])
