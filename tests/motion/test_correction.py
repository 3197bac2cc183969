"""Correcting a PSF by what the last step of a search does to one that is known."""

import numpy as np
from scipy import ndimage

from tests.motion.test_coarse_to_fine import HOOK, blurry
from unblur.blur.psf import Psf
from unblur.evaluate.metrics import kernel_similarity
from unblur.motion.correction import CorrectionParams, corrections
from unblur.motion.polish import least_squares_step

NOISE = 0.003
SOFT = Psf(ndimage.gaussian_filter(np.pad(HOOK.array, 2), 0.8))
"""The hook as a search may find it: too soft."""


def test_a_soft_psf_comes_nearer_to_the_true_one_in_each_turn():
    found = list(corrections(blurry(HOOK, noise=NOISE), SOFT, NOISE))
    alike = [kernel_similarity(psf, HOOK) for psf in (SOFT, *found)]
    assert len(found) == 2
    assert alike[0] < alike[1] < alike[2]
    assert all(abs(psf.array.sum() - 1) < 1e-5 for psf in found)
    assert max(abs(c) for psf in found for c in psf.centroid()) <= 0.51


def test_the_true_psf_is_left_by_the_step_and_kept_by_its_correction():
    image, params = blurry(HOOK, noise=NOISE), CorrectionParams()
    stepped, _ = least_squares_step(image, HOOK, 12, params.weight * NOISE, NOISE)
    kept = next(corrections(image, HOOK, NOISE))
    left = Psf(stepped.astype(np.float32)).centred()
    assert 1 - kernel_similarity(kept, HOOK) < (1 - kernel_similarity(left, HOOK)) / 3


def test_there_is_no_correction_where_nothing_is_to_be_seen():
    assert list(corrections(np.full((96, 96), 0.4, np.float32), HOOK, NOISE)) == []


def test_there_is_no_correction_of_motion_longer_than_half_the_window():
    image = blurry(HOOK, noise=NOISE)
    long = Psf(np.pad(HOOK.array, min(image.shape) // 4))
    assert list(corrections(image, long, NOISE)) == []
