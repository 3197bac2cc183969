"""How large a picture must be, and that what is just large enough goes all the way."""

import numpy as np
import pytest

from unblur.motion.windows import TELLING, LeastSize
from unblur.runtime import ONE_THREAD
from unblur.zoo.models import default_session


@pytest.mark.parametrize(
    ("shape", "fits"),
    [
        ((96, 96), True),
        ((64, 144), True),
        ((200, 80), True),
        ((95, 96), False),
        ((64, 143), False),
        ((63, 5000), False),
        ((80, 80), False),
    ],
)
def test_a_picture_has_long_sides_and_many_pixels(shape, fits):
    assert TELLING.fits(shape) is fits


def test_the_bound_is_said_in_words():
    assert str(TELLING) == "sides of at least 64 px and 9216 px in all"
    assert str(LeastSize(64)) == "sides of at least 64 px"


@pytest.mark.parametrize("shape", [(64, 144), (144, 64)])
def test_the_smallest_pictures_are_judged_as_a_whole(shape):
    luma = np.random.default_rng(3).random(shape, np.float32)
    found = default_session(ONE_THREAD).detector()(luma)
    assert found.shape == shape and len(found.windows) == 1
    assert 0 <= found.blur_probability <= 1
