"""The size rule: images are brought to sides that a network takes, and come back as they were."""

import numpy as np
import pytest

from unblur.engines.sizes import SizeRequirements


@pytest.mark.parametrize(
    ("rule", "shape", "wanted"),
    [
        (SizeRequirements(), (7, 9), (7, 9)),
        (SizeRequirements(8), (16, 24), (16, 24)),
        (SizeRequirements(8), (17, 1), (24, 8)),
        (SizeRequirements(8, least=40), (17, 50), (40, 56)),
        (SizeRequirements(fixed=(30, 20)), (30, 11), (30, 20)),
    ],
)
def test_an_image_gets_the_sides_that_are_asked_for_and_comes_back(rule, shape, wanted):
    seen = []

    def engine(batch):
        seen.append(batch.shape)
        return (batch + 1,)

    planes = np.random.default_rng(0).random((3, *shape)).astype(np.float32)
    np.testing.assert_array_equal(rule.run(engine, planes), planes + 1)
    assert seen == [(1, 3, *wanted)]


def test_what_lies_beyond_is_invented_as_asked():
    planes = np.arange(6, dtype=np.float32).reshape(1, 2, 3)
    rule = SizeRequirements(4)
    assert rule.padded(planes)[0, 3].tolist() == [3, 4, 5, 5]
    assert rule.padded(planes, "symmetric")[0, 2].tolist() == [3, 4, 5, 5]
    assert rule.padded(planes, "symmetric")[0, 3].tolist() == [0, 1, 2, 2]
    assert rule.padded(planes, "constant")[0, 3].tolist() == [0, 0, 0, 0]


def test_what_has_such_a_size_is_not_copied():
    planes = np.zeros((2, 8, 12), np.float32)
    assert SizeRequirements(4).padded(planes) is planes
