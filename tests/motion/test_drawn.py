"""Text drawn over a moved photo is found; what belongs to the photo is not."""

import time

import numpy as np
import pytest

from tests.motion.frames import BLACK, WHITE, jpeg, moved, night, page, scene, written
from unblur.blur.psf import Psf
from unblur.motion.drawn import drawn_over
from unblur.motion.filling import without
from unblur.motion.picture import Picture

PHOTO = moved(scene((260, 360)))
DATE = [((180, 228), "2024-07-13 18:42:07")]


def stamped(photo, lines=DATE, colour=WHITE, size=16):
    """A photo with text over it, and where that changed it."""
    after = written(photo, lines, colour, size)
    return after, (after != photo).any(axis=2)


@pytest.mark.parametrize("colour", [WHITE, BLACK, (255, 150, 20), (250, 230, 40)])
def test_a_date_is_found_in_any_colour(colour):
    samples, text = stamped(PHOTO, colour=colour)
    found = drawn_over(Picture(samples))
    assert found[text].mean() > 0.98
    assert found.sum() < 8 * text.sum()


@pytest.mark.parametrize("size", [14, 20, 28])
def test_a_caption_is_found_at_any_size_also_in_jpeg(size):
    samples, text = stamped(PHOTO, [((14, 10), "CAM 02  REC 48 km/h")], size=size)
    found = drawn_over(Picture(jpeg(samples, 92)))
    assert found[text].mean() > 0.95


@pytest.mark.parametrize(
    "samples",
    [
        PHOTO,
        moved(scene((260, 360)), Psf.from_line(13, 0)),  # level edges stay hard
        moved(page((300, 400)), Psf.from_line(9, 30)),
        moved(night()),
        np.full((200, 200, 3), 128, np.uint8),
    ],
    ids=["shaken", "level motion", "moved text", "moved lamps", "flat"],
)
def test_a_photo_has_nothing_drawn_over_it(samples):
    assert drawn_over(Picture(samples)) is None


def test_a_sharp_photo_has_nothing_drawn_over_it():
    sharp = np.round(255 * scene((260, 360))).astype(np.uint8)
    assert drawn_over(Picture(sharp)) is None


def test_the_photo_goes_on_beneath_the_text():
    samples, text = stamped(PHOTO)
    found = drawn_over(Picture(samples))
    beneath = without(Picture(samples), found).samples
    assert np.array_equal(beneath[~found], samples[~found])
    error = [np.abs(s[text].astype(float) - PHOTO[text]).mean() for s in (beneath, samples)]
    assert error[0] < 0.25 * error[1]


def test_depth_and_size_do_not_matter():
    samples, _ = stamped(np.concatenate([PHOTO] * 3))  # more rows than a strip
    found = drawn_over(Picture(samples))
    deep = drawn_over(Picture(samples.astype(np.uint16) * 257))
    assert np.array_equal(found, deep)


@pytest.mark.parametrize("shape", [(1, 300, 3), (300, 2, 1), (1, 1, 3), (3, 3, 3)])
def test_the_smallest_pictures_have_nothing_drawn_over_them(shape):
    samples = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    assert drawn_over(Picture(samples)) is None


def test_a_large_photo_takes_as_much_longer_as_it_is_larger():
    detailed = np.round(255 * scene((256, 256))).astype(np.uint8)
    for y, x in np.ndindex(15, 15):  # as many hard things as leaves and gravel have
        part = detailed[8 + 16 * y : 14 + 16 * y, 8 + 16 * x : 12 + 16 * x]
        part[:] = 255 - part

    def seconds(times):
        picture = Picture(np.tile(detailed, (times, times, 1)))
        begun = time.process_time()
        drawn_over(picture)
        return time.process_time() - begun

    assert seconds(9) < 18 * seconds(3)
