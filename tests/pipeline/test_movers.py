"""A part stands out only where what lies around it surely stood still."""

import numpy as np
import pytest

from tests.motion.frames import moved, scene
from tests.pipeline.test_pasted import SharpAsAWhole, with_something_that_moved
from unblur.blur.psf import Psf
from unblur.motion.parts import WordOfWindows
from unblur.motion.picture import Picture
from unblur.pipeline import assessing
from unblur.pipeline.gate import NoHarmGate
from unblur.pipeline.movers import assess_movers


def found_in(samples, estimator):
    return list(assess_movers(Picture(samples), estimator, NoHarmGate()))


def test_a_map_that_doubts_part_of_a_photo_that_moved_as_a_whole_takes_nothing_out_of_it():
    samples, disc = with_something_that_moved()
    shaken = moved(scene((260, 340), 2), Psf.from_line(14, 20))
    assert len(found_in(samples, SharpAsAWhole(disc))) == 1
    assert not found_in(shaken, SharpAsAWhole(disc))


def test_what_edges_within_a_part_call_still_is_left_out_and_most_of_it_must_not_be():
    samples, disc = with_something_that_moved()
    half = disc & (np.arange(340) < 170)
    sharp = np.tile(scene((130, 170), 5), (2, 2, 1))
    mixed = np.where(half[..., None], moved(sharp, Psf.delta()), samples)
    assert not found_in(mixed, SharpAsAWhole(disc))
    (one,) = found_in(samples, SharpAsAWhole(disc))
    assert one.moved[130, 170] == 1
    assert not one.moved[~disc].any()


def test_a_part_most_of_which_shows_nothing_is_no_object():
    samples, disc = with_something_that_moved()
    for beyond, count in ((156, 1), (144, 0)):
        flat = np.broadcast_to(np.arange(340) >= beyond, disc.shape)
        assert len(found_in(np.where(flat[..., None], np.uint8(90), samples), of(disc))) == count


@pytest.mark.parametrize(
    ("whole_db", "still", "found"),
    [(1.0, None, True), (4.6, None, False), (4.6, np.ones((260, 340), bool), True)],
)
def test_what_gains_much_as_a_whole_moved_as_a_whole_unless_some_of_it_is_still(
    whole_db, still, found, monkeypatch
):
    samples, disc = with_something_that_moved()
    picture, estimator = Picture(samples), of(disc)
    said = WordOfWindows(still=still)
    monkeypatch.setattr(assessing, "mean_gain", lambda *_: whole_db)
    whole = estimator.propose(picture)
    alone = assessing._moved_alone(picture, whole, said, estimator, NoHarmGate())
    assert (alone is not None) == found


def of(disc):
    """An estimator that finds the line of the disc whatever it shows."""
    estimator = SharpAsAWhole(disc)
    estimator.gains = lambda picture, field, boxes: [3.0] * len(boxes)
    return estimator
