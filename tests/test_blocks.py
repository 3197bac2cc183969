"""Means of blocks."""

import numpy as np
import pytest

from unblur.blocks import block_means


@pytest.mark.parametrize("scale", [1, 2, 3, 8])
@pytest.mark.parametrize("tail", [(), (1,), (3,)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_each_value_is_the_mean_of_its_block(scale, tail, dtype):
    image = np.random.default_rng(scale).random((50, 37, *tail)).astype(dtype)
    kept = image.copy()
    means = block_means(image, scale)
    assert means.shape == (50 // scale, 37 // scale, *tail)
    assert means.dtype == dtype
    for y, x in ((0, 0), (means.shape[0] - 1, means.shape[1] - 1), (2, 3)):
        block = image[y * scale : (y + 1) * scale, x * scale : (x + 1) * scale]
        np.testing.assert_allclose(means[y, x], block.mean(axis=(0, 1)), rtol=1e-6)
    means[...] = 0
    np.testing.assert_array_equal(image, kept)
