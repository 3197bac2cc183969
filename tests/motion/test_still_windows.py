"""Two networks tell what stood still where edges are too soft."""

import numpy as np
import pytest

from unblur.blur.psf import Psf
from unblur.motion.local import LocalEstimate
from unblur.motion.psf_estimate import PsfEstimate
from unblur.motion.still_windows import (
    does_harm,
    doubtful,
    evidence_of_motion,
    evidence_of_short_motion,
    not_surely_moved,
    stood_still,
)

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


def evidence(found, gain_db=0.0):
    return weighed(found, [gain_db] * len(found))


def weighed(found, gains_db):
    """The evidence where nothing is mapped."""
    return evidence_of_motion(found, gains_db, [1.0] * len(found))


def test_the_evidence_is_the_sum_of_both_networks_and_no_probability_is_believed_wholly():
    found = windows(lambda y, x: 0.5)[:1]
    assert evidence(found, -1.5) == pytest.approx([-1.5])
    sure = windows(lambda y, x: 1.0)[:1]
    assert evidence(sure) == pytest.approx([0.5 * np.log(0.998 / 0.002)], rel=1e-3)


def test_what_windows_call_still_is_left_with_a_margin_and_the_rest_is_not():
    found = windows(left_half)
    assert stood_still(evidence(found))
    unsure = not_surely_moved(found, evidence(found), SHAPE)
    assert unsure.shape == SHAPE
    assert unsure[:, :180].all()
    assert not unsure[:, 330:].any()


def test_a_photo_that_gains_everywhere_is_not_looked_at_more_closely():
    assert doubtful([0.9, 3.0, 2.0], [1.0] * 3) == []
    assert doubtful([0.9, 3.0, 0.1], [1.0] * 3) == [2]


def test_what_the_map_calls_still_is_looked_at_more_closely_unless_it_shows_nothing():
    assert doubtful([0.9, 3.0, float("nan")], [0.8, 0.1, 0.1]) == [1]


def test_the_map_speaks_only_against_motion():
    found, gains = windows(lambda y, x: 0.5)[:3], [1.0] * 3
    said = evidence_of_motion(found, gains, [0.2, 0.5, 0.95])
    assert said == pytest.approx([1.0 + np.log(0.2 / 0.8), 1.0, 1.0], rel=1e-5)


def test_a_mixture_that_both_others_let_pass_is_told_by_the_map():
    found = windows(left_half)
    assert not stood_still(evidence(found, 1.0))
    mapped = [0.05 if one.box[1] < 96 else 0.9 for one in found]
    assert stood_still(evidence_of_motion(found, [1.0] * len(found), mapped))


def test_what_surely_gains_moved_whatever_the_map_says():
    """Pages: the map calls their lines still, undoing the motion gains 3.6 dB and more."""
    found = windows(lambda y, x: 0.98)
    assert not stood_still(evidence_of_motion(found, [3.6] * len(found), [0.03] * len(found)))


def test_of_a_short_motion_gain_and_map_tell_alone():
    nothing = float("nan")
    said = evidence_of_short_motion([1.5, 1.5, 1.5, nothing], [0.9, 0.05, 0.02, 0.01])
    assert said[0] == pytest.approx(1.5)
    assert stood_still(said)
    assert not stood_still(evidence_of_short_motion([4.5] * 4, [0.05] * 4))


def test_a_motion_that_would_do_harm_on_the_whole_is_told():
    nothing = float("nan")
    assert does_harm([nothing, 0.9, -1.2, 0.2])
    assert not does_harm([nothing, 3.9, -1.2, 0.2])
    assert not does_harm([nothing, nothing])
    assert not does_harm([])


def test_a_single_doubtful_window_is_no_still_part():
    found = windows(lambda y, x: 0.3 if (y, x) == (112, 112) else 0.95)
    assert not stood_still(evidence(found))
    assert not stood_still(evidence([]))


def test_one_window_that_both_doubt_is_no_still_part_and_two_are():
    found = windows(lambda y, x: 0.65 if (y, x) == (64, 64) else 0.999)
    gains = [-4.0 if one.box[:2] in ((0, 0), (0, 48)) else 3.0 for one in found]
    assert not stood_still(weighed(found, gains))
    found = windows(lambda y, x: 0.65 if (y, x) in ((64, 64), (64, 112)) else 0.999)
    assert stood_still(weighed(found, gains))


def test_where_the_motion_would_gain_the_doubt_of_one_network_does_not_count():
    found = windows(left_half)
    assert not stood_still(evidence(found, 2.0))


def test_windows_that_show_nothing_do_not_count():
    found = windows(left_half)
    sky = [float("nan") if one.box[1] < 100 else -3.0 for one in found]
    assert doubtful(sky, [1.0] * len(sky))
    assert doubtful([float("nan")] * 3, [1.0] * 3) == []
    said = weighed(found, sky)
    assert np.isnan(said[[one.box[1] < 100 for one in found]]).all()
    assert np.isnan(evidence(windows(left_half, detail=-2.5))).all()
    assert not stood_still(np.full(3, np.nan, np.float32))
    shows = [one.box[1] >= 100 for one in found]
    only = not_surely_moved(
        [one for one, yes in zip(found, shows, strict=True) if yes], said[shows], SHAPE
    )
    np.testing.assert_array_equal(not_surely_moved(found, said, SHAPE), only)


def test_where_still_and_moved_are_close_what_lies_between_is_left_too():
    """A soft subject makes windows doubtful, not sure: still it is told from its surroundings."""
    found = windows(lambda y, x: 0.2 if x < 180 else 0.998)
    soft = not_surely_moved(found, evidence(found), SHAPE)
    assert soft[:, :200].all()
    assert not soft[:, 360:].any()


def test_where_even_the_lowest_speak_for_motion_nothing_can_be_told_apart():
    found = windows(lambda y, x: 0.9 if x < 180 else 0.998)
    assert not_surely_moved(found, evidence(found), SHAPE).all()
