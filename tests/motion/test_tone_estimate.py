"""The light of a blurry photo: asked at one window, and at another where that leaves it unsure."""

import numpy as np
import pytest

from unblur.motion import tone_estimate
from unblur.motion.picture import Picture
from unblur.motion.tone_estimate import TONE, ToneEvidence, estimate_tone, tone_evidence
from unblur.tone import LINEAR, SRGB

WINDOW = (0, 0, 320, 320)


def evidence(logit):
    """Return evidence of one window by which linear light has so much log odds."""
    return ToneEvidence((logit - TONE.bias) / TONE.best, 0.0, 0.0, 0.01, (), WINDOW)


@pytest.mark.parametrize(
    ("first", "second", "asked", "curve", "linear"),
    [
        (2.0, -5.0, 1, LINEAR, 0.88),
        (-2.0, 5.0, 1, SRGB, 0.12),
        (0.0, 1.0 + TONE.bias, 2, LINEAR, 0.73),  # what is known beforehand counts once
        (0.0, -1.0 + TONE.bias, 2, SRGB, 0.27),
        (0.0, None, 2, LINEAR, 0.5),  # no other window
    ],
)
def test_another_window_is_asked_where_the_first_is_unsure(
    monkeypatch, first, second, asked, curve, linear
):
    known = []

    def told(samples, network, params, *, scale, known=None, asked=known):
        asked.append(known)
        logit = first if known is None else second
        return None if logit is None else evidence(logit)

    monkeypatch.setattr(tone_estimate, "tone_evidence", told)
    tone = estimate_tone(Picture(np.zeros((700, 700, 3), np.uint8)))
    assert known == [None, WINDOW][:asked]
    assert tone.curve == curve
    assert tone.linear_probability == pytest.approx(linear, abs=0.005)


def test_the_other_window_shows_something_else(monkeypatch):
    monkeypatch.setattr(tone_estimate, "estimate_psf_map", lambda plane: tone_estimate.Psf.delta())
    samples = np.random.default_rng(0).integers(0, 255, (400, 700, 3), np.uint8)
    first = tone_evidence(samples)
    other = tone_evidence(samples, known=first.window)
    assert abs(other.window[1] - first.window[1]) >= 320 / 3
    assert tone_evidence(samples[:340, :400], known=(0, 40, 320, 360)) is None
