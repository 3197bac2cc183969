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


def test_curves_against_the_formula_of_the_standard():
    encoded = np.linspace(-0.2, 1.5, 3001)
    linear = np.where(
        encoded <= 0.04045, encoded / 12.92, ((np.maximum(encoded, 0) + 0.055) / 1.055) ** 2.4
    )
    np.testing.assert_allclose(srgb_to_linear(encoded.astype(np.float32)), linear, atol=2e-6)
    np.testing.assert_allclose(linear_to_srgb(linear.astype(np.float32)), encoded, atol=2e-4)
    for curve in (srgb_to_linear, linear_to_srgb):
        values = curve(encoded.astype(np.float32))
        assert (np.diff(values) > 0).all()
        assert values.dtype == np.float32


def test_curves_return_new_arrays():
    x = np.linspace(0, 1, 12, dtype=np.float32).reshape(2, 2, 3)
    kept = x.copy()
    for curve in (srgb_to_linear, linear_to_srgb):
        curve(x)[:] = 7
    np.testing.assert_array_equal(x, kept)


def test_luma_of_each_primary():
    for channel, weight in enumerate((0.2126, 0.7152, 0.0722)):
        primary = np.zeros((2, 3, 3), np.float32)
        primary[..., channel] = 1
        np.testing.assert_allclose(luma(primary), np.full((2, 3), weight), rtol=1e-6)


def test_quantising_rounds_to_the_nearest_and_floats_pass():
    values = np.float32([0.49, 0.51, 1.49, 254.51]) / 255
    assert quantise(values, np.dtype("u1")).tolist() == [0, 1, 1, 255]
    wide = np.float32([-0.5, 1.5])
    np.testing.assert_array_equal(quantise(wide, np.dtype("f8")), wide.astype(float))
    np.testing.assert_array_equal(to_float(wide), wide)
    assert to_float(np.array([0.25])).dtype == np.float32


def test_curves_take_any_layout_and_keep_black_black():
    planes = np.linspace(-0.1, 1.1, 3 * 200 * 120, dtype=np.float32).reshape(3, 200, 120)
    moved = np.moveaxis(planes, 0, 2)
    for curve in (srgb_to_linear, linear_to_srgb):
        whole = curve(planes)
        np.testing.assert_array_equal(curve(moved), np.moveaxis(whole, 0, 2))
        np.testing.assert_allclose(curve(planes[:, ::3, 1::2]), whole[:, ::3, 1::2], atol=1e-6)
        assert curve(np.zeros((2, 3), np.float32)).tolist() == np.zeros((2, 3)).tolist()
        assert curve(np.zeros((0, 3), np.float32)).shape == (0, 3)
        assert curve(np.float32(0.2)).shape == ()
