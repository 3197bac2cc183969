"""The line of a steady motion is read off a part's autocorrelation; a sharp part shows none."""

import numpy as np
import pytest

from tests.motion.frames import moved, scene
from unblur.blur.psf import Psf
from unblur.motion.line_search import line_in
from unblur.motion.picture import Picture

SHAPE = (240, 320)


def disc(radius=90):
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return np.hypot(y - 120, x - 160) < radius


def shown(psf, mask, *, behind=None, length=None, angle=None):
    samples = moved(scene(SHAPE, 2), psf)
    if behind is not None:
        samples = np.where(mask[..., None], samples, moved(scene(SHAPE, 7), behind))
    luma = Picture(samples).luma(0, 0, *SHAPE)
    return line_in(luma, mask, length or psf.length_px(), angle or psf.angle_deg())


@pytest.mark.parametrize(("length", "angle"), [(14, 75), (22, 130), (30, 165)])
def test_a_line_is_found_though_it_was_told_roughly(length, angle):
    found = shown(Psf.from_line(length, angle), disc(), length=1.4 * length, angle=angle + 12)
    assert found.length_px == pytest.approx(length, abs=1.5)
    assert abs((found.angle_deg - angle + 90) % 180 - 90) < 5
    assert found.depth > 0.2


def test_what_lies_beside_the_part_does_not_count():
    line, other = Psf.from_line(16, 40), Psf.from_line(27, 40)
    found = shown(line, disc(), behind=other, length=20)
    assert found.length_px == pytest.approx(16, abs=1.5)


def test_a_sharp_part_shows_less_than_a_moved_one():
    sharp = shown(Psf.delta(), disc(), length=14, angle=40)
    assert sharp.depth < 0.5 * shown(Psf.from_line(14, 40), disc()).depth


def test_a_part_too_small_tells_nothing():
    assert shown(Psf.from_line(14, 40), disc(5)) is None
    assert shown(Psf.from_line(14, 40), np.zeros(SHAPE, bool)) is None
