"""What RestoreNet is trained on: windows that share an estimate, targets where the bank lies."""

import dataclasses

import numpy as np
import pytest

from tests.training.tiny import TINY, of_task
from unblur.blur import Psf, apply_psf
from unblur.color import linear_to_srgb, luma, srgb_to_linear
from unblur.engines import OnnxEngine
from unblur.errors import ShapeMismatch
from unblur.motion.kernel import estimate_psfs
from unblur.motion.one_window import WindowEstimator
from unblur.motion.picture import Picture
from unblur.motion.refinement import refine_shared
from unblur.motion.windows import telling_window
from unblur.runtime import ONE_THREAD
from unblur.training.bank_psf import BankPsf
from unblur.training.photos import SharpPhotos
from unblur.training.registry import task_of
from unblur.training.restore_task import RestoreSamples
from unblur.training.windows import drawn_px
from unblur.zoo.catalogue import weights_path

STILL = dict.fromkeys(("shake", "line", "rotation", "moving_object", "defocus", "sharp"), 0.0)


def maker(photos, kind, samples=RestoreSamples, **data):
    config = dataclasses.replace(
        of_task("restore", bank="none", crop_px=64, crops=1, **data),
        recipe=dataclasses.replace(TINY.recipe, **{**STILL, kind: 1.0}),
    )
    return samples(config, SharpPhotos(photos, "train", smallest_px=drawn_px(config)))


@pytest.mark.parametrize(("kind", "estimates"), [("shake", 1), ("rotation", 3)])
def test_windows_that_moved_alike_share_an_estimate(photos, kind, estimates):
    pairs, asked = [], []

    class Noted(RestoreSamples):
        def choose(self, pair, rng):
            asked.append(pair)
            return BankPsf(Psf.delta(3), 0.5, meant=True)

        def crops(self, pair, bank, rng):
            pairs.append(pair)
            return super().crops(pair, bank, rng)

    made = maker(photos, kind, Noted, windows=3)(np.random.default_rng(3))
    assert len(made) == 3
    assert len(asked) == estimates
    assert len({id(pair.psfs) for pair in pairs}) == estimates
    assert not np.array_equal(made[0]["sharp"], made[1]["sharp"])


def test_training_estimates_by_the_seam_what_it_estimated_by_engines():
    """To the bit, or earlier seeds would not give their samples any more."""
    kernel, fuse = (
        OnnxEngine(weights_path(f"{name}_net"), task=name, runtime=ONE_THREAD)
        for name in ("kernel", "fuse")
    )
    sharp = np.random.default_rng(5).random((200, 220, 3), dtype=np.float32) ** 2
    blurry = linear_to_srgb(np.clip(apply_psf(sharp, Psf.from_line(11, 30)), 0, 1))
    flat, picture = luma(srgb_to_linear(blurry)), Picture(blurry)
    estimator = WindowEstimator(kernel, fuse)
    for rounds in (1, 2):
        (before,) = estimate_psfs([flat], kernel, rounds=rounds)
        now = WindowEstimator(kernel, rounds=rounds)
        found = now.refine(picture, now.propose(picture)).windows[0][0]
        np.testing.assert_array_equal(found.psf.array, before.psf.array)
        assert found.confidence == before.confidence
    first = estimate_psfs([flat], kernel)[0].psf
    whole = refine_shared(
        lambda *at: flat[at[0] : at[2], at[1] : at[3]], flat.shape, first, kernel, fuse
    )
    found = estimator.refine(picture, estimator.propose(picture)).windows[0][0]
    np.testing.assert_array_equal(found.psf.array, whole.psf.array)
    assert found.confidence == whole.confidence
    with pytest.raises(ShapeMismatch, match="at least 64 px"):
        estimator.propose(Picture(blurry[:40]))


def test_a_frames_motion_is_estimated_where_it_shows_most_as_by_engines():
    kernel = OnnxEngine(weights_path("kernel_net"), task="kernel", runtime=ONE_THREAD)
    rng = np.random.default_rng(6)
    samples = rng.integers(100, 110, (300, 420, 1), np.uint8)
    samples[40:, 160:] = rng.integers(0, 255, (260, 260, 1), np.uint8)
    picture = Picture(samples)
    field = WindowEstimator(kernel, telling=True).propose(picture)
    at = (44, 164, 300, 420)
    assert telling_window(picture.luma(0, 0, 300, 420)) == at
    window = np.ascontiguousarray(picture.luma(*at))
    (there,) = estimate_psfs([window], kernel)
    np.testing.assert_array_equal(field.windows[0][0].psf.array, there.psf.array)
    assert field.windows[0][0].confidence == there.confidence
    assert (field.centres_y, field.centres_x, field.uniform) == ((172.0,), (292.0,), True)
    assert WindowEstimator(kernel).propose(picture).centres_x == (210.0,)


def test_one_window_is_what_it_was_without_others(photos):
    one, more = (maker(photos, "shake", windows=n)(np.random.default_rng(4)) for n in (1, 2))
    assert (len(one), len(more)) == (1, 2)
    for key in one[0]:
        np.testing.assert_array_equal(one[0][key], more[0][key])


@pytest.mark.parametrize(
    ("kind", "meant", "dx"),
    [
        ("shake", True, 4),
        ("line", True, -3),
        ("rotation", True, 2),
        ("shake", False, 0),
        ("moving_object", True, 0),
    ],
)
def test_the_target_lies_where_the_bank_puts_it(photos, kind, meant, dx):
    class Beside(RestoreSamples):
        def choose(self, pair, rng):
            return BankPsf(pair.psf.shifted(dx or 4, 0), 0.5, meant)

    truth, target = (
        maker(photos, kind, samples)(np.random.default_rng(6))[0]["sharp"].astype(int)
        for samples in (RestoreSamples, Beside)
    )
    # A PSF moved to the right makes a picture that lies to the left.
    expected = np.roll(truth, -dx, axis=2)[:, :, 8:-8]
    assert np.abs(target[:, :, 8:-8] - expected).mean() < 2.0
    if dx:
        assert np.abs(target - truth).mean() > 8.0


def test_validation_windows_move_each_by_itself(photos):
    task = task_of(of_task("restore", bank="none", crop_px=64, crops=1, windows=3))
    assert [
        len(task.samples(photos, split)()(np.random.default_rng(1))) for split in ("train", "val")
    ] == [3, 1]
