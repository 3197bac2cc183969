"""The gate: short motion must be certain, long motion likely, doubtful windows stay."""

from dataclasses import replace

import numpy as np
import pytest

from tests.motion.test_field import estimate, field_of
from unblur.blur import Psf, apply_psf
from unblur.color import linear_to_srgb, srgb_to_linear
from unblur.motion.field import uniform_field
from unblur.motion.known import KnownMotion
from unblur.motion.moved_parts import MovedPart
from unblur.motion.part_motion import PartMotion
from unblur.motion.picture import Picture
from unblur.pipeline import evidence, gate
from unblur.pipeline.assessing import assess_exposed
from unblur.pipeline.report import RestoreOptions
from unblur.pipeline.run import restore_picture
from unblur.runtime import ONE_THREAD
from unblur.tone import LINEAR
from unblur.zoo.models import default_session


def field(length, probability, confidence=0.9):
    psf = Psf.from_line(length, 20)
    return field_of([[estimate(psf, confidence, probability)] * 2] * 2)


def trust(field):
    return gate.NoHarmGate().trust(field, field).trust


def lost_light(before, after):
    before, after = (np.asarray(p, np.float32) for p in (before, after))
    return evidence.lost_light(Picture(before), Picture(after))


@pytest.mark.parametrize(
    ("length", "probability", "sharp"),
    [
        (3, 0.99, True),
        (6, 0.99, False),
        (6, 0.7, True),
        (25, 0.7, False),
        (25, 0.4, True),
    ],
)
def test_which_photos_are_sharp(length, probability, sharp):
    told = field(length, probability)
    assert evidence.is_sharp(told, told.mean_length_px()) == sharp
    assert trust(told).any() != sharp
    verdict = gate.NoHarmGate().judge(Picture(np.zeros((300, 300, 3), np.uint8)), told)
    assert (verdict.sharp, bool(verdict.reason), verdict.trust.any()) == (sharp, sharp, not sharp)


@pytest.mark.parametrize(
    ("length", "probability", "moved", "gain_db", "restored"),
    [
        (3, 0.95, 0.95, 2.0, True),  # both networks see it, and it is worth undoing
        (3, 0.95, 0.95, 1.5, False),  # what sharp photos told
        (3, 0.95, 0.5, 4.0, False),  # a soft lens: undoing any blur gains
        (3, 0.7, 0.95, 4.0, False),
        (6, 0.95, 0.95, -9.0, True),  # long enough: nobody asks
    ],
)
def test_a_motion_of_few_pixels_must_be_worth_undoing(
    length, probability, moved, gain_db, restored
):
    class Detector:
        probabilities = (0.9 * (1 - moved), moved, 0.1 * (1 - moved))

        def __call__(self, luma, *, scale, screened):
            return self

    class Telling(KnownMotion):
        def gains(self, picture, motion, boxes):
            return [gain_db] * len(boxes)

    told = replace(field(length, probability), shape=(300, 300))
    picture = Picture(np.zeros((300, 300, 3), np.uint8), LINEAR)
    found = assess_exposed(picture, Telling(told), gate.NoHarmGate(Detector()))
    assert found.verdict.trust.any() == restored
    assert found.verdict.sharp != restored


def test_trust_follows_confidence():
    rising = [trust(field(20, 0.95, c)).max() for c in (0.2, 0.35, 0.4, 0.45, 0.9)]
    assert rising[0] == 0 and rising[-1] == 1
    assert np.all(np.diff(rising) > 0)


def test_a_quiet_window_of_a_uniform_shake_moves_with_the_rest():
    shaken = field(20, 0.95)
    quiet = replace(shaken.windows[0][0], blur_probability=0.05)
    rows = ((quiet, shaken.windows[0][1]), shaken.windows[1])
    apart = replace(shaken, windows=rows)
    together = replace(apart, uniform=True)
    assert trust(apart)[0, 0] == 0
    assert trust(together)[0, 0] == 1


def test_the_length_listens_to_windows_that_see():
    blind = estimate(Psf.from_line(30, 0), confidence=0.05, detail=-3.5)
    seeing = estimate(Psf.from_line(10, 0))
    mixed = field_of([[blind, seeing]])
    assert mixed.mean_length_px() == pytest.approx(10, abs=1)


def test_light_that_was_moved_about_is_not_lost_and_light_that_is_gone_is():
    rng = np.random.default_rng(4)
    sharp = np.kron(rng.random((20, 30, 3)), np.ones((16, 16, 1))).astype(np.float32)
    blurry = linear_to_srgb(apply_psf(srgb_to_linear(sharp), Psf.from_line(25, 30)))
    assert lost_light(blurry, sharp) == 0
    assert lost_light(blurry, 0.9 * sharp) == pytest.approx(0.21, abs=0.03)  # sRGB
    assert lost_light(blurry, blurry * [1, 1, 0.8]) == pytest.approx(0.37, abs=0.04)
    assert lost_light(0.01 * blurry, 0.008 * blurry) == 0  # nothing to see by


def test_lamps_may_lose_light_and_what_they_light_may_not():
    scene = np.full((120, 160, 3), 0.25, np.float32)
    streaks, points = scene.copy(), scene.copy()
    streaks[10:110:20, 20:150] = 1.0
    points[10:110:20, 80:84] = 1.0
    assert lost_light(streaks, points) == 0
    assert lost_light(points, streaks) > 0.2  # nothing adds light
    assert lost_light(streaks, 0.8 * points) > 0.2


def test_a_restoration_that_loses_light_is_not_taken(monkeypatch):
    rng = np.random.default_rng(5)
    sharp = np.kron(rng.random((10, 10, 3)), np.ones((16, 16, 1))).astype(np.float32)
    blurred = linear_to_srgb(apply_psf(srgb_to_linear(sharp), Psf.from_line(13, 30)))
    blurry = np.clip(blurred, 0, 1)
    monkeypatch.setattr(gate, "lost_light", lambda before, after, params: 0.3)
    # The motion as it was: what is sought takes seconds, and is no matter of the gate's.
    models = replace(
        default_session(ONE_THREAD).models(), estimator=KnownMotion(Psf.from_line(13, 30))
    )
    picture = Picture(blurry)
    result = restore_picture(picture, models, RestoreOptions())
    assert np.array_equal(result.samples, blurry)
    assert not result.report.changed and "light by 30 %" in result.report.reason
    assert not np.any(result.report.trust)
    assert restore_picture(picture, models, RestoreOptions(gate=False)).report.changed


def alone(contrast=4.0, border=3.0, told=14, found=16, gain_db=3.0, depth=0.1, *, asked=False):
    everywhere = np.ones((300, 300), bool)
    motion = PartMotion(uniform_field((300, 300), Psf.from_line(found, 20), 0.004), gain_db, depth)
    part = MovedPart(everywhere, everywhere, told, 20, 0.8, contrast, border)
    able = gate.NoHarmGate(asked=asked)
    return able.alone(part) and able.alone(part, motion)


@pytest.mark.parametrize("asked", [True, False])
def test_a_part_alone_is_believed_where_everything_agrees(asked):
    assert alone(asked=asked)
    assert not alone(contrast=1.2, asked=asked)
    assert not alone(border=0.2, asked=asked)
    assert not alone(gain_db=0.2, asked=asked)
    assert not alone(told=20, found=60, asked=asked)
    assert not alone(told=4, found=4, asked=asked)


def test_a_line_that_a_part_shows_clearly_needs_less_gain():
    """Soft parts of sharp photos tell 2.1 and 1.7 dB of lines that are hardly there."""
    assert not alone(gain_db=2.1, depth=0.02)
    assert not alone(gain_db=1.7, depth=0.09)
    assert alone(gain_db=1.5, depth=0.3)


def test_what_shows_more_than_any_motion_can_did_not_move():
    """The shadows of slats tell 4.9 dB of a line that is 0.64 deep."""
    assert not alone(gain_db=4.9, depth=0.64)


def test_where_the_caller_says_that_something_moved_less_will_do():
    for doubtful in (
        {"contrast": 1.8},
        {"border": 0.8},
        {"gain_db": 0.8},
        {"told": 5, "found": 6.5},
    ):
        assert alone(**doubtful, asked=True), doubtful
        assert not alone(**doubtful), doubtful


def test_what_moved_by_itself_is_looked_for_where_the_restoration_rests_on_its_motion():
    assert gate.NoHarmGate().movers
    assert not gate.NoHarmGate(by_window=False).movers
