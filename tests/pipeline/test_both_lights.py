"""Where the light cannot be told, both are looked at, and count by their probabilities."""

from dataclasses import replace

import numpy as np
import pytest

from tests.pipeline.test_light import shaken_in_linear_light
from unblur.blur.psf import Psf
from unblur.motion.field import uniform_field
from unblur.motion.picture import Picture
from unblur.pipeline.both_lights import (
    BothLightsParams,
    also_counts,
    mean_of_lights,
    other_light,
    weighed,
)
from unblur.pipeline.facade import restore
from unblur.pipeline.gate import Verdict
from unblur.pipeline.outcome import Assessment, Result
from unblur.pipeline.report import Report
from unblur.tone import LINEAR, SRGB, Tone

SHAPE = (256, 256)
PARAMS = BothLightsParams(first=1.0, bias=0.0, per_db=1.0, sure=0.85)


def found(tone, reason="", curve=None):
    curve = curve or (tone.curve if tone else SRGB)
    picture = Picture(np.zeros((*SHAPE, 1), np.uint8), curve)
    verdict = Verdict.left(reason) if reason else Verdict.restored()
    return Assessment(picture, uniform_field(SHAPE, Psf.from_line(9, 0), 0.01), verdict, tone)


class Gains:
    """An estimator that tells gains by the light of a picture."""

    def __init__(self, srgb, linear):
        self.told = {SRGB: srgb, LINEAR: linear}

    def gains(self, picture, field, boxes):
        return [self.told[picture.tone]] * len(boxes)


@pytest.mark.parametrize(
    ("tone", "other"),
    [
        (None, None),
        (Tone(), None),
        (Tone(SRGB, "assumed", 0.9), None),
        (Tone(LINEAR, "estimate", 0.9), None),
        (Tone(SRGB, "assumed", 0.58), LINEAR),
        (Tone(LINEAR, "estimate", 0.5), SRGB),
    ],
)
def test_the_other_light_is_looked_at_where_neither_is_sure(tone, other):
    assert other_light(found(tone)) == other


def test_what_is_sharp_or_stood_still_in_part_is_assessed_in_one_light():
    tone = Tone(LINEAR, "estimate", 0.5)
    sharp = Verdict.left("sharp", sharp=True)
    assert other_light(replace(found(tone), verdict=sharp)) is None
    part = replace(found(tone), moved=np.ones(SHAPE, np.float32))
    assert other_light(part) is None
    first = found(tone)
    assert weighed(first, found(None, "sharp", SRGB), Gains(0, 0)) is first


def test_the_light_in_which_more_would_be_gained_becomes_likelier():
    first, other = found(Tone(SRGB, "assumed", 0.6)), found(None, curve=LINEAR)
    more = weighed(first, other, Gains(1.0, 2.0), PARAMS)
    assert more.picture.tone == LINEAR
    assert more.tone.evidence == "estimate"
    odds = np.log(0.4 / 0.6) + 1.0
    assert more.tone.probability == pytest.approx(1 / (1 + np.exp(-odds)))
    assert more.other.picture.tone == SRGB
    less = weighed(first, other, Gains(1.0, 0.9), PARAMS)
    assert less.picture.tone == SRGB
    assert less.tone.probability == pytest.approx(1 / (1 + np.exp(-np.log(0.6 / 0.4) - 0.1)))


def test_a_light_in_which_the_motion_could_not_be_undone_gives_way_to_the_other():
    harm = found(Tone(SRGB, "assumed", 0.65), reason="harm")
    assert other_light(harm) == LINEAR
    good = weighed(harm, found(None, curve=LINEAR), Gains(0, 0))
    assert not good.verdict.reason
    assert (good.tone.curve, good.tone.evidence, good.tone.probability) == (LINEAR, "estimate", 0.5)
    assert weighed(harm, found(None, "harm", LINEAR), Gains(0, 0)) is harm


def test_a_light_that_has_become_sure_counts_alone():
    first, other = found(Tone(SRGB, "assumed", 0.6)), found(None, curve=LINEAR)
    sure = weighed(first, other, Gains(0.0, 5.0), PARAMS)
    assert sure.picture.tone == LINEAR
    assert (sure.gain_db, sure.other.gain_db) == (5.0, 0.0)
    assert also_counts(sure, PARAMS) is None
    assert also_counts(replace(sure, tone=Tone(LINEAR, "estimate", 0.8)), PARAMS) is sure.other


def test_without_anybody_who_tells_gains_the_first_probability_stands():
    first = found(Tone(LINEAR, "estimate", 0.55))
    both = weighed(first, found(None, curve=SRGB), object(), PARAMS)
    assert both.tone.probability == pytest.approx(0.55)
    assert both.other is not None


def test_both_restorations_lie_over_each_other():
    """A PSF is known up to a shift; centroids that are rounded differently are a pixel apart."""
    first, other = found(Tone(SRGB, "assumed", 0.6)), found(None, curve=LINEAR)
    moved = uniform_field(SHAPE, Psf.from_line(9, 0).shifted(1, -1), 0.01)
    both = weighed(first, replace(other, motion=moved), Gains(1.0, 1.0), PARAMS)
    own, others = (one.motion.windows[0][0].psf for one in (both, both.other))
    side = max(*own.shape, *others.shape)
    np.testing.assert_allclose(own.embedded(side), others.embedded(side), atol=1e-6)


def result(level, tone=None, changed=True, dtype=np.uint8):
    report = Report("m", changed, "", None, [], 0.0, None, 1.0, {"analyse": 1.0, "restore": 2.0})
    return Result(np.full((300, 5, 3), level, dtype), None, report, tone)


def test_the_mean_counts_each_light_by_its_probability_and_says_so():
    mean = mean_of_lights(result(100, Tone(LINEAR, "estimate", 0.55)), result(200))
    assert mean.samples.dtype == np.uint8
    assert (mean.samples == 145).all()
    assert mean.report.seconds == {"analyse": 2.0, "restore": 4.0}
    assert "linear with a probability of 55 %" in mean.report.notes[-1]
    deep = mean_of_lights(result(0.25, Tone(SRGB, "assumed", 0.6), dtype=np.float32), result(1))
    np.testing.assert_allclose(deep.samples, 0.55)
    assert "linear with a probability of 40 %" in deep.report.notes[-1]


def test_a_light_in_which_nothing_was_restored_does_not_count():
    first = result(100, Tone(SRGB, "assumed", 0.6))
    left = replace(result(200), report=result(200, changed=False).report)
    assert mean_of_lights(first, left) is first


@pytest.mark.slow
def test_a_photo_of_unsure_light_lies_between_its_restorations(monkeypatch):
    samples = shaken_in_linear_light()
    tone = Tone(LINEAR, "estimate", 0.5)
    monkeypatch.setattr("unblur.motion.network.estimate_tone", lambda picture, network, scale: tone)
    monkeypatch.setattr("unblur.pipeline.both_lights.mean_gain", lambda *_: None)
    monkeypatch.setattr("unblur.motion.parts.mean_of_told", lambda gains_db: None)
    monkeypatch.setattr("unblur.motion.parts.does_harm", lambda gains_db: False)
    seen = []

    def watched(first, other):
        seen.extend((first.samples.copy(), other.samples.copy()))
        return mean_of_lights(first, other)

    monkeypatch.setattr("unblur.pipeline.run.mean_of_lights", watched)
    both = restore(samples)
    assert any("either light" in note for note in both.report.notes)
    linear, srgb = seen
    np.testing.assert_array_equal(linear, restore(samples, tone="linear").samples)
    assert (linear != srgb).any()
    assert np.abs(both.samples - linear / 2.0 - srgb / 2.0).max() <= 0.51
    monkeypatch.undo()


@pytest.mark.slow
def test_what_both_would_gain_tells_the_light_that_a_photo_was_blurred_in(monkeypatch):
    tone = Tone(SRGB, "assumed", 0.6)
    monkeypatch.setattr("unblur.motion.network.estimate_tone", lambda picture, network, scale: tone)
    report = restore(shaken_in_linear_light()).report
    assert report.changed
    assert report.tone["curve"] == "linear"
    assert not any("either light" in note for note in report.notes)
