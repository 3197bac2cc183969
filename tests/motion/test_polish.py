"""The last step of a search: a PSF it is, and a better one where there is little noise."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from tests.motion.test_coarse_to_fine import HOOK, blurry, dull
from unblur.blur.psf import Psf
from unblur.evaluate.metrics import kernel_similarity
from unblur.motion.coarse_to_fine import SearchParams, estimate_psf_map
from unblur.motion.polish import POLISH, least_squares_psf, polished
from unblur.motion.psf_tools import clean_grid
from unblur.motion.spatial import gradients

FAINT_TAIL = Psf.from_points(
    [(x, 0) for x in range(-6, 7)] + [(0, y) for y in range(1, 9)],
    weights=[0.14] * 6 + [0.2] + [0.14] * 6 + [0.01] * 8,
)
"""A bright bar with a tail of 7 % of its brightness."""


def tail(psf):
    """Return the share of the exposure spent in the tail."""
    cy, cx = psf.shape[0] // 2, psf.shape[1] // 2
    below = psf.array[cy + 2 :, max(0, cx - 1) : cx + 2]
    return float(below.sum())


def test_a_faint_stretch_of_the_motion_survives_where_there_is_little_noise():
    image = blurry(FAINT_TAIL, noise=0.0005)
    fixed = estimate_psf_map(image, params=SearchParams(faint=(0.15, 0.15)))
    measured = estimate_psf_map(image)
    assert tail(FAINT_TAIL) > 0.03
    assert tail(measured) > 2 * tail(fixed)


def test_least_squares_give_the_psf_back_of_gradients_without_noise():
    rng = np.random.default_rng(3)
    edges = np.zeros((2, 96, 96), np.float32)
    edges[:, 20:-20, 20:-20] = rng.normal(0, 0.1, (2, 56, 56))
    spectrum = np.fft.rfft2(edges, axes=(1, 2)) * HOOK.otf((96, 96))
    observed = np.fft.irfft2(spectrum, s=(96, 96), axes=(1, 2)).astype(np.float32)
    found = least_squares_psf(edges, observed, 8, 0.0)
    assert found.min() >= 0
    assert kernel_similarity(Psf(found.astype(np.float32)), HOOK) > 0.99


def test_polish_makes_a_search_better_and_keeps_the_conventions():
    image = blurry(HOOK, noise=0.001)
    found = Psf(ndimage.gaussian_filter(np.pad(HOOK.array, 2), 0.7))
    better = polished(image, found, 0.001)
    assert kernel_similarity(better, HOOK) > kernel_similarity(found, HOOK) + 0.01
    assert max(abs(c) for c in better.centroid()) <= 0.51


def test_the_noise_of_a_photo_makes_no_specks_of_a_psf():
    image = dull(HOOK, noise=0.04, contrast=0.2)
    found = Psf(ndimage.gaussian_filter(np.pad(HOOK.array, 2), 0.7))
    fixed = replace(POLISH, ridge_per_square=0.0)
    alike = [kernel_similarity(polished(image, found, 0.04, p), HOOK) for p in (fixed, POLISH)]
    assert alike[0] < 0.7 and alike[1] > 0.97  # without it, it falls in two


def test_a_featureless_window_leaves_the_psf_as_it_is():
    flat = np.full((96, 96), 0.4, np.float32)
    assert polished(flat, HOOK, 0.0) is HOOK
    assert not least_squares_psf(gradients(flat), gradients(flat), 4, 0.0).any()


def test_specks_and_faint_values_are_dropped_but_never_everything():
    grid = np.zeros((9, 9))
    grid[4, 2:7] = 1.0
    grid[0, 0], grid[4, 8] = 0.3, 0.05
    kept = clean_grid(grid, 0.1, 0.1)
    assert kept[4, 2:7].sum() == pytest.approx(5)
    assert kept.sum() == pytest.approx(5)
    alone = clean_grid(np.eye(9)[:, ::-1] * 0 + (np.arange(81).reshape(9, 9) % 40 == 0), 0.0, 0.6)
    assert alone.any()
