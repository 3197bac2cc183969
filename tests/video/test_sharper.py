"""What a sharper frame beside a shaken one shows of it is taken over, and no more."""

import numpy as np
import pytest

from tests.video.fakes import FakeEngine
from tests.video.test_blurred import BLOCKS, HEIGHT, WIDTH, blurred_by, frame_at, grey, ways
from unblur.video.blurred import detail_of, share_not_sharpest
from unblur.video.memory import FrameMemory
from unblur.video.sharper import Neighbour, with_sharper

NOISE = np.random.default_rng(3).normal(0, 0.005, (4, HEIGHT, WIDTH, 3)).astype(np.float32)
WAY = ways(0, -10)
INSIDE = (slice(16, -16), slice(32, -32))


def psnr(a, b):
    return -10 * np.log10(np.square(a[INSIDE] - b[INSIDE]).mean())


def neighbour(frame, y, x):
    shifts = np.zeros((*BLOCKS, 2), np.int16)
    shifts[:] = y, x
    return Neighbour(frame, shifts, detail_of(grey(frame)))


SHARP = frame_at()
BLURRED = blurred_by(0, 10) + NOISE[0]
BEFORE = neighbour(frame_at(1, 9) + NOISE[1], -1, -9)
AFTER = neighbour(frame_at(0, -10) + NOISE[2], 0, 10)


def helped(frame, *beside):
    return with_sharper(frame, frame, detail_of(grey(frame)), WAY, beside)


def test_a_shaken_frame_between_sharp_ones_gains_several_db():
    assert psnr(helped(BLURRED, BEFORE, AFTER), SHARP) > psnr(BLURRED, SHARP) + 5


@pytest.mark.parametrize("beside", [BEFORE, AFTER])
def test_one_sharp_frame_helps_as_well(beside):
    assert psnr(helped(BLURRED, beside), SHARP) > psnr(BLURRED, SHARP) + 2


def test_what_is_no_sharper_is_not_asked():
    shaken = neighbour(blurred_by(0, 10) + NOISE[3], 0, 0)
    assert helped(BLURRED, shaken, shaken) is BLURRED
    sharp = SHARP + NOISE[0]
    assert helped(sharp, BEFORE, AFTER) is sharp
    assert helped(BLURRED) is BLURRED


@pytest.mark.parametrize("beside", [(BEFORE, AFTER), (BEFORE,), (AFTER,)])
def test_what_only_this_frame_shows_does_not_vanish(beside):
    place = (slice(64, 128), slice(128, 192))
    frame = BLURRED.copy()
    frame[place] = (0.1, 0.2, 0.9)
    core = helped(frame, *beside)[72:120, 136:184]
    assert np.abs(core - (0.1, 0.2, 0.9)).mean() < 0.05


def test_frames_of_another_scene_are_not_taken_over():
    others = [neighbour(np.ascontiguousarray(x), 0, 0) for x in (SHARP[::-1, ::-1], SHARP[::-1])]
    for beside in (others, others[:1], others[1:]):
        assert psnr(helped(BLURRED, *beside), SHARP) > psnr(BLURRED, SHARP) - 0.2


def test_the_memory_asks_frames_on_both_sides():
    engine = FakeEngine()  # which changes nothing by itself
    memory = FrameMemory(engine)
    frames = [BEFORE.frame, BLURRED, AFTER.frame]
    seen = [memory.analyse(np.clip(frame, 0, 1)) for frame in frames]
    assert np.array_equal(memory.step(seen[0].frame, seen[0], seen[1]), seen[0].frame)
    restored = memory.step(seen[1].frame, seen[1], seen[2])
    assert psnr(restored, SHARP) > psnr(BLURRED, SHARP) + 4
    # What was restored is what is remembered.
    assert np.array_equal(memory._last.frame, restored)


def test_the_sharp_frame_beside_a_shaken_one_is_left_alone():
    assert share_not_sharpest([0.2, 1.0]) == 0 and share_not_sharpest([0.2]) == 0
    assert share_not_sharpest([0.35, 1.0]) == pytest.approx(0.5)
    assert share_not_sharpest([0.5, 1.0]) == 1
    assert share_not_sharpest([0.2, 1.3]) == pytest.approx(1)  # another is sharper still
