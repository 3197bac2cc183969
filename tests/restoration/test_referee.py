"""The referee: short motion must be certain, long motion likely, doubtful windows stay."""

import numpy as np
import pytest

from tests.motion.test_field import estimate, field_of
from unblur.blur import Psf
from unblur.restoration import referee


def field(length, probability, confidence=0.9):
    psf = Psf.from_line(length, 20)
    return field_of([[estimate(psf, confidence, probability)] * 2] * 2)


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
    assert referee.is_sharp(field(length, probability)) == sharp
    assert referee.trust_map(field(length, probability)).any() != sharp


def test_trust_follows_confidence():
    trust = [referee.trust_map(field(20, 0.95, c)).max() for c in (0.2, 0.35, 0.4, 0.45, 0.9)]
    assert trust[0] == 0 and trust[-1] == 1
    assert np.all(np.diff(trust) > 0)


def test_a_quiet_window_of_a_uniform_shake_moves_with_the_rest():
    from dataclasses import replace

    shaken = field(20, 0.95)
    quiet = replace(shaken.windows[0][0], blur_probability=0.05)
    rows = ((quiet, shaken.windows[0][1]), shaken.windows[1])
    apart = replace(shaken, windows=rows)
    together = replace(apart, uniform=True)
    assert referee.trust_map(apart)[0, 0] == 0
    assert referee.trust_map(together)[0, 0] == 1


def test_typical_length_listens_to_windows_that_see():
    blind = estimate(Psf.from_line(30, 0), confidence=0.05, detail=-3.5)
    seeing = estimate(Psf.from_line(10, 0))
    mixed = field_of([[blind, seeing]])
    assert referee.typical_length(mixed) == pytest.approx(10, abs=1)
