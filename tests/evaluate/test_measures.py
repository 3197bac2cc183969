"""Measures against scikit-image, torchmetrics, and figures noted from piqa; what fools them."""

import numpy as np
import pytest
from scipy import ndimage

from unblur.blocks import halve
from unblur.blur import Psf
from unblur.blur.formation import apply_psf
from unblur.color import linear_to_srgb, srgb_to_linear
from unblur.errors import BadValue, ShapeMismatch
from unblur.evaluate.memory import measured
from unblur.evaluate.metrics import kernel_similarity, ssim, ssim_map
from unblur.evaluate.perceptual import gmsd, haarpsi, ms_ssim, vif
from unblur.evaluate.unpaired import blur_effect, fitted_psf, grey8, reblur_psnr_db

HOOK = Psf.from_points([(-3, -1), (-1, 0), (0, 0), (1, 1), (1, 3)], weights=[1, 2, 3, 2, 1], size=9)
MEASURES = [(ms_ssim, 1), (gmsd, 0), (haarpsi, 1), (vif, 1)]


def pair(shape, seed):
    rng = np.random.default_rng(seed)
    sharp = ndimage.gaussian_filter(rng.random(shape), (1, 1, 0)) * 600 - 170
    sharp = np.clip(sharp, 0, 255).astype(np.uint8)
    blurry = ndimage.gaussian_filter(sharp.astype(float), (1, 2, 0))
    blurry = np.clip(blurry + rng.normal(0, 3, shape) + 0.5, 0, 255).astype(np.uint8)
    return blurry, sharp


def test_against_torchmetrics():
    image = pytest.importorskip("torchmetrics.functional.image", reason="torchmetrics is missing")
    import torch

    blurry, sharp = pair((177, 181, 3), 2)
    a, b = (torch.tensor(x.astype(float).transpose(2, 0, 1)[None]) for x in (blurry, sharp))
    expected = image.visual_information_fidelity(a[..., :60, :75], b[..., :60, :75]).item()
    small = blurry[:60, :75], sharp[:60, :75]
    assert vif(*small, data_range=255) == pytest.approx(expected, abs=1e-7)
    expected = image.multiscale_structural_similarity_index_measure(a, b, data_range=255.0).item()
    # It counts similarities at the border, where it mirrors the image; we leave those out.
    assert ms_ssim(blurry, sharp, data_range=255) == pytest.approx(expected, abs=2e-3)


def test_against_figures_noted_from_piqa():
    blurry, sharp = pair((192, 240, 3), 1)
    assert ms_ssim(blurry, sharp, data_range=255) == pytest.approx(0.8513535, abs=2e-6)
    assert gmsd(blurry, sharp, data_range=255) == pytest.approx(0.1297652, abs=1e-6)
    # Its conversion to I and Q has other digits.
    assert haarpsi(blurry, sharp, data_range=255) == pytest.approx(0.5848581, abs=1e-4)


def test_against_scikit_image():
    from skimage.measure import blur_effect as reference

    for image in pair((60, 83, 1), 3):
        grey = image[..., 0].astype(float)
        assert blur_effect(grey) == pytest.approx(reference(grey, h_size=11), abs=1e-9)


@pytest.mark.parametrize(("measure", "perfect"), MEASURES)
def test_scale_order_and_perfection(measure, perfect):
    blurry, sharp = pair((180, 200, 3), 4)
    worse = ndimage.gaussian_filter(blurry, (2, 2, 0))
    assert measure(sharp, sharp, data_range=255) == pytest.approx(perfect, abs=1e-9)
    first, second = (measure(image, sharp, data_range=255) for image in (blurry, worse))
    assert abs(first - perfect) < abs(second - perfect)
    floats = (blurry / 255, sharp / 255)
    assert measure(*floats, data_range=1) == pytest.approx(first, rel=1e-6)
    with pytest.raises(ShapeMismatch):
        measure(blurry, sharp[1:], data_range=255)
    with pytest.raises(ShapeMismatch):
        measure(blurry[:4], sharp[:4], data_range=255)
    with pytest.raises(BadValue, match="data_range"):
        measure(blurry, sharp, data_range=0)
    grey = measure(blurry[..., :1], sharp[..., :1], data_range=255)
    assert grey == pytest.approx(first, abs=0.2) and grey != first


def test_flat_images_have_no_information_to_lose():
    flat = np.full((60, 70, 1), 128, np.uint8)
    assert vif(flat, flat, data_range=255) == 1
    assert haarpsi(flat, flat, data_range=255) == pytest.approx(1)
    assert blur_effect(flat[..., 0]) == 1
    assert halve(np.arange(15.0).reshape(3, 5, 1))[..., 0].tolist() == [[3, 5]]


def test_maps_of_ssim_average_to_it():
    blurry, sharp = pair((40, 50, 3), 6)
    values = ssim_map(blurry, sharp, data_range=255)
    assert values.shape == (30, 40, 3)
    assert values.mean() == pytest.approx(ssim(blurry, sharp, data_range=255))


@pytest.fixture(scope="module")
def moved():
    rng = np.random.default_rng(5)
    sharp = ndimage.gaussian_filter(rng.random((160, 181, 3)), (1, 1, 0))
    sharp = ((sharp - sharp.min()) / np.ptp(sharp)).astype(np.float32)
    blurry = linear_to_srgb(apply_psf(srgb_to_linear(sharp), HOOK))
    return sharp, np.clip(blurry, 0, 1)


def test_a_right_result_explains_the_blurry_photo(moved):
    sharp, blurry = moved
    right = reblur_psnr_db(sharp, blurry)
    other = np.ascontiguousarray(sharp[::-1])
    assert right > 38 and reblur_psnr_db(other, blurry) < right - 10
    invented = sharp + 0.3 * np.roll(other, 40, axis=1)
    assert reblur_psnr_db(np.clip(invented, 0, 1), blurry) < right - 5
    # What fools it: to do nothing explains everything.
    assert reblur_psnr_db(blurry, blurry) == np.inf
    with pytest.raises(ShapeMismatch):
        reblur_psnr_db(sharp[:90], blurry[:90])


def test_the_fitted_psf_is_the_one_that_blurred(moved):
    sharp, blurry = (srgb_to_linear(image).mean(axis=2) for image in moved)
    psf = fitted_psf(sharp, blurry)
    assert kernel_similarity(psf, HOOK) > 0.97
    mirrored = Psf(HOOK.array[::-1, ::-1])
    assert kernel_similarity(psf, mirrored) < 0.95
    assert fitted_psf(np.zeros_like(sharp), np.zeros_like(sharp)).shape == (1, 1)


def test_blur_effect_is_fooled_by_noise(moved):
    sharp, blurry = (grey8(image) for image in moved)
    assert 0 < blur_effect(sharp) < blur_effect(blurry) < 1
    noisy = blurry + np.random.default_rng(0).normal(0, 25, blurry.shape)
    assert blur_effect(noisy) < blur_effect(blurry)
    with pytest.raises(ShapeMismatch, match="12"):
        blur_effect(sharp[:11])


def test_cost_is_measured_of_this_piece_of_work_only():
    _, _, before = measured(lambda: np.ones(30_000_000).sum())
    result, seconds, peak_mb = measured(lambda: sum(range(1000)))
    assert result == 499_500 and 0 <= seconds < 5
    if peak_mb is None:
        pytest.skip("this system does not tell the peak of a while")
    assert peak_mb < before - 150
