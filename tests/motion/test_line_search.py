"""The line of a steady motion is read off a part's autocorrelation; a sharp part shows none."""

import numpy as np
import pytest

from tests.motion.frames import moved, scene
from unblur.blur.psf import Psf
from unblur.motion.line_search import Line, depth_of, expected_px, lines_in
from unblur.motion.picture import Picture
from unblur.motion.psf_tools import likeness

SHAPE = (240, 320)


def disc(radius=90):
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return np.hypot(y - 120, x - 160) < radius


def told(length_px):
    """The length that a map tells of one."""
    return next(px for px in np.arange(1, 64, 0.1) if expected_px(px) >= length_px)


def shown(psf, mask, *, behind=None, length=None, angle=None):
    samples = moved(scene(SHAPE, 2), psf)
    if behind is not None:
        samples = np.where(mask[..., None], samples, moved(scene(SHAPE, 7), behind))
    luma = Picture(samples).luma(0, 0, *SHAPE)
    return lines_in(luma, mask, told(length or psf.length_px()), angle or psf.angle_deg())


def near(line, length, angle):
    apart = abs((line.angle_deg - angle + 90) % 180 - 90)
    return line.length_px == pytest.approx(length, abs=1.6) and apart < 6


@pytest.mark.parametrize(("length", "angle"), [(14, 75), (22, 130), (30, 165)])
def test_a_line_is_found_though_it_was_told_roughly(length, angle):
    found = shown(Psf.from_line(length, angle), disc(), length=1.25 * length, angle=angle + 5)
    assert near(found[0], length, angle)
    assert found[0].evidence > 0.1
    assert [one.evidence for one in found] == sorted((one.evidence for one in found), reverse=True)


def test_what_lies_beside_the_part_does_not_count():
    line, other = Psf.from_line(16, 40), Psf.from_line(27, 40)
    found = shown(line, disc(), behind=other, length=20)
    assert near(found[0], 16, 40)


def test_the_lines_returned_differ():
    found = shown(Psf.from_line(16, 40), disc())
    assert len(found) > 2
    for number, one in enumerate(found):
        for other in found[:number]:
            octaves = abs(np.log2(one.length_px / other.length_px))
            assert octaves >= 0.2 or abs(one.angle_deg - other.angle_deg) >= 7.9


def test_a_sharp_part_shows_less_than_a_moved_one():
    depths = []
    for psf in (Psf.delta(), Psf.from_line(14, 40)):
        luma = Picture(moved(scene(SHAPE, 2), psf)).luma(0, 0, *SHAPE)
        depths.append(depth_of(luma, disc(), Line(14, 40)))
    assert depths[0] < 0.5 * depths[1]
    assert 0.2 < depths[1] <= 0.5


def test_a_part_too_small_tells_nothing():
    assert shown(Psf.from_line(14, 40), disc(5)) == []
    assert shown(Psf.from_line(14, 40), np.zeros(SHAPE, bool)) == []
    luma = Picture(moved(scene(SHAPE, 2))).luma(0, 0, *SHAPE)
    assert depth_of(luma, disc(5), Line(14, 40)) == 0


def test_a_path_may_hurry_and_bend():
    steady = Line(20, 30).psf()
    assert likeness(steady, Psf.from_line(20, 30)) > 0.99
    slow, fast = (Line(20, 0, hurry=by).psf().array.sum(axis=0) for by in (0.5, -0.5))
    assert slow.argmax() < len(slow) // 2 < fast.argmax()
    rows = np.flatnonzero(Line(20, 0, bend=0.2).psf().array.sum(axis=1) > 1e-3)
    assert rows[-1] - rows[0] == pytest.approx(4, abs=1.5)
