"""JudgeNet tells beforehand what undoing a motion would gain, and where it would do harm."""

import numpy as np
import pytest

from tests.motion.frames import HOOK, moved, scene
from unblur.blur.psf import Psf
from unblur.motion.field import uniform_field
from unblur.motion.picture import Picture
from unblur.motion.told_gain import mean_gain, scale_for_gains, told_gains
from unblur.runtime import ONE_THREAD
from unblur.tone import SRGB
from unblur.zoo.catalogue import JUDGE_NET, weights_path
from unblur.zoo.models import default_session

SHAPE = (256, 352)


@pytest.fixture(scope="module")
def network():
    return default_session(ONE_THREAD).network(weights_path(JUDGE_NET), "judge")


def boxes(shape, hop=32):
    return [
        (y, x, y + 128, x + 128)
        for y in range(0, shape[0] - 127, hop)
        for x in range(0, shape[1] - 127, hop)
    ]


def gains(samples, psf, network):
    picture = Picture(samples, SRGB)
    field = uniform_field(picture.shape, psf, 0.004)
    return told_gains(picture, field, boxes(SHAPE), network)


def test_the_true_motion_gains_and_any_motion_harms_what_is_sharp(network):
    blurry, sharp = (moved(scene(SHAPE, 5), psf) for psf in (HOOK, Psf.delta()))
    assert min(gains(blurry, HOOK, network)) > 0.5
    assert max(gains(sharp, HOOK, network)) < -0.5


def test_the_half_that_stood_still_is_told_from_the_half_that_moved(network):
    blurry, sharp = (moved(scene(SHAPE, 5), psf) for psf in (HOOK, Psf.delta()))
    blurry[:, :176] = sharp[:, :176]
    told = list(zip(boxes(SHAPE), gains(blurry, HOOK, network), strict=True))
    still = [gain for box, gain in told if box[3] <= 176]
    shaken = [gain for box, gain in told if box[1] >= 176]
    assert max(still) < min(shaken) - 1


def test_what_lamps_have_saturated_shows_nothing(network):
    blurry = moved(scene(SHAPE, 5), HOOK)
    blurry[:, :140] = 255
    told = gains(blurry, HOOK, network)
    for box, gain in zip(boxes(SHAPE), told, strict=True):
        assert np.isnan(gain) == (box[3] <= 140)
    field = uniform_field(SHAPE, HOOK, 0.004)

    class Teller:
        def gains(self, picture, field, boxes):
            return [float("nan"), 2.0, 4.0, float("nan")]

    assert mean_gain(Picture(blurry), field, Teller()) == 3.0
    assert mean_gain(Picture(blurry), field, object()) is None


def test_large_pictures_are_shrunk_as_far_as_their_motion_is_seen():
    long, short = (uniform_field((768, 3000), Psf.from_line(n, 20), 0.004) for n in (40, 16))
    assert scale_for_gains((768, 1000), long) == 2
    assert scale_for_gains((768, 3000), long) == 4
    assert scale_for_gains((768, 3000), short) == 2
    assert scale_for_gains((768, 6000), short) == 4  # at most 1600 px wide
    very_long = uniform_field((768, 780), Psf.from_line(100, 20), 0.004)
    assert scale_for_gains((768, 780), very_long) == 2
    assert scale_for_gains((500, 780), very_long) == 1  # too little would be left


def test_a_varying_field_is_tried_window_by_window(network):
    blurry = moved(scene(SHAPE, 5), HOOK)
    picture = Picture(blurry, SRGB)
    field = uniform_field(picture.shape, HOOK, 0.004)
    varying = type(field)(**{**vars(field), "uniform": False})
    whole, apart = (told_gains(picture, one, boxes(SHAPE, 96), network) for one in (field, varying))
    np.testing.assert_allclose(apart, whole, atol=1.0)


class Constant:
    """Tells the same gain of every window, a lower one of those whose trial is dark."""

    def __init__(self, gain_db, dark_db=None):
        self.windows, self._gain_db = 0, gain_db
        self._dark_db = gain_db if dark_db is None else dark_db

    def __call__(self, pictures, numbers):
        self.windows += len(pictures) // 2
        gains = np.where(pictures[::2, 0].mean(axis=(1, 2)) < 0.35, self._dark_db, self._gain_db)
        return (np.stack([gains, np.zeros_like(gains)], axis=1).ravel(),)


@pytest.mark.parametrize(
    ("gain_db", "dark_db", "asked"),
    [
        (3.0, 3.0, 20),
        (1.4, 1.4, 40),  # not so sure
        (3.0, 1.0, 27),  # only some are: those beside them are asked, too
    ],
)
def test_half_of_the_windows_are_asked_where_these_are_sure(gain_db, dark_db, asked):
    samples = moved(scene(SHAPE, 5), HOOK)
    samples[:140, :140] = samples[:140, :140] // 4
    network = Constant(gain_db, dark_db)
    field = uniform_field(SHAPE, HOOK, 0.004)
    told = told_gains(Picture(samples, SRGB), field, boxes(SHAPE), network)
    assert len(told) == 40 and network.windows == asked
    assert min(told) == pytest.approx(dark_db) and max(told) == pytest.approx(gain_db)


def test_what_shows_nothing_is_not_asked():
    network, field = Constant(3.0), uniform_field(SHAPE, HOOK, 0.004)
    flat = np.full((*SHAPE, 3), 99, np.uint8)
    told = told_gains(Picture(flat, SRGB), field, boxes(SHAPE), network)
    assert len(told) == 40 and np.isnan(told).all() and network.windows == 0


def test_few_windows_are_all_asked():
    samples = moved(scene(SHAPE, 5), HOOK)
    network, field = Constant(3.0), uniform_field(SHAPE, HOOK, 0.004)
    told_gains(Picture(samples, SRGB), field, boxes(SHAPE, 64), network)
    assert network.windows == len(boxes(SHAPE, 64)) < 16
