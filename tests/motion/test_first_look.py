"""The first look: a few windows where they agree, all of them where they do not."""

import numpy as np
import pytest

from tests.pipeline.fakes import FakeKernelEngine
from unblur.motion import kernel
from unblur.motion.first_look import first_look
from unblur.motion.pyramid import Pyramid, window_starts

SHAPE = (1000, 1300)


class Turning(FakeKernelEngine):
    """Says of every other window that it moved down, not across."""

    def __call__(self, maps, pooled):
        psfs, facts = super().__call__(maps, pooled)
        psfs[1::2] = psfs[1::2].transpose(0, 2, 1)
        return psfs, facts


@pytest.mark.parametrize(
    ("engine", "seen"),
    [
        (FakeKernelEngine(), (3, 4)),
        (Turning(), (6, 8)),  # they moved differently
        (FakeKernelEngine(blurred=False), (6, 8)),  # they hardly moved
    ],
)
def test_a_few_windows_are_enough_where_all_moved_alike(monkeypatch, engine, seen):
    calls, features = [], kernel.motion_features
    monkeypatch.setattr(kernel, "motion_features", lambda w: calls.append(1) or features(w))
    luma = np.random.default_rng(0).random(SHAPE, dtype=np.float32)
    pyramid = Pyramid(lambda y0, x0, y1, x1: luma[y0:y1, x0:x1], SHAPE)
    look = first_look(pyramid, 0, engine)
    assert (len(look.field.centres_y), len(look.field.centres_x)) == seen
    assert len(look.observed) == len(look.estimates) == seen[0] * seen[1]
    assert len(calls) == len(look.observed)  # none is looked at twice
    rows, columns = window_starts(SHAPE, 6)
    assert look.field.centres_y[0] == rows[0] + 128 and look.field.centres_x[0] == columns[0] + 128
    assert look.field.centres_y[-1] == rows[-1] + 128
    assert look.field.centres_x[-1] == columns[-1] + 128
