"""Laws of image formation: linear, adjoint, unflipped, in place, with every border."""

import numpy as np
import pytest
from scipy import ndimage, signal

from unblur.blur import Psf, adjoint_psf, apply_psf, apply_psf_grid, move_object
from unblur.blur.formation import hat
from unblur.errors import BadValue, ShapeMismatch

HOOK = Psf.from_points([(-3, -1), (-1, 0), (0, 0), (1, 1), (1, 3)], weights=[1, 2, 3, 2, 1], size=9)
BORDERS = ["reflect", "edge", "zero", "wrap", "valid"]
SHAPES = [(24, 31), (25, 40), (33, 16)]


def image(shape, channels=2, seed=0):
    return np.random.default_rng(seed).random((*shape, channels)).astype(np.float32)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("border", ["reflect", "edge", "zero", "wrap"])
def test_a_point_becomes_the_psf_unflipped(shape, border):
    point = np.zeros((*shape, 1), np.float32)
    y, x = shape[0] // 2, shape[1] // 2
    point[y, x] = 1
    blurred = apply_psf(point, HOOK, border=border)[..., 0]
    np.testing.assert_allclose(blurred[y - 4 : y + 5, x - 4 : x + 5], HOOK.array, atol=1e-6)
    assert not np.allclose(HOOK.array, HOOK.array[::-1, ::-1])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("border", BORDERS)
def test_against_scipy(shape, border):
    x = image(shape, 1)
    ours = apply_psf(x, HOOK, border=border)[..., 0]
    if border == "valid":
        theirs = signal.convolve2d(x[..., 0], HOOK.array, mode="valid")
    else:
        mode = {"reflect": "reflect", "edge": "nearest", "zero": "constant", "wrap": "wrap"}[border]
        theirs = ndimage.convolve(x[..., 0], HOOK.array, mode=mode)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("border", BORDERS)
def test_linear(border):
    x, y = image((24, 31)), image((24, 31), seed=1)
    both = apply_psf(2 * x - 3 * y, HOOK, border=border)
    apart = 2 * apply_psf(x, HOOK, border=border) - 3 * apply_psf(y, HOOK, border=border)
    np.testing.assert_allclose(both, apart, atol=1e-5)


@pytest.mark.parametrize("border", ["zero", "wrap"])
@pytest.mark.parametrize("shape", SHAPES)
def test_adjoint(border, shape):
    x, y = image(shape), image(shape, seed=1)
    left = np.vdot(apply_psf(x, HOOK, border=border), y)
    right = np.vdot(x, adjoint_psf(y, HOOK, border=border))
    assert left == pytest.approx(right, rel=1e-5)
    assert left != pytest.approx(np.vdot(x, apply_psf(y, HOOK, border=border)), rel=1e-5)


@pytest.mark.parametrize("border", ["reflect", "edge", "wrap"])
def test_a_flat_image_stays_flat(border):
    flat = np.full((20, 27, 3), 0.37, np.float32)
    np.testing.assert_allclose(apply_psf(flat, HOOK, border=border), flat, atol=1e-6)


def test_errors():
    with pytest.raises(ShapeMismatch, match="does not fit"):
        apply_psf(image((5, 5)), HOOK, border="valid")
    with pytest.raises(BadValue, match="border"):
        apply_psf(image((20, 20)), HOOK, border="mirror")
    with pytest.raises(BadValue, match="grid"):
        apply_psf_grid(image((20, 20)), [[HOOK]], border="wrap")


@pytest.mark.parametrize("border", ["reflect", "edge", "zero"])
def test_a_grid_of_equal_psfs_is_one_psf(border):
    x = image((40, 61))
    grid = [[HOOK] * 4] * 3
    np.testing.assert_allclose(
        apply_psf_grid(x, grid, border=border), apply_psf(x, HOOK, border=border), atol=1e-5
    )


def test_a_grid_blends_between_its_nodes():
    x = image((30, 41), 1)
    left, right = Psf.delta(), Psf.from_points([(6, 0)], size=13)
    out = apply_psf_grid(x, [[left, right]])
    np.testing.assert_allclose(out[:, 0], x[:, 0], atol=1e-5)
    np.testing.assert_allclose(out[:, -1], x[:, -7], atol=1e-5)
    np.testing.assert_allclose(out[:, 20], (x[:, 20] + x[:, 14]) / 2, atol=1e-5)


@pytest.mark.parametrize("size", [1, 2, 5, 97, 256])
@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_node_weights_sum_to_one(size, count):
    total = np.zeros(size)
    for index in range(count):
        low, high, weights = hat(index, count, size)
        total[low:high] += weights
    np.testing.assert_allclose(total, 1, atol=1e-6)


def test_moving_object():
    x = image((40, 51), 3)
    ones, zeros = np.ones((40, 51), np.float32), np.zeros((40, 51), np.float32)
    line = Psf.from_line(5, 0)
    everything = move_object(x, ones, object_psf=line, background_psf=HOOK)
    np.testing.assert_allclose(everything, apply_psf(x, line), atol=1e-5)
    nothing = move_object(x, zeros, object_psf=line, background_psf=HOOK)
    np.testing.assert_allclose(nothing, apply_psf(x, HOOK), atol=1e-5)
    half = zeros.copy()
    half[10:30, 10:30] = 1
    flat = np.full((40, 51, 3), 0.6, np.float32)
    mixed = move_object(flat, half, object_psf=line, background_psf=HOOK)
    np.testing.assert_allclose(mixed, flat, atol=1e-5)
    with pytest.raises(ShapeMismatch):
        move_object(x, ones.T, object_psf=line, background_psf=HOOK)
