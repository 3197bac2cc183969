"""The exposed part of a framed photo is found to the pixel; what has no frame is left whole."""

import time

import numpy as np
import pytest

from tests.motion.frames import (
    BLACK,
    RED,
    WHITE,
    framed,
    jpeg,
    level_roof,
    moved,
    night,
    page,
    rounded,
    scene,
    vignetted,
    white_sky,
    written,
)
from unblur.blur.psf import Psf
from unblur.motion.pasted import exposure_of
from unblur.motion.picture import Picture

PHOTO = moved(scene())
TALL, WIDE = PHOTO.shape[:2]


def around(top, bottom, left, right):
    return top, left, top + TALL, left + WIDE


def caption(colour, ink):
    below = framed(PHOTO, colour, (10, 60, 10, 10))
    return written(below, [((30, TALL + 30), "Lisbon, 12 May 2024")], ink, 18)


def passe_partout():
    thin = framed(framed(PHOTO, (240, 238, 230), 30), (60, 50, 40), 1)
    return framed(framed(thin, (240, 238, 230), 12), BLACK, 5)


def screen():
    phone = framed(PHOTO, (24, 24, 28), (150, 190, 0, 0))
    bar = [((12, 6), "9:41"), ((180, 6), "LTE 87 %"), ((60, 60), "Holidays")]
    return written(phone, [*bar, ((70, TALL + 210), "Like   Reply   Share")], (235, 235, 235), 14)


FRAMED = {
    "white": (framed(PHOTO, WHITE), around(24, 24, 24, 24)),
    "black": (framed(PHOTO, BLACK), around(24, 24, 24, 24)),
    "coloured": (framed(PHOTO, RED, (9, 31, 17, 20)), around(9, 31, 17, 20)),
    "double": (framed(framed(PHOTO, BLACK, 6), WHITE, 20), around(26, 26, 26, 26)),
    "passe-partout": (passe_partout(), around(48, 48, 48, 48)),
    "letterbox": (framed(PHOTO, BLACK, (40, 40, 0, 0)), around(40, 40, 0, 0)),
    "one bar": (framed(PHOTO, (0, 60, 120), (0, 30, 0, 0)), around(0, 30, 0, 0)),
    "one pixel": (framed(PHOTO, BLACK, 1), around(1, 1, 1, 1)),
    "caption": (caption(WHITE, BLACK), around(10, 60, 10, 10)),
    "caption in white": (caption(BLACK, WHITE), around(10, 60, 10, 10)),
    "screen": (screen(), around(150, 190, 0, 0)),
    "grey photo": (framed(PHOTO[..., :1], WHITE), around(24, 24, 24, 24)),
}


@pytest.mark.parametrize("name", FRAMED)
def test_what_was_exposed_is_found_to_the_pixel(name):
    samples, box = FRAMED[name]
    assert exposure_of(Picture(samples)) == box


@pytest.mark.parametrize("depth", [np.uint16, np.float32])
def test_in_any_depth(depth):
    samples, box = FRAMED["double"]
    deep = samples.astype(np.uint16) * 257 if depth is np.uint16 else samples / np.float32(255)
    assert exposure_of(Picture(deep.astype(depth))) == box


@pytest.mark.parametrize(
    ("name", "quality"),
    [
        *((name, q) for name in ("white", "black", "letterbox", "caption") for q in (75, 92)),
        ("coloured", 85),
    ],
)
def test_after_jpeg_too_but_for_a_pixel_or_two(name, quality):
    samples, box = FRAMED[name]
    found = exposure_of(Picture(jpeg(samples, quality)))
    assert found is not None
    assert np.abs(np.subtract(found, box)).max() <= 2


@pytest.mark.parametrize("colour", [WHITE, BLACK])
def test_a_sky_of_the_frames_colour_hides_one_edge_only(colour):
    scenery = white_sky()
    photo = moved(scenery if colour == WHITE else 1 - scenery, noise=0)
    y0, x0, y1, x1 = exposure_of(Picture(framed(photo, colour)))
    assert (x0, x1) == (24, 24 + 320)
    assert y1 == 24 + 240
    assert 24 <= y0 <= 24 + 130


def test_round_corners_do_not_hide_the_edges():
    samples, box = FRAMED["white"]
    assert exposure_of(Picture(rounded(samples, box, WHITE))) == box


def sideways(picture):
    return moved(picture, Psf.from_line(15, 0))


def steeply(picture):
    return moved(picture, Psf.from_line(9, 70))


@pytest.mark.parametrize("motion", [moved, steeply], ids=["hook", "line"])
@pytest.mark.parametrize(
    "picture",
    [scene, white_sky, level_roof, night, vignetted, page],
    ids=lambda make: make.__name__,
)
def test_moved_photos_without_a_frame_are_whole(picture, motion):
    assert exposure_of(Picture(motion(picture()))) is None
    clean = motion(picture(), noise=0) if motion is moved else motion(picture())
    assert exposure_of(Picture(jpeg(clean))) is None


@pytest.mark.parametrize("picture", [scene, night, vignetted, page], ids=lambda f: f.__name__)
def test_sharp_photos_without_a_frame_are_whole(picture):
    sharp = np.round(255 * picture()).astype(np.uint8)
    assert exposure_of(Picture(sharp)) is None


def test_a_sharp_or_sideways_moved_page_is_whole():
    assert exposure_of(Picture(sideways(page()))) is None


def test_flat_pictures_are_whole():
    assert exposure_of(Picture(np.full((90, 120, 3), 7, np.uint8))) is None
    stripes = np.repeat(np.arange(120, dtype=np.uint8)[:, None, None] * 2, 90, axis=1)
    assert exposure_of(Picture(stripes)) is None


def test_a_frame_around_a_moved_photo_that_was_itself_moved_is_no_frame():
    samples, _ = FRAMED["white"]
    assert exposure_of(Picture(moved(samples.astype(np.float32) / 255))) is None


def test_of_a_large_photo_only_its_border_is_read():
    large = np.random.default_rng(0).integers(0, 255, (100, 100, 3), dtype=np.uint8)
    large = np.tile(large, (40, 50, 1))
    begun = time.process_time()
    assert exposure_of(Picture(large)) is None
    assert exposure_of(Picture(framed(large, WHITE, 60))) == (60, 60, 4060, 5060)
    assert time.process_time() - begun < 5
