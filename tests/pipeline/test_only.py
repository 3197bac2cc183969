"""What is asked for is looked at and restored, and nothing else: a region, a mask, the subject."""

from dataclasses import replace

import numpy as np
import pytest

import unblur
from tests.motion.frames import HOOK, WHITE, framed, moved, scene
from tests.pipeline.fakes import Brighten, FakeKernelEngine, models_of
from tests.pipeline.test_pasted import (
    SharpAsAWhole,
    Windows,
    panned,
    restored_by,
    with_something_that_moved,
)
from unblur.blur.psf import Psf
from unblur.errors import BadValue
from unblur.io import Region
from unblur.motion.field import uniform_field
from unblur.motion.picture import Picture
from unblur.pipeline.gate import SHARP, Verdict
from unblur.pipeline.outcome import Assessment
from unblur.pipeline.parts import NO_CAMERA, NO_OBJECT, Part, chosen
from unblur.pipeline.report import RestoreOptions
from unblur.pipeline.run import restore_picture

pytestmark = pytest.mark.usefixtures("light_may_change")

LINE, POINT = Psf.from_line(9, 0), Psf.from_line(2, 0)
PHOTO = moved(scene((260, 340)))


def restored(samples, estimator, **options):
    models = replace(models_of(Brighten(), FakeKernelEngine()), estimator=estimator)
    return restore_picture(Picture(samples), models, RestoreOptions(**options))


def changed(result, samples):
    return (result.samples != samples).any(axis=2)


@pytest.mark.parametrize("only", ["subject", "objects"])
def test_what_moved_by_itself_is_restored_alone_where_it_is_asked_for(only):
    samples, disc = with_something_that_moved()
    result = restored(samples, SharpAsAWhole(disc), only=only)
    assert changed(result, samples)[disc].mean() > 0.7
    assert changed(result, samples)[~disc].mean() < 0.1
    (part,) = result.report.parts
    assert part["kind"] == "object"
    assert part["restored"]
    assert part["length_px"] == pytest.approx(14, abs=2)
    assert 0.5 * disc.mean() < part["share"] < 1.5 * disc.mean()
    assert result.report.only == only


def test_where_the_caller_says_that_something_moved_less_will_do():
    samples, disc = with_something_that_moved()
    doubtful = SharpAsAWhole(disc)
    doubtful.gains = lambda picture, field, boxes: [0.0] * len(boxes)
    assert not restored(samples, doubtful).report.changed
    assert restored(samples, doubtful, only="subject").report.changed


def test_the_camera_alone_leaves_a_photo_in_which_something_else_moved():
    samples, disc = with_something_that_moved()
    result = restored(samples, SharpAsAWhole(disc), only="camera")
    assert result.samples is samples
    assert result.report.reason == NO_CAMERA
    assert "something else of 14 px" in "".join(result.report.notes)


@pytest.mark.parametrize("only", ["subject", "objects"])
def test_where_the_camera_moved_and_nothing_else_the_photo_is_left(only):
    result = restored(PHOTO, Windows(lambda y, x: LINE), only=only)
    assert result.samples is PHOTO
    assert result.report.reason == NO_OBJECT
    assert any("camera's motion" in note and only in note for note in result.report.notes)
    assert [part["restored"] for part in result.report.parts] == [False]


def test_the_camera_alone_is_undone_as_if_nothing_were_asked():
    still, subject = panned()
    for samples, psf_at in (
        (PHOTO, lambda y, x: LINE),
        (still, lambda y, x: POINT if subject[y, x] else LINE),
    ):
        unasked = restored_by(samples, Brighten(), psf_at)
        asked = restored(samples, Windows(psf_at), only="camera")
        assert unasked.report.changed
        assert np.array_equal(asked.samples, unasked.samples)


def test_a_still_subject_before_a_moved_background_is_no_mover():
    still, subject = panned()
    estimator = Windows(lambda y, x: POINT if subject[y, x] else LINE)
    result = restored(still, estimator, only="subject")
    assert result.samples is still
    assert result.report.reason == NO_OBJECT


def part_of(kind, *boxes):
    """A part of a photo of 100 x 100 px, of some boxes."""
    weights = np.zeros((100, 100), np.float32)
    for y0, x0, y1, x1 in boxes:
        weights[y0:y1, x0:x1] = 1
    motion = uniform_field((100, 100), LINE, 0.004)
    picture = Picture(PHOTO[:100, :100])
    return Part(kind, Assessment(picture, motion, Verdict.restored(), moved=weights))


def test_the_subject_is_the_largest_piece_of_all_that_moved_by_itself():
    small, large, other = (10, 10, 20, 20), (50, 50, 80, 70), (5, 60, 30, 84)
    objects = [part_of("object", small, large), part_of("object", other)]
    parts = [part_of("camera", (90, 0, 100, 100)), *objects]
    (subject,) = chosen(parts, "subject")
    assert (subject.found.moved > 0).sum() == 600
    assert subject.found.moved[60, 60] == 1
    assert chosen(parts, "objects") == tuple(objects)
    assert [part.kind for part in chosen(parts, "camera")] == ["camera"]
    assert chosen(parts[:1], "subject") == ()
    assert chosen(parts, "subject", (70, 20)) == (objects[1],)
    assert chosen(parts, "subject", (15, 15)) == (objects[0],)
    assert chosen(parts, "subject", (2, 95)) == ()  # there the camera moved


def test_what_moved_at_a_place_is_restored_alone_also_in_a_frame():
    samples, disc = with_something_that_moved()
    wide = framed(samples, WHITE, (30, 10, 20, 20))
    there, beside = (
        restored(wide, SharpAsAWhole(disc), only="subject", at=at) for at in ((190, 160), (30, 40))
    )
    assert changed(there, wide)[30:-10, 20:-20][disc].mean() > 0.7
    assert beside.report.reason == NO_OBJECT
    assert not beside.report.changed


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"only": "sky"}, "only is one of 'camera', 'objects', 'subject'"),
        ({"only": "subject", "psf": HOOK}, "motion that is given"),
        ({"only": "objects", "region": Region(0, 0, 50, 50)}, "leave it out where a region"),
        ({"only": "camera", "mask": np.ones((260, 340))}, "leave it out where a region"),
        ({"only": "camera", "gate": False}, "without the gate"),
        ({"only": "camera", "at": (5, 5)}, "ask for 'subject' with it"),
        ({"at": (5, 5)}, "ask for 'subject' with it"),
        ({"only": "subject", "at": (340, 5)}, "outside the photo of 340 x 260 px"),
        ({"only": "subject", "at": (1.5, 5)}, "two whole numbers"),
    ],
)
def test_what_does_not_go_together_is_refused(options, words):
    with pytest.raises(BadValue, match=words):
        unblur.restore(PHOTO, threads=1, **options)


class Bright(Windows):
    """Says that a picture moved as far as it is bright; whatever it is asked about is recorded."""

    def __init__(self):
        super().__init__(lambda y, x: LINE)
        self.seen = []

    def propose(self, picture):
        self.seen.append(picture)
        length = 3 + 24 * float(picture.samples.mean()) / 255
        field = uniform_field(picture.shape, Psf.from_line(length, 0), 0.004)
        return replace(field, windows=((replace(field.windows[0][0], confidence=0.9),),))


def halves():
    """A photo whose left half is dark; a mask of a disc in its right half."""
    samples = PHOTO.copy()
    samples[:, :170] //= 8
    samples[:, 170:] = 160 + samples[:, 170:] // 4
    y, x = np.mgrid[:260, :340]
    return samples, (np.hypot(y - 130, x - 255) < 60).astype(np.float32)


def region_mask():
    mask = np.zeros((260, 340), np.float32)
    mask[40:220, 175:335] = 1
    return mask


@pytest.mark.parametrize("mask", [halves()[1], region_mask()], ids=["mask", "region"])
def test_the_motion_is_looked_for_where_it_is_asked_for_alone(mask):
    samples, _ = halves()
    estimator = Bright()
    result = restored(samples, estimator, mask=mask)
    assert result.report.changed
    assert not changed(result, samples)[mask == 0].any()
    assert result.motion.shape == samples.shape[:2]
    assert result.motion.length_px > 17
    y0, x0, y1, x1 = result.report.within
    assert all(seen.shape == (y1 - y0, x1 - x0) for seen in estimator.seen)
    assert any("alone" in note for note in result.report.notes)
    # Whatever lies elsewhere changes nothing.
    other = samples.copy()
    other[mask == 0] = np.random.default_rng(0).integers(0, 256, (int((mask == 0).sum()), 3))
    again = restored(other, Bright(), mask=mask)
    assert np.array_equal(again.samples[mask > 0], result.samples[mask > 0])
    assert again.report.motion == result.report.motion
    assert again.report.restoration_noise == result.report.restoration_noise


def test_a_region_that_is_sharp_is_left_though_the_photo_moved():
    samples, _ = halves()
    mask = np.zeros((260, 340), np.float32)
    mask[:, :165] = 1

    class Still(Bright):
        def propose(self, picture):
            field = super().propose(picture)
            told = 0.01 if picture.samples.mean() < 60 else 0.95
            return replace(field, windows=((replace(field.windows[0][0], blur_probability=told),),))

    assert restored(samples, Still()).report.changed
    result = restored(samples, Still(), mask=mask)
    assert result.samples is samples
    assert result.report.reason == SHARP


def test_where_a_region_tells_nothing_the_motion_of_the_whole_photo_is_taken():
    samples, _ = halves()
    mask = np.zeros((260, 340), np.float32)
    mask[50:210, 175:335] = 1

    class Unsure(Bright):
        def propose(self, picture):
            field = super().propose(picture)
            sure = 0.1 if picture.shape != PHOTO.shape[:2] else 0.9
            return replace(field, windows=((replace(field.windows[0][0], confidence=sure),),))

    result = restored(samples, Unsure(), mask=mask)
    assert result.report.changed
    assert not changed(result, samples)[mask == 0].any()
    assert result.report.within is None
    assert any("that of the whole photo was taken" in note for note in result.report.notes)


def test_the_box_that_was_looked_at_is_told_in_the_framed_photos_own_pixels():
    samples, mask = halves()
    inside = np.pad(mask, ((30, 30), (20, 20)))
    bare, around = (
        restored(one, Bright(), mask=wanted)
        for one, wanted in ((samples, mask), (framed(samples, WHITE, (30, 30, 20, 20)), inside))
    )
    y0, x0, y1, x1 = bare.report.within
    assert around.report.within == [y0 + 30, x0 + 20, y1 + 30, x1 + 20]
