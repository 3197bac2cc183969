"""A photo in a frame is restored as it would be without; the frame comes back bit for bit."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

import unblur
from tests.motion.frames import (
    BLACK,
    HOOK,
    WHITE,
    framed,
    map_of,
    moved,
    page,
    scene,
    written,
)
from tests.pipeline.fakes import (
    Brighten,
    FakeKernelEngine,
    FirstWord,
    models_of,
    restore_samples,
)
from tests.pipeline.test_blind import Local
from tests.proposing import refine_nothing
from unblur.blur.psf import Psf
from unblur.errors import BadPsf
from unblur.inspection.facts import inspect_photo
from unblur.io import Photo, Region
from unblur.motion.field import uniform_field
from unblur.motion.local import LocalEstimate, local_boxes
from unblur.motion.picture import Picture
from unblur.motion.psf_estimate import PsfEstimate
from unblur.pipeline.assessing import assess_exposed
from unblur.pipeline.gate import MIXED, NoHarmGate
from unblur.pipeline.report import RestoreOptions
from unblur.pipeline.run import restore_picture

PHOTO = moved(scene((220, 300)))
BOX = (30, 17, 250, 317)
FRAME = framed(PHOTO, WHITE, (30, 40, 17, 17))
INSIDE = (slice(30, 250), slice(17, 317))


@pytest.fixture(scope="module", autouse=True)
def _proposed():
    """How well the photo inside is estimated does not matter here."""
    with pytest.MonkeyPatch.context() as patch:
        refine_nothing(patch)
        yield


@pytest.fixture(scope="module")
def restored():
    """The framed photo, restored."""
    return unblur.restore(FRAME, threads=1)


@pytest.fixture(scope="module")
def alone():
    """The photo without its frame, restored."""
    return unblur.restore(PHOTO, threads=1)


def outside(samples):
    """The samples with the photo taken out."""
    rest = samples.copy()
    rest[INSIDE] = 0
    return rest


def test_the_photo_is_restored_as_without_its_frame(restored, alone):
    assert alone.report.changed
    assert np.array_equal(restored.samples[INSIDE], alone.samples)
    assert np.array_equal(outside(restored.samples), outside(FRAME))
    assert restored.report.trust == alone.report.trust
    assert restored.report.noise == alone.report.noise


def test_report_and_field_say_where_the_photo_lies(restored, alone):
    motion = restored.motion
    assert motion.shape == FRAME.shape[:2]
    assert motion.exposure == BOX
    assert alone.motion.exposure is None
    assert motion.centres_y == tuple(c + 30 for c in alone.motion.centres_y)
    assert motion.centres_x == tuple(c + 17 for c in alone.motion.centres_x)
    assert restored.report.motion == motion.to_dict()
    assert restored.report.motion["exposure"] == list(BOX)
    assert any("x 17 to 317, y 30 to 250" in note for note in restored.report.notes)
    assert unblur.analyse(FRAME, threads=1).to_dict() == motion.to_dict()


def test_inspecting_shows_a_window_of_the_exposure():
    seen = inspect_photo(Photo(FRAME), threads=1)
    y0, x0, y1, x1 = seen.window.region
    assert BOX[0] <= y0 < y1 <= BOX[2]
    assert BOX[1] <= x0 < x1 <= BOX[3]


def test_a_region_lies_in_the_framed_photos_own_pixels(restored):
    region = Region(x0=150, y0=0, x1=334, y1=290)
    result = unblur.restore(FRAME, psf=restored.motion, region=region, threads=1)
    whole = unblur.restore(FRAME, psf=restored.motion, threads=1)
    assert np.array_equal(result.samples[:, :150], FRAME[:, :150])
    assert np.array_equal(result.samples[:, 150:], whole.samples[:, 150:])
    mask = np.zeros(FRAME.shape[:2])
    mask[:20] = 1
    assert np.array_equal(unblur.restore(FRAME, psf=HOOK, mask=mask, threads=1).samples, FRAME)


def test_given_motions_are_undone_inside_only(restored, alone):
    again = unblur.restore(FRAME, psf=restored.motion, threads=1)
    assert np.array_equal(
        again.samples[INSIDE], unblur.restore(PHOTO, psf=alone.motion, threads=1).samples
    )
    assert np.array_equal(outside(again.samples), outside(FRAME))
    with pytest.raises(BadPsf, match="334 x 290"):
        unblur.restore(FRAME, psf=alone.motion, threads=1)


@pytest.mark.parametrize(
    "samples",
    [
        framed(PHOTO, BLACK, (40, 40, 0, 0)),
        framed(framed(PHOTO, BLACK, 5), (200, 190, 170), 25),
        written(framed(PHOTO, WHITE, (8, 50, 8, 8)), [((30, 248), "Lisbon, 12 May")], BLACK, 18),
    ],
    ids=["bars", "double", "caption"],
)
def test_whatever_is_around_stays(samples):
    options = RestoreOptions(gate=False)
    result, motion, report = restore_samples(samples, Brighten(), FakeKernelEngine(), options)
    y0, x0, y1, x1 = motion.exposure
    assert (y1 - y0, x1 - x0) == PHOTO.shape[:2]
    assert report.changed
    changed = (result != samples).any(axis=2)
    assert changed[y0:y1, x0:x1].mean() > 0.9
    changed[y0:y1, x0:x1] = False
    assert not changed.any()


def test_a_small_photo_in_a_large_frame_is_left():
    small = framed(moved(scene((60, 80))), WHITE, 80)
    models = models_of(Brighten(), FakeKernelEngine())
    result = restore_picture(Picture(small), models, RestoreOptions())
    assert result.samples is small
    assert "too small" in result.report.reason


def test_a_moved_page_is_restored_with_its_margins():
    result, motion, _ = restore_samples(moved(page()), Brighten(), FakeKernelEngine())
    assert motion.exposure is None
    assert result.shape == (300, 400, 3)


def test_text_drawn_over_a_photo_comes_back_as_it_was():
    photo = moved(scene((220, 300)))
    stamp = written(photo, [((120, 192), "2024-07-13 18:42:07")], (255, 255, 255), 16)
    text = (stamp != photo).any(axis=2)
    result, alone = (unblur.restore(p, psf=HOOK, threads=1) for p in (stamp, photo))
    assert result.report.changed
    assert np.array_equal(result.samples[text], stamp[text])
    assert any("text" in note for note in result.report.notes)
    # Away from it the photo is restored as if there were none.
    apart = result.samples[:120].astype(float) - alone.samples[:120]
    assert np.sqrt(np.mean(apart**2)) < 1


def panned():
    """A photo whose subject stood still before a background that moved 9 px, and where."""
    y, x = np.mgrid[:260, :340]
    subject = np.hypot(y - 130, x - 170) < 75
    behind = moved(scene((260, 340), 2), Psf.from_line(9, 0))
    sharp = moved(np.tile(scene((130, 170), 5), (2, 2, 1)), Psf.delta())
    return np.where(subject[..., None], sharp, behind), subject


GATED = RestoreOptions()


class Windows(FirstWord):
    """Believes what the stand-in says of the whole; its small windows say what they are told.

    A motion of a few px they call none, and undoing that of the whole does harm there.
    """

    def __init__(self, psf_at):
        super().__init__(FakeKernelEngine(length=9))
        self.psf_at = psf_at

    def local(self, luma, boxes=None):
        found = []
        for box in local_boxes(luma.shape) if boxes is None else boxes:
            psf = self.psf_at(box[0] + 64, box[1] + 64)
            probability = 0.95 if psf.length_px() > 6 else 0.05
            found.append(LocalEstimate(box, PsfEstimate(psf, 0.9, probability, 0.004, -1.0)))
        return found

    def gains(self, picture, field, boxes):
        moves = (self.psf_at(box[0] + 64, box[1] + 64).length_px() > 6 for box in boxes)
        return [3.0 if yes else -2.0 for yes in moves]


def restored_by(samples, restorer, psf_at, options=GATED):
    models = replace(models_of(restorer, FakeKernelEngine()), estimator=Windows(psf_at))
    return restore_picture(Picture(samples), models, options)


@pytest.mark.usefixtures("light_may_change")
def test_what_stood_still_comes_back_as_it_was():
    samples, subject = panned()
    line, point = Psf.from_line(9, 0), Psf.from_line(2, 0)
    result = restored_by(samples, Brighten(), lambda y, x: point if subject[y, x] else line)
    after, motion, report = result.samples, result.motion, result.report
    assert report.changed
    differs = (after != samples).any(axis=2)
    assert differs[subject].mean() < 0.02
    assert differs[~subject].mean() > 0.4
    assert any("did not move" in note for note in report.notes)
    assert motion.shape == samples.shape[:2]


@pytest.mark.usefixtures("light_may_change")
def test_a_photo_whose_parts_moved_differently_and_cannot_be_told_apart_is_left():
    def psf_at(y, x):
        return Psf.from_line(2, 0) if x < 200 or y < 140 else Psf.from_line(9, 0)

    result = restored_by(PHOTO, Brighten(), psf_at)
    assert result.samples is PHOTO
    assert result.report.reason == MIXED
    alike = restored_by(PHOTO, Brighten(), lambda y, x: Psf.from_line(9, 0))
    assert alike.report.changed
    # What takes no PSF is not deceived by a wrong one.
    assert restored_by(PHOTO, Local(), psf_at).report.changed
    assert restored_by(PHOTO, Brighten(), psf_at, RestoreOptions(gate=False)).report.changed


def with_something_that_moved():
    """A sharp photo with a disc that moved 14 px, and where it lies."""
    y, x = np.mgrid[:260, :340]
    disc = np.hypot(y - 130, x - 170) < 65
    fine = np.tile(scene((130, 170), 5), (2, 2, 1))
    behind, before = moved(fine, Psf.delta()), moved(scene((260, 340), 2), Psf.from_line(14, 20))
    return np.where(disc[..., None], before, behind), disc


class SharpAsAWhole(Windows):
    """Says of large pictures that they did not move, of parts of them that they did."""

    def __init__(self, disc):
        line, point = Psf.from_line(14, 20), Psf.from_line(1, 0)
        super().__init__(lambda y, x: line if disc[y, x] else point)
        self.disc, self.line = disc, line

    def motion_map(self, picture):
        return map_of(self.disc, 14, 20)

    def gains(self, picture, field, boxes):
        return [3.0] * len(boxes)

    def propose(self, picture):
        field = uniform_field(picture.shape, self.line, 0.004)
        probability = 0.01 if picture.shape == self.disc.shape else 0.97
        window = replace(field.windows[0][0], blur_probability=probability)
        return replace(field, windows=((window,),))


@pytest.mark.usefixtures("light_may_change")
def test_what_moved_before_a_sharp_background_is_found():
    samples, disc = with_something_that_moved()
    picture, gate = Picture(samples), NoHarmGate()
    found = assess_exposed(picture, SharpAsAWhole(disc), gate)
    assert not found.verdict.reason
    assert (found.moved[disc] > 0).mean() > 0.65
    assert (found.moved[~disc] > 0).mean() < 0.1
    assert found.motion.shape == samples.shape[:2]
    assert assess_exposed(picture, SharpAsAWhole(np.zeros_like(disc)), gate).verdict.sharp


class MovedAsAWhole(SharpAsAWhole):
    """Says of all pictures that they moved, and that undoing it gains so much everywhere."""

    def __init__(self, disc, gain_db, psf):
        super().__init__(disc)
        self.gain_db, self.whole = gain_db, psf

    def gains(self, picture, field, boxes):
        over_all = picture.shape == self.disc.shape and len(boxes) > 4
        return [self.gain_db if over_all else 3.0] * len(boxes)

    def propose(self, picture):
        field = uniform_field(picture.shape, self.whole, 0.004)
        (window,) = field.windows[0]
        return replace(field, windows=((replace(window, confidence=0.9, blur_probability=0.97),),))


@pytest.mark.usefixtures("light_may_change")
@pytest.mark.parametrize("length_px", [14, 6])
def test_what_moved_before_a_still_background_is_not_taken_for_the_motion_of_the_whole(length_px):
    samples, disc = with_something_that_moved()
    whole = MovedAsAWhole(disc, 1.0, Psf.from_line(length_px, 20))
    found = assess_exposed(Picture(samples), whole, NoHarmGate())
    if length_px == 14:
        assert (found.moved[disc] > 0).mean() > 0.65
    assert found.verdict.reason == MIXED or not found.moved[~disc].any()


@pytest.mark.usefixtures("light_may_change")
def test_a_shaken_page_where_the_map_shows_a_part_that_moved_is_restored_as_a_whole():
    """Its lines look like something still to the map: such a page once lost 5.2 dB."""
    _, disc = with_something_that_moved()
    text = moved(page((260, 340)), Psf.from_line(14, 20))
    estimator = MovedAsAWhole(disc, 4.0, Psf.from_line(14, 20))
    estimator.psf_at = lambda y, x: estimator.line
    found = assess_exposed(Picture(text), estimator, NoHarmGate())
    assert not found.verdict.reason
    assert found.moved is None


@pytest.mark.usefixtures("light_may_change")
def test_at_night_the_map_is_not_read():
    samples, disc = with_something_that_moved()
    estimator = MovedAsAWhole(disc, 1.0, Psf.from_line(14, 20))
    dark = (samples * 0.15).astype(np.uint8)
    assert assess_exposed(Picture(samples), estimator, NoHarmGate()).moved is not None
    assert assess_exposed(Picture(dark), estimator, NoHarmGate()).moved is None


@pytest.mark.usefixtures("light_may_change")
def test_what_moved_is_left_where_undoing_its_motion_would_gain_nothing():
    samples, disc = with_something_that_moved()
    estimator = SharpAsAWhole(disc)
    estimator.gains = lambda picture, field, boxes: [-1.0] * len(boxes)
    assert assess_exposed(Picture(samples), estimator, NoHarmGate()).verdict.sharp


@pytest.mark.usefixtures("light_may_change")
def test_what_stood_still_behind_something_that_moved_comes_back_bit_for_bit():
    samples, disc = with_something_that_moved()
    models = replace(models_of(Brighten(), FakeKernelEngine()), estimator=SharpAsAWhole(disc))
    differs = (restore_picture(Picture(samples), models, GATED).samples != samples).any(axis=2)
    beyond = ndimage.binary_dilation(disc, iterations=8)
    assert differs[disc].mean() > 0.7
    assert not differs[~beyond].any()


@pytest.mark.usefixtures("light_may_change")
def test_without_the_gate_all_of_it_is_restored():
    samples, subject = panned()
    options = RestoreOptions(gate=False)
    after, _, _ = restore_samples(samples, Brighten(), FakeKernelEngine(length=9), options)
    assert (after != samples).any(axis=2)[subject].mean() > 0.9
