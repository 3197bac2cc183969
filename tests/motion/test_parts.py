"""What stood still in a moved picture is found by its edges; what moved as a whole has no parts."""

import numpy as np
import pytest
from scipy import ndimage

from tests.motion.frames import HOOK, map_of, moved, night, scene
from unblur.blur.psf import Psf
from unblur.motion.edges import holds
from unblur.motion.field import uniform_field
from unblur.motion.local import LocalEstimate, local_boxes
from unblur.motion.part_masks import box_around, fading
from unblur.motion.parts import PartParams, still_by_edges, still_by_windows
from unblur.motion.picture import Picture
from unblur.motion.psf_estimate import PsfEstimate
from unblur.motion.search import SearchEstimator

LINE = Psf.from_line(15, 20)
SHAPE = (260, 340)


def disc(shape=SHAPE, radius=70):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.hypot(y - shape[0] / 2, x - shape[1] / 2) < radius


def panned(psf=LINE):
    """A still subject before a moved background."""
    fine = np.tile(scene((SHAPE[0] // 2, SHAPE[1] // 2), 5), (2, 2, 1))
    subject, behind = moved(fine, Psf.delta()), moved(scene(SHAPE, 2), psf)
    return np.where(disc()[..., None], subject, behind)


def still(samples, psf=LINE, scale=1):
    picture = Picture(samples)
    return still_by_edges(picture, uniform_field(picture.shape, psf, 0.004), SearchEstimator())


def test_a_still_subject_is_told_from_what_moved_behind_it():
    found = still(panned())
    assert found[disc(radius=60)].mean() > 0.8
    assert found[~disc(radius=90)].mean() < 0.03


@pytest.mark.parametrize("psf", [LINE, Psf.from_line(30, 100), Psf.from_line(9, 0)])
def test_a_picture_that_moved_as_a_whole_has_no_parts(psf):
    assert still(moved(scene(SHAPE, 5), psf), psf) is None


def test_what_is_hard_all_over_did_not_move_like_this_and_has_no_parts():
    sharp = moved(np.tile(scene((SHAPE[0] // 2, SHAPE[1] // 2), 5), (2, 2, 1)), Psf.delta())
    assert still(sharp) is None


def peaked():
    """Return a motion that rested in its middle: edges stay hard in it."""
    peak = np.zeros((15, 15), np.float32)
    peak[7] = 0.02
    peak[7, 7] = 0.8
    return Psf(peak)


class Windows(SearchEstimator):
    """An estimator whose small windows tell one motion over a disc and another beside it.

    A motion of a few px they call none. Undoing the motion of the picture gains so many dB over the
    disc and beside it.
    """

    def __init__(self, long, over_disc, gains_db=(-1.5, 3.0)):
        super().__init__()
        self.long, self.over_disc, self.gains_db = long, over_disc, gains_db
        self.asked = 0

    def local(self, luma, boxes=None):
        boxes = local_boxes(luma.shape) if boxes is None else boxes
        self.asked += len(boxes)
        found = []
        for box in boxes:
            psf = self.over_disc if covered(box) else self.long
            probability = 0.95 if psf.length_px() > 6 else 0.05
            found.append(LocalEstimate(box, PsfEstimate(psf, 0.9, probability, 0.004, -1.0)))
        return found

    def gains(self, picture, field, boxes):
        over, beside = self.gains_db
        return [over if covered(box) else beside for box in boxes]


def covered(box):
    y0, x0, y1, x1 = box
    return disc()[y0:y1, x0:x1].mean() > 0.3


def told_still(picture, field, windows, proposed_px=10.0):
    return still_by_windows(picture, field, windows, proposed_px).still


def test_small_windows_tell_the_motion_behind_a_subject_where_all_together_tell_a_mixture():
    picture = Picture(panned())
    mixture = uniform_field(SHAPE, peaked(), 0.004)
    found = told_still(picture, mixture, Windows(LINE, Psf.from_line(3, 20)))
    assert found[disc(radius=60)].mean() > 0.8
    assert found.mean() < 0.85  # something is left to be restored


def test_a_soft_subject_whose_edges_contradict_nothing_is_told_by_small_windows():
    soft = ndimage.gaussian_filter(panned().astype(float), (4, 4, 0)).astype(np.uint8)
    field = uniform_field(SHAPE, LINE, 0.004)
    assert told_still(Picture(soft), field, Windows(LINE, LINE)) is None
    found = told_still(Picture(soft), field, Windows(LINE, Psf.from_line(3, 20)))
    assert found[disc(radius=60)].mean() > 0.8


def test_a_motion_too_short_for_small_windows_asks_none_of_them():
    picture, windows = Picture(panned()), Windows(LINE, Psf.from_line(3, 20))
    short, long = (uniform_field(SHAPE, Psf.from_line(length, 20), 0.004) for length in (5, 10))
    assert told_still(picture, long, windows) is not None
    assert told_still(picture, short, windows) is None


def test_small_windows_are_asked_only_where_undoing_the_motion_may_do_harm():
    picture, field = Picture(panned()), uniform_field(SHAPE, LINE, 0.004)
    harmed, gains = (Windows(LINE, Psf.from_line(3, 20), db) for db in ((-1.5, 3.0), (1.0, 3.0)))
    assert told_still(picture, field, harmed) is not None
    assert told_still(picture, field, gains) is None
    assert gains.asked == 0


def test_what_one_network_calls_still_and_undoing_the_motion_would_mend_has_moved():
    picture, field = Picture(panned()), uniform_field(SHAPE, LINE, 0.004)
    doubtful = Windows(LINE, Psf.from_line(3, 20), (0.8, 3.0))
    mostly = Windows(LINE, Psf.from_line(3, 20), (0.4, 3.0))
    assert told_still(picture, field, doubtful) is None
    assert told_still(picture, field, mostly) is not None  # log odds -2.9, so -1.1 in all


def test_a_mixture_that_would_do_harm_on_the_whole_is_undone_nowhere():
    picture, field = Picture(panned()), uniform_field(SHAPE, LINE, 0.004)
    found = told_still(picture, field, Windows(LINE, LINE, (-1.5, -0.1)))
    assert found.shape == SHAPE
    assert found.all()


def test_an_estimator_that_cannot_tell_gains_calls_nothing_still():
    picture, field = Picture(panned()), uniform_field(SHAPE, LINE, 0.004)
    silent = Windows(LINE, Psf.from_line(3, 20))
    silent.gains = lambda picture, field, boxes: []
    assert told_still(picture, field, silent) is None


def test_windows_that_tell_another_motion_than_the_whole_do_not_call_it_still():
    rough = Windows(LINE, Psf.from_line(24, 110))
    samples, field = moved(scene(SHAPE, 5), LINE), uniform_field(SHAPE, LINE, 0)
    assert told_still(Picture(samples), field, rough) is None


def test_a_picture_whose_small_windows_all_tell_the_same_is_not_taken_in_parts():
    for motion in (peaked(), LINE):
        field = uniform_field(SHAPE, motion, 0.004)
        assert still_by_edges(Picture(panned()), field, Windows(LINE, LINE)) is None


def test_a_picture_too_small_for_small_windows_is_not_taken_in_parts():
    small = Picture(panned()[70:190])
    field = uniform_field(small.shape, LINE, 0.004)
    assert still_by_edges(small, field, SearchEstimator()) is not None
    assert still_by_edges(small, field, Windows(LINE, LINE)) is None


def test_lamps_are_hard_however_they_moved():
    assert still(moved(night()), HOOK) is None


def test_a_motion_that_leaves_edges_hard_tells_nothing():
    luma = Picture(panned()).luma(0, 0, *SHAPE)
    assert holds(luma, [peaked()]) is None
    assert holds(luma, [LINE, peaked()]) is None  # of a varying motion all must forbid an edge
    assert holds(luma, [LINE]).shape == SHAPE


def test_large_pictures_are_told_by_smaller_ones():
    large = panned().repeat(2, axis=0).repeat(2, axis=1)
    field = uniform_field(large.shape[:2], LINE.scaled(2), 0.004)
    found = still_by_edges(Picture(large), field, SearchEstimator(), PartParams(longest_px=400))
    small = still(panned())
    assert found.shape == large.shape[:2]
    assert (found[::2, ::2] != small).mean() < 0.05


def test_a_part_is_left_with_its_rim_and_the_correction_fades_in():
    away = np.zeros((60, 60), bool)
    away[20:40, 20:40] = True
    wide, weights = fading(away)
    assert wide[18, 30]
    assert (weights[wide] == 0).all()
    assert weights[0, 0] == 1
    assert 0 < weights[15, 30] < 1


def test_the_box_of_a_mask_has_a_margin_and_a_least_side():
    mask = np.zeros((600, 800))
    mask[100:300, 500:560] = 0.5
    assert box_around(mask) == (84, 450, 316, 610)
    assert box_around(np.zeros((600, 800))) is None
    assert box_around(np.ones((600, 800), bool)) == (0, 0, 600, 800)


class MappedWindows(Windows):
    """Gains everywhere; the map says of a share of the picture's left side that it stood still."""

    def __init__(self, still_share):
        super().__init__(LINE, LINE, (1.5, 1.5))
        self.still_share = still_share

    def motion_map(self, picture):
        columns = np.arange(picture.shape[1]) >= self.still_share * picture.shape[1]
        return map_of(np.broadcast_to(columns, picture.shape), 15, 20)


def test_what_is_left_of_a_motion_mixed_with_none_is_not_undone():
    picture, short = Picture(panned()), uniform_field(SHAPE, Psf.from_line(8, 20), 0.004)
    assert told_still(picture, short, MappedWindows(0.08), proposed_px=24.0).all()
    assert told_still(picture, short, MappedWindows(0.08), proposed_px=16.0) is None
    # A long motion that small windows cannot see shrinks so, too: the map then sees nothing still.
    assert told_still(picture, short, MappedWindows(0.0), proposed_px=24.0) is None


def test_where_the_map_and_the_gain_of_a_short_motion_speak_against_it_nothing_is_undone():
    picture, short = Picture(panned()), uniform_field(SHAPE, Psf.from_line(5, 20), 0.004)
    assert told_still(picture, short, MappedWindows(0.6), proposed_px=6.0).all()
    assert told_still(picture, short, MappedWindows(0.0), proposed_px=6.0) is None


def test_cells_that_a_map_calls_still_are_left_where_windows_show_something_still():
    picture, field = Picture(panned()), uniform_field(SHAPE, LINE, 0.004)
    column = disc() | (np.arange(SHAPE[1]) < 40)

    class Mapped(Windows):
        def motion_map(self, picture):
            return map_of(~column, 15, 20)

    by_windows, mapped = (
        told_still(picture, field, kind(LINE, Psf.from_line(3, 20))) for kind in (Windows, Mapped)
    )
    assert not by_windows[:, :20].any()
    assert mapped[:, :40].all()
    assert not mapped[:, -60:].any()
