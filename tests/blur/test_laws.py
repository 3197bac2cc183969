"""Laws of formation for PSFs that are neither square nor symmetric, against plain loops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, signal

from unblur.blur import Psf, adjoint_psf, apply_psf, apply_psf_grid, move_object
from unblur.blur.formation import hat
from unblur.errors import ShapeMismatch

WIDE = Psf(np.random.default_rng(4).random((3, 9)) ** 3)
TALL = Psf(np.random.default_rng(5).random((11, 5)) ** 3)
PSFS = [WIDE, TALL]
SHAPES = [(24, 37), (25, 16), (31, 53)]
MODES = {"reflect": "reflect", "edge": "nearest", "zero": "constant", "wrap": "wrap"}
BORDERS = [*MODES, "valid"]


def image(shape, channels=3, seed=0):
    return np.random.default_rng(seed).random((*shape, channels)).astype(np.float32)


def reference(x, psf, border):
    def convolve(plane):
        if border == "valid":
            return signal.convolve2d(plane, psf.array, mode="valid")
        return ndimage.convolve(plane, psf.array, mode=MODES[border])

    return np.stack([convolve(x[..., c]) for c in range(x.shape[2])], axis=2)


@pytest.mark.parametrize("psf", PSFS, ids=["wide", "tall"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("border", BORDERS)
def test_every_channel_against_scipy(border, shape, psf):
    x = image(shape)
    kept = x.copy()
    ours = apply_psf(x, psf, border=border)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, reference(x, psf, border), atol=1e-5)
    np.testing.assert_array_equal(x, kept)


@pytest.mark.parametrize("place", [(0, 0), (23, 36), (0, 20)])
@pytest.mark.parametrize("border", list(MODES))
def test_a_point_at_the_rim(border, place):
    point = np.zeros((24, 37, 1), np.float32)
    point[place] = 1
    np.testing.assert_allclose(
        apply_psf(point, TALL, border=border), reference(point, TALL, border), atol=1e-6
    )


@pytest.mark.parametrize("border", ["reflect", "edge", "zero"])
def test_a_psf_larger_than_the_image(border):
    long = Psf.from_points([(-14, -9), (0, 0), (6, 15)], weights=[1, 2, 4], size=31)
    x = image((7, 12))
    np.testing.assert_allclose(
        apply_psf(x, long, border=border), reference(x, long, border), atol=1e-5
    )
    for refused in ("wrap", "valid"):
        with pytest.raises(ShapeMismatch, match="does not fit"):
            apply_psf(x, long, border=refused)
        for shape in ((20, 7), (7, 20)):  # too small in one direction only
            with pytest.raises(ShapeMismatch, match="does not fit"):
                apply_psf(image(shape), TALL if shape[0] == 7 else WIDE, border=refused)


@pytest.mark.parametrize("psf", PSFS, ids=["wide", "tall"])
@pytest.mark.parametrize("border", ["zero", "wrap"])
@pytest.mark.parametrize("shape", SHAPES)
def test_adjoint_by_the_dot_test(shape, border, psf):
    x, y = image(shape, seed=1), image(shape, seed=2)
    left = np.vdot(apply_psf(x, psf, border=border), y)
    assert left == pytest.approx(np.vdot(x, adjoint_psf(y, psf, border=border)), rel=2e-6)


def test_light_is_kept():
    x = image((24, 37))
    for psf in PSFS:
        around = apply_psf(x, psf, border="wrap").sum(axis=(0, 1))
        np.testing.assert_allclose(around, x.sum(axis=(0, 1)), rtol=1e-5)
        framed = np.pad(x, ((6, 6), (6, 6), (0, 0)))
        inside = apply_psf(framed, psf, border="zero").sum(axis=(0, 1))
        np.testing.assert_allclose(inside, x.sum(axis=(0, 1)), rtol=1e-5)


def test_blurs_in_a_row_are_one_blur_by_the_convolved_psf():
    x = image((24, 37))
    both = Psf(np.maximum(signal.convolve2d(WIDE.array, TALL.array), 0))
    twice = apply_psf(apply_psf(x, WIDE, border="wrap"), TALL, border="wrap")
    np.testing.assert_allclose(twice, apply_psf(x, both, border="wrap"), atol=1e-5)


@settings(max_examples=200, deadline=None)
@given(count=st.integers(1, 12), size=st.integers(1, 400))
def test_node_weights_sum_to_one_and_stay_inside(count, size):
    total = np.zeros(size)
    for index in range(count):
        low, high, weights = hat(index, count, size)
        assert 0 <= low <= high <= size
        assert len(weights) == high - low
        assert (weights > 0).all()
        total[low:high] += weights
    np.testing.assert_allclose(total, 1, atol=1e-6)


@pytest.mark.parametrize("border", ["reflect", "edge", "zero"])
def test_a_grid_is_the_weighted_sum_of_its_blurs(border):
    shape = (40, 67)
    rng = np.random.default_rng(3)
    sides = [(3, 9), (11, 5), (7, 7), (1, 3)]
    grid = [[Psf(rng.random(sides[(i + j) % 4]) ** 3) for j in range(4)] for i in range(3)]
    x = image(shape)
    expected = np.zeros((*shape, 3))
    for i, row in enumerate(grid):
        at_y = np.interp(np.arange(40), np.linspace(0, 39, 3), np.eye(3)[i])
        for j, psf in enumerate(row):
            at_x = np.interp(np.arange(67), np.linspace(0, 66, 4), np.eye(4)[j])
            expected += np.outer(at_y, at_x)[..., None] * reference(x, psf, border)
    np.testing.assert_allclose(apply_psf_grid(x, grid, border=border), expected, atol=1e-5)


def test_a_moving_object_hides_what_is_behind_it_and_keeps_its_light():
    shape = (60, 81)
    mask = np.zeros(shape, np.float32)
    mask[20:40, 25:50] = 1
    line = Psf.from_points([(x, 0) for x in range(-2, 9)], size=17)
    bright = np.stack([mask, 0 * mask, 1 - mask], axis=2)  # red object, blue background
    out = move_object(bright, mask, object_psf=line, background_psf=Psf.delta())
    beside = mask == 0
    trails = apply_psf(mask[..., None], line)[..., 0]
    np.testing.assert_allclose(out[..., 0][beside], trails[beside], atol=1e-5)
    np.testing.assert_allclose(out[..., 2][beside], 1 - trails[beside], atol=1e-5)
    assert out[30, 40, 2] == pytest.approx(0, abs=1e-5)
    assert out[30, 5, 2] == pytest.approx(1, abs=1e-5)
    # The object moved to the right: its trail is longer on that side.
    trail = np.nonzero(out[30, :, 0] > 1e-4)[0]
    assert (trail[0], trail[-1]) == (23, 57)


def test_only_the_background_is_blurred_by_the_background_psf():
    x = image((40, 51))
    mask = np.zeros((40, 51), np.float32)
    mask[10:30, 10:30] = 1
    out = move_object(x, mask, object_psf=Psf.delta(), background_psf=TALL)
    np.testing.assert_allclose(out[11:29, 11:29], x[11:29, 11:29], atol=1e-5)
    np.testing.assert_allclose(out[:, 31:], apply_psf(x, TALL)[:, 31:], atol=1e-5)
