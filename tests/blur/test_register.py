import numpy as np
import pytest
from scipy import ndimage

from unblur.blur.formation import apply_psf
from unblur.blur.psf import Psf
from unblur.blur.register import moved, restored_offset

ASYMMETRIC = Psf.from_points([(-3, 0), (-1, 1), (0, 1), (2, -2), (4, -2)], weights=[3, 1, 2, 1, 1])


@pytest.fixture
def picture():
    noise = np.random.default_rng(2).random((72, 96, 3))
    return ndimage.gaussian_filter(noise, (1.5, 1.5, 0)).astype(np.float32)


@pytest.mark.parametrize(("dx", "dy"), [(0, 0), (2, -1), (-0.75, 1.5), (3.25, 2.5)])
def test_a_moved_psf_is_found_where_it_lies(dx, dy):
    beside = ASYMMETRIC.shifted(dx, dy)
    assert restored_offset(ASYMMETRIC, beside) == pytest.approx((dy, dx), abs=0.13)
    assert restored_offset(beside, ASYMMETRIC) == pytest.approx((-dy, -dx), abs=0.13)


def test_an_end_that_is_missed_moves_what_is_restored():
    bend = [(0, 0), (1, -1), (2, 0), (3, 2), (2, 4)]
    end = [(x, 4) for x in range(3, 15)]
    whole = Psf.from_points(bend + end, weights=[5] * 5 + [1] * 12).centred()
    missed = Psf.from_points(bend, weights=[5] * 5).centred()
    dy, dx = restored_offset(missed, whole)
    # What is kept lies left of the centre of the whole, and lies in the middle by itself.
    assert dx == pytest.approx(-2.3, abs=0.3)
    assert dy == pytest.approx(-0.9, abs=0.3)


@pytest.mark.parametrize("offset", [(0, 3), (-2, 1), (0.5, -0.25), (1.375, 2.75)])
def test_pictures_move_down_and_right_and_stay_crisp(picture, offset):
    expected = ndimage.shift(picture, (*offset, 0), order=5, mode="mirror")
    inside = (slice(8, -8), slice(8, -8))
    np.testing.assert_allclose(moved(picture, offset)[inside], expected[inside], atol=4e-3)


def test_a_picture_that_stays_is_the_same_array(picture):
    assert moved(picture, (0.05, -0.05)) is picture


def test_a_picture_moved_by_the_offset_explains_the_photo_with_the_psf_that_was_used(picture):
    used = ASYMMETRIC.shifted(1.25, -0.5)
    photo = apply_psf(picture, ASYMMETRIC)
    beside = moved(picture, restored_offset(used, ASYMMETRIC))
    inside = (slice(16, -16), slice(16, -16))
    as_it_lies = np.abs(apply_psf(picture, used) - photo)[inside].max()
    assert np.abs(apply_psf(beside, used) - photo)[inside].max() < 0.25 * as_it_lies
