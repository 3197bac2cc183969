"""What RestoreNet is trained on: windows that share an estimate, targets where the bank lies."""

import dataclasses

import numpy as np
import pytest

from tests.training.tiny import TINY, of_task
from unblur.blur.psf import Psf
from unblur.training.photos import SharpPhotos
from unblur.training.registry import task_of
from unblur.training.restore_task import RestoreSamples, _BankPsf
from unblur.training.windows import drawn_px

STILL = dict.fromkeys(("shake", "line", "rotation", "moving_object", "defocus", "sharp"), 0.0)


def maker(photos, kind, **data):
    config = dataclasses.replace(
        of_task("restore", bank="none", crop_px=64, crops=1, **data),
        recipe=dataclasses.replace(TINY.recipe, **{**STILL, kind: 1.0}),
    )
    return RestoreSamples(config, SharpPhotos(photos, "train", smallest_px=drawn_px(config)))


@pytest.mark.parametrize(("kind", "estimates"), [("shake", 1), ("rotation", 3)])
def test_windows_that_moved_alike_share_an_estimate(photos, monkeypatch, kind, estimates):
    make, pairs, asked = maker(photos, kind, windows=3), [], []
    crops = RestoreSamples._crops

    def choose(self, pair, rng):
        asked.append(pair)
        return _BankPsf(Psf.delta(3), 0.5, told=True)

    def noted(self, pair, bank, rng):
        pairs.append(pair)
        return crops(self, pair, bank, rng)

    monkeypatch.setattr(RestoreSamples, "_choose", choose)
    monkeypatch.setattr(RestoreSamples, "_crops", noted)
    made = make(np.random.default_rng(3))
    assert len(made) == 3
    assert len(asked) == estimates
    assert len({id(pair.psfs) for pair in pairs}) == estimates
    assert not np.array_equal(made[0]["sharp"], made[1]["sharp"])


def test_one_window_is_what_it_was_without_others(photos):
    one, more = (maker(photos, "shake", windows=n)(np.random.default_rng(4)) for n in (1, 2))
    assert (len(one), len(more)) == (1, 2)
    for key in one[0]:
        np.testing.assert_array_equal(one[0][key], more[0][key])


@pytest.mark.parametrize(
    ("kind", "told", "dx"),
    [
        ("shake", True, 4),
        ("line", True, -3),
        ("rotation", True, 2),
        ("shake", False, 0),
        ("moving_object", True, 0),
    ],
)
def test_the_target_lies_where_the_bank_puts_it(photos, monkeypatch, kind, told, dx):
    def beside(self, pair, rng):
        return _BankPsf(pair.psf.shifted(dx or 4, 0), 0.5, told)

    make, draw = maker(photos, kind), np.random.default_rng
    truth = make(draw(6))[0]["sharp"].astype(int)
    monkeypatch.setattr(RestoreSamples, "_choose", beside)
    target = make(draw(6))[0]["sharp"].astype(int)
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
