"""The field: right scale chosen, windows aligned, uniform blur recognised, lone windows helped."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from tests.pipeline.fakes import FakeKernelEngine
from unblur.blur import Psf, apply_psf
from unblur.evaluate.metrics import kernel_similarity
from unblur.motion.field import MotionField, compared, reconcile, uniform_field
from unblur.motion.frequency import GRID
from unblur.motion.network import NetworkEstimator
from unblur.motion.params import MotionParams, RefineParams, ScaleParams
from unblur.motion.picture import Picture
from unblur.motion.psf_estimate import PsfEstimate
from unblur.motion.psf_tools import clean_psf
from unblur.tone import LINEAR

LINE = Psf.from_line(15, 20)


def estimate(psf, confidence=0.9, probability=0.95, detail=-1.0):
    return PsfEstimate(psf, confidence, probability, 0.005, detail)


def field_of(rows):
    ys = tuple(128.0 + 160 * i for i in range(len(rows)))
    xs = tuple(128.0 + 160 * i for i in range(len(rows[0])))
    return MotionField((900, 900), 1, ys, xs, tuple(tuple(r) for r in rows), uniform=False)


def test_alike_windows_become_one_psf():
    shifted = LINE.shifted(3, -2)
    field = reconcile(field_of([[estimate(LINE), estimate(shifted)], [estimate(LINE)] * 2]))
    assert field.uniform
    psfs = [w.psf for row in field.windows for w in row]
    assert all(np.array_equal(p.array, psfs[0].array) for p in psfs)
    assert kernel_similarity(psfs[0], LINE) > 0.97
    assert len({w.confidence for row in field.windows for w in row}) == 1
    assert np.abs(psfs[0].centroid()).max() < 1


def test_a_window_that_sees_nothing_borrows():
    lost = estimate(Psf.from_line(25, 110), confidence=0.1, detail=-3.5)
    rows = [[estimate(LINE)] * 3, [estimate(LINE), lost, estimate(LINE)], [estimate(LINE)] * 3]
    field = reconcile(field_of(rows))
    assert kernel_similarity(field.windows[1][1].psf, LINE) > 0.8


def test_different_motions_stay_different():
    other = Psf.from_line(18, 110)
    rows = [[estimate(LINE)] * 3 + [estimate(other)] * 3] * 4
    field = reconcile(field_of(rows))
    assert not field.uniform
    left, right = field.windows[1][0].psf, field.windows[1][5].psf
    assert kernel_similarity(left, LINE) > 0.75 > kernel_similarity(left, other)
    assert kernel_similarity(right, other) > 0.75 > kernel_similarity(right, LINE)


def test_neighbours_know_better_only_where_the_motion_changes():
    from unblur.motion.roll import neighbours_explain_better

    rng = np.random.default_rng(2)
    scene = ndimage.gaussian_filter(
        (rng.random((256, 256, 1)) > 0.97).astype(np.float32), (1, 1, 0)
    )
    truths = [Psf.from_line(15, angle) for angle in (0, 0, 0, 60, 60, 60)]
    places = np.array([(0, 0), (0, 1), (0, 2), (9, 0), (9, 1), (9, 2)])
    weights = np.ones(6)
    mean = Psf(np.mean([psf.embedded(31) for psf in truths], axis=0))
    windows = [apply_psf(scene, psf)[..., 0] for psf in truths]
    assert neighbours_explain_better(windows, truths, mean, places, weights)
    steady = [apply_psf(scene, truths[0])[..., 0]] * 6
    guesses = [Psf.from_line(15, angle) for angle in (0, 8, 4, -6, 10, -9)]
    assert not neighbours_explain_better(steady, guesses, truths[0], places, weights)


def test_motion_that_turns_steadily_stays_a_field_however_alike_the_windows():
    def turned(i, j):
        return estimate(Psf.from_line(15, 20 + 4 * i + 4 * j))

    rolling = field_of([[turned(i, j) for j in range(4)] for i in range(4)])
    assert compared(rolling).varies()
    assert reconcile(rolling, may_share=False).windows[0][0].psf.angle_deg() < 30
    # The same angles in no order are noise of the estimate.
    order = np.random.default_rng(4).permutation(16).reshape(4, 4)
    mixed = field_of([[turned(k // 4, k % 4) for k in row] for row in order])
    assert not compared(mixed).varies()


def _moved(shape, length_px):
    """Return smooth noise, (H, W, 1), blurred along a line."""
    noise = np.random.default_rng(0).random((*shape, 1)).astype(np.float32)
    blurred = apply_psf(ndimage.gaussian_filter(noise, (2, 2, 0)), Psf.from_line(length_px, 0))
    return 0.5 + 0.15 * (blurred - blurred.mean()) / blurred.std()


@pytest.mark.parametrize(
    ("shape", "length", "seen_at", "longest_undone_px", "scale"),
    [
        ((300, 400), 9, 1, 160, 1),
        ((1100, 1300), 9, 1, 160, 1),
        ((1100, 1300), 27, 4, 160, 1),  # carried up as it is, where a search finds it no more
        ((1100, 1300), 27, 4, 100, 2),  # too long to be undone on the photo itself
        ((600, 640), 20, 2, 160, 1),
    ],
)
def test_the_scale_follows_the_length(shape, length, seen_at, longest_undone_px, scale):
    picture = Picture(_moved(shape, length * seen_at), LINEAR)
    # The fake engine finds the same length on every scale, which would be wrong on the next one.
    # One window, not so wide, tells the same as four of them.
    params = MotionParams(
        ScaleParams(longest_undone_px=longest_undone_px),
        refine=RefineParams(halved=False, most_wide=1, wide_px=256),
    )
    estimator = NetworkEstimator(FakeKernelEngine(length=length), params=params)
    field = estimator.refine(picture, estimator.propose(picture))
    assert field.scale == scale
    assert field.length_px == pytest.approx(length * seen_at, rel=0.25)
    facts = field.to_dict()
    assert len(facts["windows"]) == len(field.centres_y) * len(field.centres_x)
    assert all(0 < w["y"] < shape[0] and 0 < w["x"] < shape[1] for w in facts["windows"])


@pytest.mark.parametrize(
    ("alike_db", "apart_db", "proposed", "shared"),
    [
        (1.0, 1.5, True, False),
        (1.0, 1.2, True, True),  # what little more is told does not count against the proposal
        (1.2, 1.0, False, False),
        (1.5, 1.0, False, True),
    ],
)
def test_one_psf_or_many_by_what_undoing_them_would_gain(alike_db, apart_db, proposed, shared):
    class Telling(NetworkEstimator):
        def gains(self, picture, field, boxes):
            return [alike_db if field.uniform else apart_db] * len(boxes)

    light = np.random.default_rng(0).random((300, 400, 1), dtype=np.float32)
    picture = Picture(light, LINEAR)
    refine = RefineParams(halved=False, most_wide=1, wide_px=256, most_searched=0, thorough=False)
    estimator = Telling(FakeKernelEngine(length=9), params=MotionParams(refine=refine))
    work = replace(estimator.propose(picture), uniform=proposed, varies=True)
    assert estimator.refine(picture, work).uniform == shared


@pytest.mark.parametrize(("longest_undone_px", "scale"), [(160, 1), (30, 2), (15, 4)])
def test_a_field_that_varies_is_undone_at_full_size_too(longest_undone_px, scale):
    class Telling(NetworkEstimator):
        def gains(self, picture, field, boxes):
            return [0.0 if field.uniform else 2.0] * len(boxes)

    picture = Picture(_moved((1100, 1300), 9), LINEAR)
    params = MotionParams(
        ScaleParams(longest_undone_px=longest_undone_px),
        refine=RefineParams(halved=False, most_wide=1, wide_px=256, thorough=False),
    )
    estimator = Telling(FakeKernelEngine(length=9), params=params)
    work = estimator.propose(picture)
    field = estimator.refine(picture, replace(work, scale=4, uniform=False))
    assert not field.uniform and field.scale == scale
    before = work.windows[0][0].psf.length_px() * 4 / scale
    assert field.windows[0][0].psf.length_px() == pytest.approx(before, rel=0.3)


def test_large_photos_are_read_in_pieces():
    shape, largest = (2200, 3000), [0]
    luma = np.random.default_rng(0).random(shape).astype(np.float32)

    class Counted(Picture):
        def luma(self, y0, x0, y1, x1):
            largest[0] = max(largest[0], (y1 - y0) * (x1 - x0))
            return super().luma(y0, x0, y1, x1)

    picture = Counted(luma[..., None], LINEAR)
    # The shared PSF is estimated from one window, a quarter as large as usual.
    params = MotionParams(refine=RefineParams(most_wide=1, wide_px=256))
    estimator = NetworkEstimator(FakeKernelEngine(), params=params)
    field = estimator.refine(picture, estimator.propose(picture))
    assert field.scale == 1
    assert largest[0] <= 1024 * 1024  # bounded, whatever the size of the photo
    assert len(field.centres_y) <= 12 and len(field.centres_x) <= 12


def test_given_psf_everywhere():
    field = uniform_field((50, 70), LINE, 0.01)
    assert field.uniform and field.blur_probability == 1
    assert field.length_px == pytest.approx(LINE.length_px())


def test_clean_psf_drops_faint_values_and_keeps_the_centre():
    grid = np.full((GRID, GRID), 1e-4, np.float32)
    grid[32, 30:35] = 1
    psf = clean_psf(grid)
    assert psf.shape == (1, 5)
    grid[32, 35:40] = 1
    uncentred = clean_psf(grid, centre=False)
    assert uncentred.array[0, uncentred.shape[1] // 2] > 0
    assert uncentred.shape == (1, 15)
