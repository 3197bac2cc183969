"""The gate of a clip: what neighbours bear out is restored, what they do not is left."""

import numpy as np
import pytest
from scipy import ndimage

from unblur.video.alignment import block_shifts, block_sums, cells_of
from unblur.video.evidence import (
    Laid,
    grey_of,
    laid_along,
    laid_on_frame,
    over_pixels,
    refined,
    share_moved,
    share_shown,
)
from unblur.video.steady import Prepared, SteadyPhoto, padded_planes

SIZE = (128, 160)


def scene(seed=0, size=(200, 240)):
    """Return a picture (H, W, 3) in [0, 1] of detail of many sizes."""
    rng = np.random.default_rng(seed)
    layers = [ndimage.gaussian_filter(rng.standard_normal(size), s) * s for s in (1, 2, 4, 8)]
    grey = np.sum(layers, axis=0)
    grey = 0.5 + 0.15 * grey / grey.std()
    return np.clip(np.repeat(grey[..., None], 3, axis=2), 0, 1).astype(np.float32)


def part(picture, y, x):
    return picture[y : y + SIZE[0], x : x + SIZE[1]]


def blurred(picture):
    return ndimage.uniform_filter1d(picture, 9, axis=1)


class Told(SteadyPhoto):
    """Takes for the restoration of a frame what it is told to be."""

    def __init__(self, restored, **options):
        super().__init__(None, None, **options)
        self._told, self.asked = restored, []

    def _restored(self, image):
        self.asked.append(int(image))
        return np.ascontiguousarray(np.moveaxis(self._told[int(image)], 2, 0))


def stepped(model, blurry, length_px=9.0, known=False):
    planes = [padded_planes(frame) for frame in blurry]
    seen = [
        Prepared(p, cells_of(p), np.float32(k), 1.0, length_px, known) for k, p in enumerate(planes)
    ]
    following = [*seen[1:], None]
    return [model.step(f, s, n) for f, s, n in zip(blurry, seen, following, strict=True)]


def filmed(count=4, step=9):
    """Return frames of a pan, blurred, and the sharp ones."""
    wide = scene()
    soft = blurred(wide)
    places = [(20, 20 + step * k) for k in range(count)]
    return [part(soft, *p) for p in places], [part(wide, *p) for p in places]


def error(frames, sharp):
    return np.array([np.square(f - s).mean() for f, s in zip(frames, sharp, strict=True)])


def test_what_neighbours_show_is_kept():
    blurry, sharp = filmed()
    out = stepped(Told(sharp), blurry)
    assert (error(out, sharp) < 0.25 * error(blurry, sharp)).all()


def test_errors_of_one_frame_are_left_out():
    blurry, sharp = filmed()
    rng = np.random.default_rng(1)
    wrong = [
        np.clip(f + 0.1 * ndimage.gaussian_filter1d(rng.standard_normal(f.shape), 1, axis=0), 0, 1)
        for f in blurry
    ]
    wrong = [w.astype(np.float32) for w in wrong]
    before = error(blurry, sharp)
    ungated = error(stepped(Told(wrong, over_time=False), blurry), sharp)
    gated = error(stepped(Told(wrong), blurry), sharp)
    assert (ungated[:1] > 1.2 * before[:1]).all()
    assert (gated < 1.03 * before).all()


def test_part_of_a_frame_may_be_wrong():
    blurry, sharp = filmed()
    rng = np.random.default_rng(2)
    made = []
    for clear in sharp:
        noise = 0.1 * ndimage.gaussian_filter(rng.standard_normal(SIZE), 1)[..., None]
        half = np.where(np.arange(SIZE[1])[:, None] < 80, clear, clear + 3 * noise)
        made.append(np.clip(half, 0, 1).astype(np.float32))
    out = stepped(Told(made), blurry)
    left, right = (slice(None), slice(0, 48)), (slice(None), slice(112, None))
    for k in (1, 2):
        was = [np.square(blurry[k] - sharp[k])[side].mean() for side in (left, right)]
        now = [np.square(out[k] - sharp[k])[side].mean() for side in (left, right)]
        bad = np.square(made[k] - sharp[k])[right].mean()
        assert now[0] < 0.3 * was[0]
        assert now[1] < bad and now[1] < 1.1 * was[1]


def test_what_rests_was_not_blurred_by_motion():
    blurry, sharp = filmed(step=0)
    out = stepped(Told(sharp), blurry)
    # All neighbours agree, but nothing moved: a soft lens.
    assert all(np.array_equal(o, b) for o, b in zip(out, blurry, strict=True))
    laid = Laid(blurry[0][..., 0], np.ones(SIZE, np.float32), np.zeros((4, 5, 2), np.float32))
    assert not share_moved(9.0, [laid], SIZE).any()
    moved = Laid(laid.grey, laid.inside, laid.offsets + np.float32(6))
    assert share_moved(9.0, [laid, moved], SIZE).min() > 0.8


def test_known_motion_bursts_and_lone_frames_need_no_evidence():
    blurry, sharp = filmed(step=0)
    alone = stepped(Told(sharp), blurry[:1])
    assert np.allclose(alone[0], sharp[0], atol=1e-6)
    for model, known in ((Told(sharp, over_time=False), False), (Told(sharp), True)):
        out = stepped(model, blurry, known=known)
        assert (error(out, sharp) < 0.05 * error(blurry, sharp)).all()


def test_each_frame_is_restored_once_and_scenes_end():
    blurry, sharp = filmed()
    model = Told(sharp)
    stepped(model, blurry)
    assert model.asked == [0, 1, 2, 3]
    model.reset()
    assert model._last is None and model._ahead is None


def test_neighbours_that_show_nothing_bear_out_nothing():
    blurry, sharp = filmed(count=1)
    before, after = blurry[0][..., 1], sharp[0][..., 1]
    outside = Laid(after, np.zeros(SIZE, np.float32), np.zeros((4, 5, 2), np.float32))
    other = part(scene(7), 5, 9)[..., 1]
    full = Laid(after, np.ones(SIZE, np.float32), outside.offsets)
    stranger = Laid(blurred(other), full.inside, outside.offsets)
    assert not share_shown(before, after, []).any()
    assert not share_shown(before, after, [outside]).any()
    assert share_shown(before, after, [full]).mean() > 0.95
    assert share_shown(before, after, [stranger]).mean() < 0.2


@pytest.mark.parametrize("off", [(0.5, -0.25), (2.5, 3.75), (-6.3, 8.4)])
def test_shifts_are_found_to_a_tenth_of_a_pixel(off):
    now = ndimage.gaussian_filter(scene()[..., 0], 1)
    before = ndimage.shift(now, off, order=3, mode="nearest")
    planes = [np.repeat(x[None], 3, 0) for x in (before, now)]
    coarse = block_shifts(*(cells_of(p) for p in planes))
    found = refined(before, now, coarse)[2:-3, 2:-3]  # whose source lies inside
    assert np.abs(found - np.array(off)).max() < 0.1
    laid = laid_on_frame(before, before, coarse, now).grey
    assert np.abs(laid - now)[40:-40, 40:-40].max() < 0.02
    assert np.allclose(grey_of(planes[1]), now, atol=1e-6)


def test_planes_are_fetched_with_what_is_inside():
    plane = np.arange(64 * 64, dtype=np.float32).reshape(64, 64)
    laid, inside = laid_along(plane, np.full((2, 2, 2), 3.0, np.float32), order=1)
    assert np.allclose(laid[:61, :61], plane[3:, 3:], atol=0.01)
    assert inside[:61, :61].all() and not inside[61:].any() and not inside[:, 61:].any()


def test_blocks_and_pixels():
    ones = np.ones((2, 70, 96), np.float32)
    sums = block_sums(ones)
    assert sums.shape == (2, 3, 3)
    assert sums[0, 1, 1] == 70 * 96 + 32 * 32
    flat = over_pixels(np.full((3, 3), 0.7, np.float32), (70, 96))
    assert flat.shape == (70, 96) and np.allclose(flat, 0.7)
    edge = over_pixels(np.array([[0.0, 1.0]], np.float32), (32, 64))
    assert edge[0, 0] == 0 and edge[0, -1] == 1 and edge[0, 31] == pytest.approx(0.484, abs=0.01)
