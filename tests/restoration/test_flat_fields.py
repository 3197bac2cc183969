"""A flat field has no grain of its own after restoration: measured by its spectrum."""

import numpy as np
import pytest

import unblur
from unblur.blur.psf import Psf
from unblur.restoration.lattice import without_lattice

SIDE = 160
LEVELS = (0, 0.3, 1, 2, 3, 5, 8, 12, 20, 40, 80, 128, 200, 250, 255)
"""Of 8 bits; the shadows more closely, where the curve is steep."""

MOST = 1 / 16
"""Amplitude of the strongest wave, in levels of 8 bits."""


def moved() -> Psf:
    """A slanted stroke, heavier at its end."""
    weights = np.zeros((9, 11), np.float32)
    for i in range(9):
        weights[8 - i, i + 1] = 1 + i / 4
    return Psf(weights / weights.sum()).centred()


def strongest_wave(samples: np.ndarray) -> float:
    """Amplitude of the strongest periodic part of an (H, W, C) uint16 patch, in 8-bit levels."""
    inside = samples[48:112, 48:112].astype(np.float64) / 257
    waves = np.abs(np.fft.fft2(inside - inside.mean(axis=(0, 1)), axes=(0, 1)))
    return float(2 * waves.max() / (64 * 64))


def test_the_measure_sees_a_wave_of_a_sixteenth():
    xs = np.mgrid[:SIDE, :SIDE][1]
    wave = 30 + np.cos(2 * np.pi * xs / 4) / 8
    seen = strongest_wave(np.round(np.repeat(wave[..., None], 3, 2) * 257).astype(np.uint16))
    assert seen == pytest.approx(1 / 8, abs=0.01)
    assert strongest_wave(np.full((SIDE, SIDE, 3), 1000, np.uint16)) < 1e-9


@pytest.mark.parametrize("channels", [3, 1])
@pytest.mark.parametrize("level", LEVELS)
def test_flat_fields_stay_flat(level, channels):
    if channels == 1 and level not in (3, 40):
        pytest.skip("grey goes the same way")
    flat = np.full((SIDE, SIDE, channels), round(level * 257), np.uint16)
    result = unblur.restore(flat, psf=moved(), gate=False, threads=1)
    assert strongest_wave(result.samples) <= MOST


def test_a_flat_part_beside_detail_stays_flat():
    """The field fills half of the picture; the other half is noise, which must be restored."""
    rng = np.random.default_rng(4)
    picture = np.full((SIDE, 2 * SIDE, 3), 3 * 257, np.uint16)
    picture[:, SIDE + 40 :] += rng.integers(0, 20000, (SIDE, SIDE - 40, 3)).astype(np.uint16)
    result = unblur.restore(picture, psf=moved(), gate=False, threads=1)
    assert strongest_wave(result.samples[:, :SIDE]) <= MOST
    lively = np.s_[48:112, SIDE + 80 : 2 * SIDE - 32]
    assert np.abs(result.samples[lively].astype(int) - picture[lively]).mean() > 257


def test_a_lattice_leaves_flat_parts_and_stays_out_of_the_others():
    """A network that answers with the same block everywhere, as those that add a correction do."""
    rng = np.random.default_rng(6)
    block = rng.normal(0, 0.4 / 255, (8, 8, 3)).astype(np.float32)
    blurry = np.full((SIDE, 2 * SIDE, 3), 0.02, np.float32)
    blurry[:, SIDE:] += rng.random((SIDE, SIDE, 3), np.float32) / 10
    answer = blurry + np.tile(block, (SIDE // 8, SIDE // 4, 1))
    out = without_lattice(blurry, answer, 8)
    flat = np.s_[24 : SIDE - 24, 24 : SIDE - 24]
    assert np.ptp(answer[flat][..., 0]) > 1 / 255
    assert np.ptp(out[flat], axis=(0, 1)).max() < 1e-6
    np.testing.assert_allclose(
        out[flat].mean(axis=(0, 1)), 0.02 + block.mean(axis=(0, 1)), atol=1e-5
    )
    np.testing.assert_array_equal(out[:, SIDE + 16 :], answer[:, SIDE + 16 :])
