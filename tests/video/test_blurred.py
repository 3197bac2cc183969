"""Which blocks of a frame show blur along the way that the picture goes."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.video.fakes import FakeEngine
from unblur.video.blurred import blurred_blocks, detail_of, share_blurred
from unblur.video.memory import FrameMemory

HEIGHT, WIDTH = 208, 320
BLOCKS = 7, 10

PHOTO = Path(__file__).parents[2] / "examples" / "sharp" / "colosseum.jpg"
with Image.open(PHOTO) as image:
    WIDE = np.asarray(image.convert("RGB"), np.float32)[: HEIGHT + 32, : WIDTH + 32] / 255


def frame_at(y=0, x=0):
    return np.ascontiguousarray(WIDE[16 + y :, 16 + x :][:HEIGHT, :WIDTH].astype(np.float32))


def blurred_by(y, x, moments=9):
    steps = np.round(np.outer(np.linspace(-0.5, 0.5, moments), (y, x))).astype(int)
    return np.mean([frame_at(*step) for step in steps], axis=0).astype(np.float32)


def grey(frame):
    return frame @ np.float32([0.25, 0.5, 0.25])


def ways(y, x):
    out = np.zeros((*BLOCKS, 2))
    out[:] = y, x
    return out


@pytest.mark.parametrize("way", [(0, 8), (8, 0), (6, -6)])
def test_blur_along_the_way_is_seen_and_sharp_frames_are_told_from_it(way):
    assert not blurred_blocks(detail_of(grey(frame_at())), ways(*way)).any()
    assert blurred_blocks(detail_of(grey(blurred_by(*way))), ways(*way)).mean() > 0.95


def test_blur_across_the_way_does_not_count():
    detail = detail_of(grey(blurred_by(0, 8)))
    assert blurred_blocks(detail, ways(0, 8)).all()
    assert blurred_blocks(detail, ways(8, 0)).mean() < 0.5


def test_noise_does_not_hide_blur():
    noise = np.random.default_rng(5).normal(0, 0.015, (HEIGHT, WIDTH)).astype(np.float32)
    blurred = grey(blurred_by(0, 10)) + noise
    assert blurred_blocks(detail_of(blurred), ways(0, 10)).mean() > 0.9
    sharp = grey(frame_at()) + noise
    assert blurred_blocks(detail_of(sharp), ways(0, 10)).mean() < 0.1


def test_what_is_flat_is_not_blurred():
    flat = np.full((HEIGHT, WIDTH), 0.5, np.float32)
    assert not blurred_blocks(detail_of(flat), ways(0, 8)).any()


def partly(rows, columns, way=None):
    """Return where a frame is restored that is blurred in so many rows and columns of blocks."""
    out = frame_at()
    out[: 32 * rows, : 32 * columns] = blurred_by(0, 10)[: 32 * rows, : 32 * columns]
    way = ways(0, 10) if way is None else way
    return share_blurred(detail_of(grey(out)), way, np.ones(BLOCKS, bool))


def test_few_blurred_blocks_are_restored_by_themselves_and_many_with_the_whole_frame():
    assert (partly(0, 0) == 0).all()
    assert (partly(5, 5) == 1).all()
    # What is between the two fades in.
    between = partly(2, 4)
    assert between[0, 0] == 1 and 0 < between[6, 9] < 1


def test_a_small_part_that_moved_by_itself_is_found_before_what_rests():
    alone = ways(0, 0)
    alone[:2, :2] = 0, 10
    few = partly(2, 2, alone)
    assert few[0, 0] == 1 and few[:4, :4].sum() > 0 and few[6, 9] < 1


def test_what_rests_is_not_restored_however_blurred():
    detail = detail_of(grey(blurred_by(0, 10)))
    moves = np.zeros(BLOCKS, bool)
    assert (share_blurred(detail, ways(0, 10), moves) == 0).all()
    moves[3, 3] = True  # one block by itself is a mistake
    assert (share_blurred(detail, ways(0, 10), moves) == 0).all()


class Darkening(FakeEngine):
    def __call__(self, frame, told):
        change, hidden = super().__call__(frame, told)
        return change - np.float32(0.1) * frame, hidden


def test_sharp_frames_of_a_pan_come_back_bit_for_bit_without_the_network():
    engine = Darkening()
    memory = FrameMemory(engine)
    frames = [frame_at(0, 8), blurred_by(0, 10), frame_at(0, -8)]
    seen = [memory.analyse(frame) for frame in frames]
    first = memory.step(frames[0], seen[0], seen[1])
    assert np.array_equal(first, frames[0]) and not engine.hints
    second = memory.step(frames[1], seen[1], seen[2])
    assert len(engine.hints) == 1 and np.abs(second - frames[1]).mean() > 0.01
    # What the first frame showed is remembered all the same.
    assert np.abs(engine.states[0][:48] - seen[1].cells).mean() > 0
    third = memory.step(frames[2], seen[2])
    assert np.array_equal(third, frames[2]) and len(engine.hints) == 1
