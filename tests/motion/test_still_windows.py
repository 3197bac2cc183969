"""Small windows tell what stood still where edges are too soft."""

import numpy as np

from unblur.blur.psf import Psf
from unblur.motion.local import LocalEstimate
from unblur.motion.psf_estimate import PsfEstimate
from unblur.motion.still_windows import may_have_stood_still, not_surely_moved, stood_still, telling

SHAPE = (320, 400)


def windows(probability_at, detail=-1.0):
    """Windows of 128 px all over a picture."""
    return [
        LocalEstimate(
            (y, x, y + 128, x + 128),
            PsfEstimate(Psf.from_line(9, 0), 0.95, probability_at(y + 64, x + 64), 0.004, detail),
        )
        for y in range(0, SHAPE[0] - 127, 48)
        for x in range(0, SHAPE[1] - 127, 48)
    ]


def left_half(y, x):
    return 0.02 if x < 180 else 0.99


def test_what_windows_call_still_is_left_with_a_margin_and_the_rest_is_not():
    found = windows(left_half)
    assert may_have_stood_still(found)
    assert stood_still(found)
    unsure = not_surely_moved(found, SHAPE)
    assert unsure.shape == SHAPE
    assert unsure[:, :180].all()
    assert not unsure[:, 330:].any()


def test_a_photo_that_moved_as_a_whole_is_not_looked_at_more_closely():
    assert not may_have_stood_still(windows(lambda y, x: 0.75))
    assert not may_have_stood_still([])


def test_a_single_doubtful_window_is_no_still_part():
    found = windows(lambda y, x: 0.3 if (y, x) == (112, 112) else 0.95)
    assert may_have_stood_still(found)
    assert not stood_still(found)


def test_three_of_the_many_windows_of_a_large_photo_are_no_still_part():
    many, few = windows(lambda y, x: 0.95) * 8, windows(lambda y, x: 0.05)[:3]
    assert not stood_still(many + few)
    assert stood_still(many[:30] + few)


def test_windows_that_show_nothing_do_not_count():
    assert not may_have_stood_still(windows(left_half, detail=-2.5))


def test_where_still_and_moved_are_close_what_lies_between_is_left_too():
    """A soft subject makes windows doubtful, not sure: still it is told from its surroundings."""
    soft = not_surely_moved(windows(lambda y, x: 0.2 if x < 180 else 0.998), SHAPE)
    assert soft[:, :200].all()
    assert not soft[:, 360:].any()


def test_where_even_the_lowest_speak_for_motion_nothing_can_be_told_apart():
    assert not_surely_moved(windows(lambda y, x: 0.9 if x < 180 else 0.998), SHAPE).all()


def test_grain_is_never_blurred_and_tells_nothing():
    rng = np.random.default_rng(0)
    grain = rng.normal(0.05, 0.004, SHAPE).astype(np.float32)
    found = windows(left_half)
    assert telling(found, grain) == []
    blocks = np.kron(rng.random((20, 25)), np.ones((16, 16))).astype(np.float32)
    assert telling(found, grain + blocks) == found
