"""Light domains: exact curves, exact round trips of integer samples."""

import numpy as np
import pytest

from unblur.color import linear_to_srgb, luma, quantise, srgb_to_linear, to_float


def test_curves_invert_each_other_and_meet_known_values():
    x = np.linspace(0, 1, 1001).astype(np.float32)
    np.testing.assert_allclose(linear_to_srgb(srgb_to_linear(x)), x, atol=1e-5)
    assert srgb_to_linear(np.float32(0.5)) == pytest.approx(0.21404, abs=1e-4)
    assert linear_to_srgb(np.float32(0.5)) == pytest.approx(0.73536, abs=1e-4)
    assert srgb_to_linear(np.float32(-0.1)) == pytest.approx(-0.1 / 12.92)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_integer_samples_survive_unchanged(dtype):
    values = np.arange(np.iinfo(dtype).max + 1).astype(dtype)
    np.testing.assert_array_equal(quantise(to_float(values), np.dtype(dtype)), values)
    assert quantise(np.float32([-1, 2]), np.dtype(dtype)).tolist() == [0, np.iinfo(dtype).max]


def test_luma_weights_sum_to_one_and_grey_passes():
    assert luma(np.ones((2, 3, 3), np.float32))[0, 0] == pytest.approx(1)
    green = np.zeros((2, 3, 3), np.float32)
    green[..., 1] = 1
    assert luma(green)[1, 2] == pytest.approx(0.7152)
    grey = np.full((2, 3, 1), 0.3, np.float32)
    np.testing.assert_array_equal(luma(grey), grey[..., 0])
