"""Where the light cannot be told, both count by their probabilities."""

from dataclasses import replace

import numpy as np
import pytest

from tests.pipeline.test_light import shaken_in_linear_light
from unblur.pipeline.both_lights import mean_of_lights, other_light
from unblur.pipeline.facade import restore
from unblur.pipeline.outcome import Result
from unblur.pipeline.report import Report
from unblur.tone import LINEAR, SRGB, Tone


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
def test_the_other_light_counts_where_neither_is_sure(tone, other):
    assert other_light(tone) == other


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
    assert (
        mean_of_lights(first, replace(result(200), report=result(200, changed=False).report))
        is first
    )


@pytest.mark.slow
def test_a_photo_of_unsure_light_lies_between_its_restorations(monkeypatch):
    samples = shaken_in_linear_light()
    tone = Tone(LINEAR, "estimate", 0.5)
    monkeypatch.setattr("unblur.motion.network.estimate_tone", lambda picture, network, scale: tone)
    both = restore(samples)
    assert any("either light" in note for note in both.report.notes)
    linear, srgb = (
        restore(samples, tone=name).samples.astype(float) for name in ("linear", "srgb")
    )
    assert np.abs(both.samples - (linear + srgb) / 2).max() <= 0.51
