"""With one thread, motion is told on the caller's alone, and told the same."""

import numpy as np
import pytest

from tests.motion.test_features import boxes
from unblur.motion import threads
from unblur.motion.picture import Picture
from unblur.tone import LINEAR
from unblur.zoo.models import Session


def test_one_thread_is_one_thread_and_tells_the_same(monkeypatch):
    picture = Picture(boxes(300, 420, seed=6).astype(np.float32)[..., None], LINEAR)

    def told(count):
        estimator = Session(threads=count).estimator()
        return estimator.refine(picture, estimator.propose(picture)).to_dict()

    by_two = told(2)

    def none(*_):
        raise AssertionError("a thread was begun")

    monkeypatch.setattr(threads, "ThreadPoolExecutor", none)
    assert told(1) == by_two
    with pytest.raises(AssertionError, match="begun"):
        told(2)
