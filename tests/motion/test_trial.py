"""What trial restorations say of PSFs."""

import numpy as np
import pytest

from tests.motion.test_coarse_to_fine import HOOK, blurry
from unblur.blur.psf import Psf
from unblur.motion.trial import gradient_density, gradient_length, try_psf
from unblur.tone import LINEAR, SRGB


@pytest.fixture(scope="module")
def image():
    return blurry(HOOK, noise=0.003)


def test_the_true_psf_gives_fewer_and_shorter_gradients_than_wrong_ones(image):
    right = try_psf(image, LINEAR, HOOK, 0.003).samples
    for wrong in (Psf(HOOK.array[::-1, ::-1]), Psf.from_line(20, 45), HOOK.scaled(1.4)):
        made = try_psf(image, LINEAR, wrong, 0.003).samples
        assert gradient_density(right) < gradient_density(made)
    assert gradient_density(right) < gradient_density(image)


def test_the_misfit_of_the_true_psf_is_below_the_noise_and_of_a_wrong_one_larger(image):
    right = try_psf(image, LINEAR, HOOK, 0.003).misfit
    assert 0.3 < right < 1.1
    assert try_psf(image, LINEAR, Psf.from_line(40, 45), 0.003).misfit > 1.5 * right


def test_a_window_encoded_by_a_curve_is_restored_in_its_light(image):
    encoded = SRGB.to_encoded(image)
    right, wrong = (try_psf(encoded, curve, HOOK, 0.003) for curve in (SRGB, LINEAR))
    assert gradient_length(right.samples) < gradient_length(wrong.samples)
    assert right.samples.min() >= 0
    assert right.samples.max() <= 1


def test_density_does_not_depend_on_contrast_and_a_flat_picture_has_one():
    picture = np.random.default_rng(0).random((40, 50), np.float32)
    assert gradient_density(picture) == pytest.approx(gradient_density(picture * 0.3), abs=1e-4)
    assert np.isfinite(gradient_density(np.full((20, 20), 0.5, np.float32)))
