"""What an estimator has said of a picture is asked once; what it cannot say is nothing."""

import numpy as np

from unblur.blur.psf import Psf
from unblur.motion.field import uniform_field
from unblur.motion.picture import Picture
from unblur.motion.remembering import RememberingEstimator
from unblur.motion.search import SearchEstimator

BOXES = [(0, 0, 128, 128), (0, 40, 128, 168)]


class Telling(SearchEstimator):
    """One that counts how often it is asked."""

    def __init__(self):
        super().__init__()
        self.asked = 0

    def propose(self, picture):
        self.asked += 1
        return uniform_field(picture.shape, Psf.from_line(9, 0), 0.01)

    def local(self, luma, boxes=None):
        return ["one"]

    def gains(self, picture, field, boxes):
        self.asked += 1
        return [1.0, 2.0][: len(boxes)]


def test_a_picture_is_asked_about_once():
    estimator = Telling()
    remembering = RememberingEstimator(estimator, most=4)
    picture = Picture(np.zeros((200, 200, 1), np.uint8))
    field = remembering.propose(picture)
    for _ in range(2):
        assert remembering.propose(picture) is field
        assert remembering.gains(picture, field, BOXES) == [1.0, 2.0]
    assert estimator.asked == 2
    assert remembering.gains(picture, field, BOXES[:1]) == [1.0]
    assert remembering.local(np.zeros((200, 200), np.float32)) == ["one"]


def test_an_estimator_that_cannot_tell_tells_nothing():
    remembering = RememberingEstimator(SearchEstimator(), most=4)
    picture = Picture(np.zeros((200, 200, 1), np.uint8))
    field = uniform_field(picture.shape, Psf.from_line(9, 0), 0.01)
    assert remembering.gains(picture, field, BOXES) == []
    assert remembering.local(np.zeros((200, 200), np.float32)) == []
