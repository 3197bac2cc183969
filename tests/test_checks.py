"""The validators say what was got, what was expected and what to do, and let good arrays pass."""

import numpy as np
import pytest

from unblur.checks import check_image, check_pair, check_psf_array
from unblur.errors import BadPsf, BadValue, ShapeMismatch


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 4, 3), (4, 3, 1)])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_good_images_pass(shape, dtype):
    check_image(np.full(shape, -0.5, dtype))  # the range is not the validator's business


@pytest.mark.parametrize("shape", [(), (4,), (4, 5), (4, 5, 0), (4, 5, 4), (1, 4, 5, 3)])
def test_images_of_another_shape_are_named_and_refused(shape):
    with pytest.raises(ShapeMismatch, match="the photo must have shape"):
        check_image(np.zeros(shape), name="the photo")


@pytest.mark.parametrize("shape", [(0, 5, 3), (5, 0, 1)])
def test_images_without_pixels_are_refused(shape):
    with pytest.raises(ShapeMismatch, match="at least one pixel"):
        check_image(np.zeros(shape))


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool, complex])
def test_images_of_another_type_are_refused(dtype):
    with pytest.raises(BadValue, match=np.dtype(dtype).name):
        check_image(np.zeros((4, 5, 3), dtype))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_bad_pixel_is_enough(bad):
    image = np.zeros((4, 5, 3), np.float32)
    image[3, 2, 1] = bad
    with pytest.raises(BadValue, match="NaN or infinite"):
        check_image(image)


def test_pairs_agree_in_shape():
    check_pair(np.zeros((4, 5, 3)), np.ones((4, 5, 3)))
    with pytest.raises(ShapeMismatch, match=r"\(4, 5, 3\) and \(5, 4, 3\)"):
        check_pair(np.zeros((4, 5, 3)), np.zeros((5, 4, 3)))


@pytest.mark.parametrize("array", [np.ones((1, 1)), np.ones((3, 5), int), np.eye(7, dtype=bool)])
def test_good_psfs_pass(array):
    check_psf_array(array)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.ones((3, 4)), r"odd sides.*\(3, 4\)"),
        (np.ones((0, 3)), "odd sides"),
        (np.ones(5), r"2-D.*\(5,\)"),
        (np.array([[1.0, np.nan, 1.0]]), "finite"),
        (np.array([[1.0, -1e-6, 1.0]]), "minimum of -1e-06"),
        (np.zeros((3, 3)), "all zeros"),
    ],
)
def test_bad_psfs_are_refused_with_their_reason(array, words):
    with pytest.raises(BadPsf, match=words):
        check_psf_array(array)
