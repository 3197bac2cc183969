"""Gaussian averages: as SciPy makes them."""

import numpy as np
import pytest
from scipy import ndimage

from unblur.smoothing import gaussian


@pytest.mark.parametrize("shape", [(60, 47), (5, 40), (3, 3), (1, 8)])
@pytest.mark.parametrize(("sigma", "truncate"), [(1.0, 2.5), (4.0, 2.5), (3.0, 3.0)])
def test_as_scipy_makes_them(shape, sigma, truncate):
    plane = np.random.default_rng(1).random(shape, dtype=np.float32)
    found = gaussian(plane, sigma, truncate=truncate)
    assert found.dtype == np.float32
    expected = ndimage.gaussian_filter(plane, sigma, truncate=truncate)
    np.testing.assert_allclose(found, expected, atol=2e-6)
