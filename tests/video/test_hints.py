"""Hints of a frame: taps along its way, the next frame laid on it, and what moved at all."""

from dataclasses import replace

import numpy as np
import pytest

from tests.video.fakes import FakeEngine, texture
from unblur.engines.onnx import OnnxEngine
from unblur.errors import SpecMismatch
from unblur.motion.windows import telling_window
from unblur.runtime import ONE_THREAD
from unblur.video.cells import cells_of_frame, from_cells, without_steps
from unblur.video.hints import CHANNELS, FACTS, TAPS, hints_of, share_in_motion, tap, way_of
from unblur.video.memory import FrameMemory, share_that_counts
from unblur.zoo.catalogue import weights_path

WIDE = texture(320, 352, 3).astype(np.float32) / 255


def frame_at(y, x, height=160, width=192):
    return np.ascontiguousarray(WIDE[64 + y : 64 + y + height, 64 + x : 64 + x + width])


def shifts(y, x, blocks=(5, 6)):
    out = np.zeros((*blocks, 2), np.int16)
    out[:] = y, x
    return out


def pixels(cells):
    out = np.empty((4 * cells.shape[1], 4 * cells.shape[2], len(cells) // 16), np.float32)
    from_cells(cells, out)
    return out


def tapped(frame, way):
    taps = np.full((len(TAPS) * 16, 40, 48), 9, np.float32)
    tap(frame, way, taps)
    return np.moveaxis(pixels(taps), 2, 0)


def test_the_way_is_the_mean_of_both_sides_or_the_one_there_is():
    before, after = shifts(-8, 4), shifts(4, -12)
    assert (way_of(before, after) == (6, -8)).all()
    assert (way_of(before, None) == (8, -4)).all() and (way_of(None, after) == (4, -12)).all()
    assert way_of(None, None) is None


def test_taps_are_the_brightness_along_the_way():
    frame = frame_at(0, 0)
    grey = frame @ np.float32([0.25, 0.5, 0.25])
    taps = tapped(frame, way_of(None, shifts(8, -16)))
    for share, found in zip(TAPS, taps, strict=True):
        y, x = round(8 * share), round(-16 * share)
        assert found[80, 96] == pytest.approx(grey[80 + y, 96 + x] - grey[80, 96], abs=1e-6)
    assert (taps[-1][-8:] == 0).all()  # the way leads outside


@pytest.mark.parametrize("way", [(0, 8), (8, 0), (-8, 8)])
def test_what_blurs_along_the_way_is_partly_undone_by_few_taps(way):
    frame = frame_at(0, 0)
    steps = np.round(np.outer(np.linspace(-0.5, 0.5, 9), way)).astype(int)
    blurred = np.mean([frame_at(*step) for step in steps], axis=0)
    taps = tapped(blurred, way_of(None, shifts(*way)))
    target = (frame - blurred) @ np.float32([0.25, 0.5, 0.25])
    inside = (slice(16, -16), slice(16, -16))
    basis = np.stack([tap[inside].ravel() for tap in taps], axis=1)
    weights = np.linalg.lstsq(basis, target[inside].ravel(), rcond=None)[0]
    left = target[inside].ravel() - basis @ weights
    assert np.square(left).mean() < 0.8 * np.square(target[inside]).mean()


def test_the_next_frame_is_laid_on_this_one():
    frame, following = frame_at(0, 0), frame_at(-8, 12)
    out = hints_of(frame, None, shifts(8, -12), following)
    assert out.shape == (CHANNELS, 40, 48) and out.dtype == np.float32
    laid = pixels(out[16 * len(TAPS) : -FACTS])
    assert np.array_equal(laid[:150, 12:], frame[:150, 12:])
    assert np.array_equal(laid[-8:], frame[-8:])  # the next frame shows nothing of it
    assert (out[-FACTS:, 20, 20] == (0, 0, 0.5, -0.75, 0, 1)).all()


def test_without_other_frames_there_is_the_frame_alone():
    frame = frame_at(0, 0)
    out = hints_of(frame, None, None, None)
    assert (out[: 16 * len(TAPS)] == 0).all() and (out[-FACTS:] == 0).all()
    assert np.array_equal(out[16 * len(TAPS)], frame[::4, ::4, 0])


def test_what_rests_is_told_from_what_moves():
    way = shifts(0, 0)
    way[2, 1] = 0, 5
    for share in (share_in_motion(None, way), share_in_motion(-way, way)):
        assert share.shape == (5, 6) and share[2, 1] == 1 and (share[:, 4:] == 0).all()


def test_what_is_too_far_off_to_be_followed_is_left_alone():
    near, far = shifts(3, 30), shifts(0, 60)
    assert (share_in_motion(-near, near) == 1).all()
    assert (share_in_motion(-near, far) == 0).all()


class Darkening(FakeEngine):
    def __call__(self, frame, told):
        change, hidden = super().__call__(frame, told)
        return change - np.float32(0.1) * frame, hidden


def test_frames_in_which_nothing_moves_stay_to_the_bit():
    memory, frame = FrameMemory(Darkening()), frame_at(0, 0)
    seen = memory.analyse(frame)
    assert np.array_equal(memory.step(frame, seen, seen), frame)
    assert np.array_equal(memory.step(frame, seen, seen), frame)
    moved = memory.analyse(frame_at(0, 8))
    assert np.abs(memory.step(frame, seen, moved) - 0.9 * frame).mean() < 0.01


def test_changes_below_the_noise_are_not_made():
    change = np.full((48, 8, 16), 0.05, np.float32)
    change[:, :, 8:] = 0.001
    share = share_that_counts(change)
    assert share.shape == (8, 16) and (share[:, :7] > 0.99).all() and (share[:, 9:] < 0.1).all()
    change[:] = 0
    assert (share_that_counts(change) == 0).all()


def test_the_network_sees_what_moves_and_its_halo():
    engine = FakeEngine()
    engine.spec = replace(engine.spec, halo_px=16)
    memory = FrameMemory(engine)
    still, moved = WIDE, WIDE.copy()
    moved[:128, :128] = WIDE[:128, 8:136]
    seen = [memory.analyse(frame) for frame in (still, moved)]
    restored = memory.step(still, memory.relate(None, seen[0], seen[1]), seen[1])
    share = memory.relate(None, seen[0], seen[1]).relation.moving.share
    rows, columns = (np.flatnonzero(share.any(axis=axes)) for axes in ((0, 2), (0, 1)))
    height, width = engine.hints[0].shape[1:]
    assert rows[-1] + 5 <= height < 80 and columns[-1] + 5 <= width < 88
    assert height % 4 == width % 4 == 0 and np.array_equal(restored, still)
    hidden = memory._last.hidden
    assert (hidden[:, -1] == 0).all() and (hidden[:, rows[0], columns[0]] == 1).all()


def test_a_scene_of_one_frame_tells_nothing():
    frame = frame_at(0, 0)
    assert np.array_equal(FrameMemory(Darkening()).step(frame), frame)


def test_the_network_is_told_of_the_frames_on_both_sides():
    engine = FakeEngine()
    memory = FrameMemory(engine)
    frames = [frame_at(0, 8 * k) for k in range(3)]
    seen = [memory.analyse(frame) for frame in frames]
    for k in range(3):
        memory.step(frames[k], seen[k], seen[k + 1] if k < 2 else None)
    first, middle, last = engine.hints
    assert (first[-2:, 0, 0] == (0, 1)).all() and (last[-2:, 0, 0] == (1, 0)).all()
    assert (middle[-2:, 0, 0] == 1).all()
    assert np.median(middle[-5]) == 0.5 and np.median(middle[-3]) == -0.5


def test_what_is_related_ahead_is_what_is_related_in_time():
    frames = [frame_at(0, 8 * k) for k in range(3)]
    in_time, ahead = FrameMemory(FakeEngine()), FrameMemory(FakeEngine())
    seen = [ahead.analyse(frame) for frame in frames]
    for k, frame in enumerate(frames):
        following = seen[k + 1] if k < 2 else None
        related = ahead.relate(seen[k - 1] if k else None, seen[k], following)
        assert np.array_equal(
            ahead.step(frame, related, following), in_time.step(frame, seen[k], following)
        )
    hints = zip(ahead._engine.hints, in_time._engine.hints, strict=True)
    assert all(np.array_equal(a, b) for a, b in hints)


def without_steps_of(plane):
    cells = cells_of_frame(np.repeat(plane[..., None], 3, axis=2))
    without_steps(cells)
    out = pixels(cells)
    assert np.array_equal(out[..., 0], out[..., 2])
    return out[..., 0]


def test_steps_at_the_borders_of_cells_are_spread_and_slopes_stay():
    slope = np.broadcast_to(np.arange(16, dtype=np.float32), (12, 16))
    assert np.allclose(without_steps_of(slope), slope)
    step = np.zeros((12, 16), np.float32)
    step[:, 8:] = 1
    out = without_steps_of(step)
    assert np.allclose(out[5, 5:11], [0, 0.125, 0.375, 0.625, 0.875, 1])
    assert (out[:, :4] == 0).all() and (out[:, -4:] == 1).all()  # rows are not each other's next
    assert np.allclose(without_steps_of(step.T), out.T)
    inside = np.zeros((12, 16), np.float32)
    inside[:, 6:] = 1  # an edge of the picture, not of the cells
    assert np.abs(np.diff(without_steps_of(inside)[5])).max() > 0.7


def test_the_window_with_the_most_detail_is_found():
    flat = np.full((300, 700), 0.5, np.float32)
    flat[:, 440:] += 0.1 * np.random.default_rng(0).random((300, 260), dtype=np.float32)
    y0, x0, y1, x1 = telling_window(flat)
    assert (y1 - y0, x1 - x0) == (256, 256) and flat[y0:y1, x0:x1].std() > 0.02
    # Where all is alike, the middle.
    ramp = np.broadcast_to(np.arange(600, dtype=np.float32), (260, 600))
    assert telling_window(ramp)[1] == 172
    assert telling_window(flat[:100, :120]) == (0, 0, 100, 120)


def test_a_network_of_other_inputs_is_refused():
    engine = OnnxEngine(weights_path("kernel_net"), task="kernel", runtime=ONE_THREAD)
    with pytest.raises(SpecMismatch, match="takes 2 inputs, 1"):
        engine(np.zeros((1, 18, 64, 64), np.float32))
