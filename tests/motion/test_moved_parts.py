"""What moved before a still background: read from a map, and its motion told by trying lines."""

from types import SimpleNamespace

import numpy as np
import pytest

from tests.motion.frames import map_of, moved, scene
from unblur.blur.psf import Psf
from unblur.motion.field import MotionField
from unblur.motion.line_search import Line
from unblur.motion.motion_map import MapParams, read_map
from unblur.motion.moved_parts import moved_parts
from unblur.motion.part_motion import core_windows, motion_of_part
from unblur.motion.picture import Picture
from unblur.motion.psf_tools import likeness
from unblur.motion.search import SearchEstimator
from unblur.tone import LINEAR, SRGB

SHAPE = (240, 320)


def disc(radius, y=120, x=160, shape=SHAPE):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return np.hypot(rows - y, columns - x) < radius


# --- reading the map


class Bright:
    """Stands in for MapNet: what is bright has moved by 16 px, to the right."""

    spec = SimpleNamespace(multiple_of=32)

    def __init__(self):
        self.sides = []

    def __call__(self, image):
        self.sides.append(image.shape[2:])
        cells = image.reshape(1, 3, image.shape[2] // 8, 8, image.shape[3] // 8, 8)
        mean = cells.mean(axis=(1, 3, 5))
        flat = np.ones_like(mean)
        said = np.stack([40 * (mean - 0.5), 4 * flat, -flat, flat, 0 * flat], axis=1)
        return (said.astype(np.float32),)


def test_the_map_has_a_value_for_each_cell_of_the_photo():
    samples = np.zeros((203, 330, 3), np.uint8)
    samples[80:160, 160:] = 255
    told = read_map(Picture(samples), Bright())
    assert told.cell_px == 8
    assert told.moved.shape == told.length_px.shape == (25, 41)
    assert (told.moved[10:20, 20:] > 0.99).all()
    assert (told.moved > 0.5).sum() == 10 * 21
    assert told.length_px == pytest.approx(np.full((25, 41), 16))


def test_strips_say_what_the_whole_picture_says():
    samples = moved(scene((300, 200)))
    strips = Bright()
    whole = read_map(Picture(samples), Bright())
    parts = read_map(Picture(samples), strips, MapParams(rows_px=64, halo_px=32))
    assert len(strips.sides) == 5
    assert max(side[0] for side in strips.sides) == 128
    assert np.array_equal(whole.moved, parts.moved)


def test_a_large_photo_is_read_smaller_and_told_in_its_own_pixels():
    samples = np.repeat(np.repeat(moved(scene((128, 160))), 2, axis=0), 2, axis=1)
    small = read_map(Picture(samples[::2, ::2]), Bright())
    told = read_map(Picture(samples), Bright(), MapParams(longest_px=200))
    assert told.cell_px == 16
    assert np.allclose(told.moved, small.moved, atol=1e-4)
    assert np.allclose(told.length_px, 2 * small.length_px)


def test_linear_samples_are_shown_as_srgb():
    encoded = moved(scene((96, 96))).astype(np.float32) / 255
    linear = SRGB.to_linear(encoded)
    seen = [read_map(Picture(s, t), Bright()) for s, t in ((encoded, SRGB), (linear, LINEAR))]
    assert np.allclose(seen[0].moved, seen[1].moved, atol=1e-3)


def test_a_grey_photo_can_be_read():
    assert read_map(Picture(moved(scene((96, 96)))[..., :1]), Bright()).moved.shape == (12, 12)


# --- regions


def test_the_core_of_a_region_leaves_its_blurred_rim_out():
    told = map_of(disc(60), 14, 20)
    told.moved[np.abs(told.moved - 0.5) < 0.45] = 0.6  # of its rim half is its own
    (part,) = moved_parts(told, SHAPE)
    assert part.core[disc(40)].all()
    assert not part.core[~disc(58)].any()
    assert part.length_px == pytest.approx(14, rel=0.01)
    assert part.angle_deg == pytest.approx(20, abs=0.5)


def test_two_regions_are_two_parts_the_larger_first():
    found = list(moved_parts(map_of(disc(40, x=70) | disc(60, x=240), 14, 20), SHAPE))
    assert [int(part.core[120, 70]) for part in found] == [0, 1]


@pytest.mark.parametrize(
    "where", [np.zeros(SHAPE, bool), np.ones(SHAPE, bool), disc(10), ~disc(60)]
)
def test_nothing_a_whole_photo_a_speck_and_a_background_are_no_parts(where):
    assert not list(moved_parts(map_of(where, 14, 20), SHAPE))


def test_where_the_rest_may_have_moved_too_there_is_no_still_background():
    told = map_of(disc(60), 14, 20)
    told.moved[told.moved == 0] = 0.4
    assert not list(moved_parts(told, SHAPE))


# --- their motion


class Judging(SearchEstimator):
    """Knows the true motion: undoing another one gains the less the less it is like it."""

    def __init__(self, true):
        super().__init__()
        self.true, self.seen = true, []

    def propose(self, picture):
        return field_of(Psf.from_line(3, 0), picture.shape)

    def refine(self, picture, field):
        return field

    def gains(self, picture, field, boxes):
        self.seen += boxes
        psf = field.windows[0][0].psf
        return [4 * likeness(psf, self.true) - 2 for _ in boxes]


def field_of(psf, shape) -> MotionField:
    from unblur.motion.field import uniform_field

    return uniform_field(shape, psf, 0.004)


@pytest.mark.parametrize(("length", "angle"), [(14, 20), (19, 20), (14, 32)])
def test_the_line_that_a_core_shows_is_taken(length, angle):
    true, line = Psf.from_line(length, angle), Line(length, angle, 0.3)
    core = disc(80)
    (part,) = moved_parts(map_of(core, 14, 20), SHAPE)
    judging = Judging(true)
    found = motion_of_part(Picture(moved(scene(SHAPE, 2), true)), core, line, part, judging)
    psf = found.field.windows[0][0].psf
    assert likeness(psf, true) > 0.8
    assert found.gain_db == pytest.approx(4 * likeness(psf, true) - 2)
    assert all(core[y0:y1, x0:x1].mean() > 0.85 for y0, x0, y1, x1 in judging.seen)


def test_what_the_estimator_finds_of_the_part_counts_if_it_gains_more():
    hook = Psf.from_points([(x, abs(x)) for x in np.linspace(-9, 9, 60)]).centred()

    class Knowing(Judging):
        def refine(self, picture, field):
            return field_of(hook, picture.shape)

    (part,) = moved_parts(map_of(disc(80), 14, 20), SHAPE)
    picture = Picture(moved(scene(SHAPE, 2), hook))
    found = motion_of_part(picture, disc(80), None, part, Knowing(hook))
    assert likeness(found.field.windows[0][0].psf, hook) > 0.95


def test_nobody_who_can_tell_gains_and_a_core_too_small_tell_nothing():
    picture = Picture(moved(scene(SHAPE, 2)))
    (part,) = moved_parts(map_of(disc(60), 14, 20), SHAPE)
    assert motion_of_part(picture, disc(60), None, part, SearchEstimator()) is None
    assert motion_of_part(picture, disc(15), None, part, Judging(Psf.from_line(14, 20))) is None


def test_windows_lie_within_the_core_and_hardly_overlap():
    for radius in (40, 60, 100):
        boxes = core_windows(disc(radius), 1)
        assert boxes
        assert all(disc(radius)[y0:y1, x0:x1].mean() >= 0.9 for y0, x0, y1, x1 in boxes)
    halved = core_windows(disc(100), 2)
    assert all(
        disc(100)[2 * y0 : 2 * y1, 2 * x0 : 2 * x1].mean() >= 0.85 for y0, x0, y1, x1 in halved
    )
    assert core_windows(disc(15), 1) == []
