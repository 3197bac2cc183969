"""The self-ensemble asks in four orientations and answers in the first."""

import numpy as np

from unblur.restoration.restorers import NetworkRestorer
from unblur.spec import ModelSpec


class Leaning:
    """A network whose answer leans: each pixel takes a tenth of its right neighbour."""

    spec = ModelSpec("leaning", "restore", 2, 8, 0, "none", "nothing", 0, bank="tv")

    def __call__(self, image):
        rgb = image[:, :3]
        return (rgb + np.float32(0.1) * np.roll(rgb, -1, axis=3),)


def test_four_orientations_take_the_leaning_out():
    image = np.random.default_rng(1).random((13, 24, 30)).astype(np.float32)
    one, four = (
        NetworkRestorer("m", Leaning(), self_ensemble=several).run(image)
        for several in (False, True)
    )
    right, left = (np.roll(image[:3], s, axis=2) for s in (-1, 1))
    inner = (slice(None), slice(2, -2), slice(2, -2))
    np.testing.assert_allclose(one[inner], (image[:3] + 0.1 * right)[inner], atol=1e-6)
    expected = image[:3] + 0.05 * (right + left)
    np.testing.assert_allclose(four[inner], expected[inner], atol=1e-6)
