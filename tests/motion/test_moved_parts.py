"""What moved before a still background: read from a map, and its motion told by trying lines."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import ndimage

from tests.motion.frames import map_of, moved, scene
from unblur.blur.psf import Psf
from unblur.motion.field import uniform_field
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


def test_a_region_is_told_with_its_mean_motion():
    (part,) = moved_parts(map_of(disc(60), 14, 20), SHAPE)
    assert part.surely[disc(48)].all()
    assert not part.likely[~disc(70)].any()
    assert not (part.surely & ~part.likely).any()
    assert part.length_px == pytest.approx(14, rel=0.01)
    assert part.angle_deg == pytest.approx(20, abs=0.5)
    assert part.straight == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(("inside", "around"), [(0.4, 0.03), (0.995, 0.7), (0.97, 0.02)])
def test_a_region_stands_out_from_what_lies_around_however_sure_the_map_is(inside, around):
    told = map_of(disc(60), 14, 20)
    told.moved[:] = around + (inside - around) * told.moved
    (part,) = moved_parts(told, SHAPE)
    assert part.likely[disc(52)].all()
    assert not part.likely[~disc(70)].any()
    odds = [np.log(share / (1 - share)) for share in (inside, around)]
    assert part.contrast == pytest.approx(odds[0] - odds[1], abs=0.1)
    assert part.border == pytest.approx(part.contrast, abs=0.1)


def test_what_is_surer_lies_farther_within():
    told = map_of(disc(60), 14, 20)
    told.moved[:] = ndimage.gaussian_filter(told.moved, 2)
    (part,) = moved_parts(told, SHAPE)
    assert part.surely.sum() < 0.9 * part.likely.sum()
    assert part.border < part.contrast - 1


def test_of_two_regions_the_one_that_stands_out_more_comes_first():
    told = map_of(disc(40, x=70) | disc(60, x=240), 14, 20)
    told.moved[:, 20:] *= 0.8
    found = list(moved_parts(told, SHAPE))
    assert [bool(part.likely[120, 70]) for part in found] == [True, False]


@pytest.mark.parametrize(
    "where", [np.zeros(SHAPE, bool), np.ones(SHAPE, bool), disc(10), ~disc(60)]
)
def test_nothing_a_whole_photo_a_speck_and_a_background_are_no_parts(where):
    assert not list(moved_parts(map_of(where, 14, 20), SHAPE))


def test_a_region_without_a_direction_of_its_own_is_no_part():
    told = map_of(disc(60), 14, 20)
    told.direction[:, ::2] *= -1
    assert not list(moved_parts(told, SHAPE))


def test_a_region_that_hardly_stands_out_is_no_part():
    told = map_of(disc(60), 14, 20)
    told.moved[:] = 0.5 + 0.3 * told.moved
    assert not list(moved_parts(told, SHAPE))


# --- their motion


class Judging(SearchEstimator):
    """Knows the true motion: undoing another one gains the less the less it is like it."""

    def __init__(self, true):
        super().__init__()
        self.true, self.seen = true, []

    def gains(self, picture, field, boxes):
        self.seen += boxes
        psf = field.windows[0][0].psf
        return [4 * likeness(psf, self.true) - 2 for _ in boxes]


def told_of(true, lines, core=None):
    picture = Picture(moved(scene(SHAPE, 2), true))
    judging = Judging(true)
    core = disc(80) if core is None else core
    return motion_of_part(picture, core, lines, judging), judging


@pytest.mark.parametrize(("length", "angle"), [(14, 20), (19, 20), (14, 32)])
def test_the_line_that_gains_is_taken_and_varied(length, angle):
    true = Psf.from_line(length, angle)
    lines = [Line(30, angle), Line(1.1 * length, angle + 5), Line(length, angle + 40)]
    found, judging = told_of(true, lines)
    assert likeness(found.psf(), true) > 0.97
    assert found.gain_db == pytest.approx(4 * likeness(found.psf(), true) - 2)
    assert found.depth > 0.2
    assert all(disc(80)[y0:y1, x0:x1].mean() > 0.85 for y0, x0, y1, x1 in judging.seen)


def test_where_lines_gain_alike_the_one_of_more_evidence_is_taken():
    lines = [Line(14, 20), Line(14, 60, evidence=0.4)]
    picture = Picture(moved(scene(SHAPE, 2), Psf.from_line(14, 20)))
    judging = Judging(Psf.delta())
    judging.gains = lambda picture, field, boxes: [1.0 for _ in boxes]
    found = motion_of_part(picture, disc(80), lines, judging)
    assert found.psf().angle_deg() == pytest.approx(60, abs=2)


@pytest.mark.parametrize("true", [Line(18, 20, hurry=0.3), Line(18, 20, bend=0.12)])
def test_a_path_that_hurries_or_bends_is_found_from_its_line(true):
    steady = likeness(Psf.from_line(18, 20), true.psf())
    found, _ = told_of(true.psf(), [Line(18, 20)])
    assert likeness(found.psf(), true.psf()) > max(0.97, steady)


def test_what_no_line_may_have_moved_is_not_looked_at_further():
    found, judging = told_of(Psf.from_line(40, 110), [Line(8, 20), Line(10, 20)])
    assert found is not None
    judging.gains = lambda picture, field, boxes: [-2.1 for _ in boxes]
    picture = Picture(moved(scene(SHAPE, 2)))
    assert motion_of_part(picture, disc(80), [Line(8, 20)], judging) is None


def test_where_no_line_gains_enough_a_large_part_is_estimated_by_itself():
    hook = Psf.from_points([(x, 1.5 * abs(x)) for x in np.linspace(-9, 9, 60)]).centred()

    class Knowing(Judging):
        def propose(self, picture):
            return uniform_field(picture.shape, Psf.from_line(3, 0), 0.004)

        def refine(self, picture, field):
            return uniform_field(picture.shape, hook, 0.004)

        def gains(self, picture, field, boxes):
            psf = field.windows[0][0].psf
            return [3.0 if likeness(psf, hook) > 0.99 else 1.0 for _ in boxes]

    picture = Picture(moved(scene(SHAPE, 2), hook))
    for radius, alike in ((110, True), (60, False)):
        found = motion_of_part(picture, disc(radius), [Line(18, 0)], Knowing(hook))
        assert (likeness(found.psf(), hook) > 0.99) == alike


def test_nobody_who_can_tell_gains_and_a_core_too_small_tell_nothing():
    picture, lines = Picture(moved(scene(SHAPE, 2))), [Line(14, 20)]
    assert motion_of_part(picture, disc(60), lines, SearchEstimator()) is None
    assert motion_of_part(picture, disc(15), lines, Judging(Psf.from_line(14, 20))) is None


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
