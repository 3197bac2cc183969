"""The classical blind reference: it finds motion, keeps its conventions, needs no size."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import fft, ndimage

from unblur.blur.formation import apply_psf
from unblur.blur.psf import Psf
from unblur.errors import ShapeMismatch
from unblur.evaluate.metrics import kernel_similarity
from unblur.motion.coarse_to_fine import estimate_psf_map
from unblur.motion.l0_latent import l0_latent
from unblur.motion.sources import FUSED_SEARCH
from unblur.motion.windows import most_structured

HOOK = Psf.from_points([(-6, 4), (-4, 1), (-2, -1), (0, -2), (2, -2), (4, -1), (6, 2), (6, 2)])
"""Asymmetric, 12 px long."""


def scene(height=200, width=232, seed=5):
    """Return a cartoon of discs and bars with a little texture, (H, W) linear light."""
    rng = np.random.default_rng(seed)
    ys, xs = np.mgrid[:height, :width]
    image = np.full((height, width), 0.3, np.float32)
    for _ in range(70):
        y, x, r = rng.uniform(0, height), rng.uniform(0, width), rng.uniform(4, 22)
        if rng.random() < 0.5:
            inside = np.hypot(ys - y, xs - x) < r
        else:
            inside = (abs(ys - y) < r) & (abs(xs - x) < r / 2)
        image[inside] = rng.uniform(0.02, 0.9)
    texture = ndimage.gaussian_filter(rng.standard_normal(image.shape), 1.0)
    return np.clip(image + 0.02 * texture, 0, 1).astype(np.float32)


def blurry(psf, *, noise=0.003, seed=1, **size):
    image = apply_psf(scene(**size)[..., None], psf)[..., 0]
    rng = np.random.default_rng(seed)
    noisy = image + rng.normal(0, noise, image.shape)
    return np.clip(noisy, 0, 1).astype(np.float32)


def dull(psf, *, noise, contrast, seed=1, **size):
    """Return a blurred scene of less contrast, so that noise counts for more."""
    image = apply_psf((0.4 + contrast * (scene(**size) - 0.4))[..., None], psf)[..., 0]
    rng = np.random.default_rng(seed)
    return np.clip(image + rng.normal(0, noise, image.shape), 0, 1).astype(np.float32)


def test_it_finds_an_asymmetric_motion_unflipped():
    found = estimate_psf_map(blurry(HOOK))
    assert kernel_similarity(found, HOOK) > 0.85
    mirrored = Psf(HOOK.array[::-1, ::-1])
    assert kernel_similarity(found, HOOK) > kernel_similarity(found, mirrored) + 0.1
    assert max(abs(c) for c in found.centroid()) <= 0.51


@pytest.mark.parametrize("length", [5.0, 30.0])
def test_no_size_is_asked_for(length):
    line = Psf.from_line(length, 30.0)
    found = estimate_psf_map(blurry(line, height=256, width=300))
    assert found.length_px() == pytest.approx(line.length_px(), rel=0.3)


def test_a_first_estimate_is_refined():
    rough = Psf(ndimage.gaussian_filter(np.pad(HOOK.array, 4), 1.5))
    found = estimate_psf_map(blurry(HOOK), initial=rough)
    assert kernel_similarity(found, HOOK) > kernel_similarity(rough, HOOK)


def test_equal_photos_give_equal_estimates_whatever_their_brightness():
    image = blurry(HOOK, noise=0.0)
    first, again = estimate_psf_map(image), estimate_psf_map(image)
    assert np.array_equal(first.array, again.array)
    assert kernel_similarity(first, estimate_psf_map(image * np.float32(0.5))) > 0.98


def test_saturated_highlights_do_not_count():
    found = []
    for seed in range(5, 9):
        image = scene(seed=seed)
        image[60:70, 60:70] = 12.0
        bright = np.clip(apply_psf(image[..., None], HOOK)[..., 0], 0, 1)
        found.append(kernel_similarity(estimate_psf_map(bright), HOOK))
    assert np.mean(found) > 0.88


def test_white_paper_counts_though_all_of_it_is_clipped():
    rng = np.random.default_rng(5)
    page = np.ones((220, 260), np.float32)
    for y, x, h, w in rng.integers([10, 10, 2, 2], [200, 230, 16, 16], (45, 4)):
        page[y : y + h, x : x + w] = rng.uniform(0.02, 0.3)
    blurred = apply_psf(page[..., None], HOOK)[..., 0]
    scan = np.clip(blurred + rng.normal(0, 0.003, blurred.shape), 0, 1).astype(np.float32)
    assert (scan > 0.98).mean() > 0.7
    assert kernel_similarity(estimate_psf_map(scan), HOOK) > 0.85


def test_a_featureless_photo_gives_a_psf_all_the_same():
    found = estimate_psf_map(np.full((80, 96), 0.4, np.float32))
    assert found.array.sum() == pytest.approx(1, abs=1e-5)


def test_small_photos_are_refused():
    with pytest.raises(ShapeMismatch, match="sides >= 64"):
        estimate_psf_map(np.zeros((63, 200), np.float32))


def test_the_part_searched_is_the_one_with_structure():
    image = np.full((300, 400), 0.5, np.float32)
    image[200:280, 300:380] += np.random.default_rng(0).normal(0, 0.1, (80, 80)).astype(np.float32)
    part = most_structured(image, 100)
    assert part.shape == (100, 100)
    assert part.std() > 0.07
    assert most_structured(image, 500) is image


def test_the_latent_image_is_flat_and_its_edges_are_steep():
    sharp = np.zeros((64, 96), np.float32)
    sharp[20:44, 30:70] = 1
    psf = Psf.from_line(7, 0)
    image = apply_psf(sharp[..., None], psf, border="wrap")[..., 0]
    image += np.random.default_rng(2).normal(0, 0.01, image.shape).astype(np.float32)
    latent, _ = l0_latent(
        fft.rfft2(image), psf.otf(image.shape), image.shape, 0.008, beta_last=1e3, growth=4.0
    )
    assert np.abs(latent - sharp).mean() < 0.5 * np.abs(image - sharp).mean()
    assert (np.abs(np.diff(latent, axis=1)) > 0.02).mean() < 0.05


def test_a_ridge_that_grows_with_the_noise_keeps_more_of_the_psf():
    images = [dull(HOOK, noise=0.05, contrast=0.5, seed=s, height=320, width=320) for s in range(4)]
    alike = [
        [kernel_similarity(estimate_psf_map(i, initial=HOOK, params=p), HOOK) for i in images]
        for p in (replace(FUSED_SEARCH, ridge_per_power=0.0), FUSED_SEARCH)
    ]
    assert np.mean(alike[1]) > np.mean(alike[0]) + 0.15
