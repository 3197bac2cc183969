"""Text drawn over a moved photo is found; what belongs to the photo is not."""

import time

import numpy as np
import pytest
from scipy import ndimage

from tests.motion.frames import BLACK, WHITE, jpeg, moved, night, page, scene, written
from unblur.blur.psf import Psf
from unblur.color import linear_to_srgb, quantise, srgb_to_linear, to_float
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


def dark(noise=0.0):
    """The photo with a sixteenth of its light, and noise in that."""
    light = srgb_to_linear(to_float(PHOTO)) / 16
    light = light + np.random.default_rng(0).normal(0, noise, light.shape).astype(np.float32)
    return quantise(linear_to_srgb(np.clip(light, 0, 1)), np.dtype(np.uint8))


def test_dark_text_on_dark_ground_is_found():
    samples, text = stamped(dark(), colour=(6, 6, 6), size=20)
    assert np.median(dark()[text]) < 64
    found = drawn_over(Picture(samples))
    assert found[text].mean() > 0.9
    assert drawn_over(Picture(dark())) is None


def test_noise_in_the_dark_is_not_hard():
    noisy = dark(0.008)
    samples, text = stamped(noisy, colour=(250, 230, 40))
    assert drawn_over(Picture(samples))[text].mean() > 0.95
    assert drawn_over(Picture(noisy)) is None


@pytest.mark.parametrize("angle", [0, 45, 90])
def test_edges_along_the_motion_do_not_hide_a_date(angle):
    across = np.arange(720)[:, None] % 12 < 2
    bars = ndimage.rotate(np.tile(across.astype(np.float32), (1, 720)), angle, reshape=False)
    sharp = scene((260, 360)) * (1 - 0.8 * bars[230:490, 180:540, None])
    sharp[200:] = 0.4  # the date stands apart
    photo = moved(sharp, Psf.from_line(17, angle))
    samples, text = stamped(photo)
    assert drawn_over(Picture(samples))[text].mean() > 0.95
    assert drawn_over(Picture(photo)) is None


def test_hyphens_colons_and_points_belong_to_the_line():
    samples, text = stamped(PHOTO, [((60, 220), "2024 - 07 - 13  18 : 42 . 07")], size=22)
    assert drawn_over(Picture(samples))[text].all()


def test_an_outline_is_a_second_colour():
    outlined = written(PHOTO, [((179, 227), DATE[0][1]), ((181, 229), DATE[0][1])], BLACK, 16)
    samples, text = stamped(outlined)
    assert drawn_over(Picture(samples))[text].mean() > 0.95


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
