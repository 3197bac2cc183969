"""Motion is found where it is known, and the memory goes along with it."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from tests.video.fakes import FakeEngine, texture
from unblur.engines.base import Engine
from unblur.errors import SpecMismatch
from unblur.spec import ModelSpec
from unblur.video.alignment import block_shifts, cells_of, moved_along
from unblur.video.memory import FrameMemory


def planes(array):
    return np.ascontiguousarray(np.moveaxis(array, 2, 0).astype(np.float32) / 255)


WIDE = texture(320, 352, 3)
BEFORE = planes(WIDE[64:224, 64:256])


@pytest.mark.parametrize("shift", [(0, 0), (4, -8), (-24, 12), (28, 40), (-3, 6)])
def test_the_shift_of_the_whole_picture_is_found(shift):
    dy, dx = shift
    now = planes(WIDE[64 + dy : 224 + dy, 64 + dx : 256 + dx])
    found = block_shifts(cells_of(BEFORE), cells_of(now))
    assert found.shape == (5, 6, 2)
    assert np.abs(np.median(found, axis=(0, 1)) - shift).max() <= 1
    assert (np.abs(found - np.array(shift)).max(axis=2) <= 2).mean() > 0.9


def test_noise_and_another_brightness_do_not_mislead():
    rng = np.random.default_rng(0)
    now = planes(WIDE[56:216, 76:268]) * 0.7 + 0.05 * rng.standard_normal(BEFORE.shape)
    found = block_shifts(cells_of(BEFORE), cells_of(now.astype(np.float32)))
    assert (np.abs(found - (-8, 12)).max(axis=2) <= 2).mean() > 0.8


def test_parts_that_move_on_their_own_are_followed():
    now = np.array(WIDE[64:224, 64:256])
    now[:, 96:] = WIDE[64:224, 64 + 96 + 8 : 256 + 8]
    found = block_shifts(cells_of(BEFORE), cells_of(planes(now)))
    assert (np.abs(found[:, 0]) <= 1).all()
    assert (np.abs(found[:, -2] - (0, 8)) <= 1).all()


def test_blocks_are_fetched_from_where_the_picture_came_from():
    shifts = np.zeros((2, 3, 2), np.int16)
    shifts[..., 0], shifts[..., 1] = 5, -7
    picture = np.arange(40 * 96, dtype=np.float32).reshape(1, 40, 96)
    moved = moved_along(picture, shifts, np.full((1, 40, 96), -5, np.float32), unit=1)
    assert np.array_equal(moved[0, :35, 7:], picture[0, 5:, :-7])
    assert (moved[0, 35:] == -5).all() and (moved[0, :, :7] == -5).all()


def test_each_block_has_a_shift_of_its_own_even_far_outside():
    rng = np.random.default_rng(4)
    shifts = rng.integers(-70, 70, (3, 4, 2)).astype(np.int16)
    planes, fill = rng.random((2, 2, 80, 101), dtype=np.float32)
    for unit in (1, 4):
        side = 32 // unit
        rows, columns = np.indices((80, 101))
        offsets = np.round(shifts / unit).astype(int)
        offsets = np.pad(offsets, ((0, 9), (0, 9), (0, 0)), mode="edge")
        y, x = (
            places + offsets[rows // side, columns // side][..., k]
            for k, places in enumerate((rows, columns))
        )
        inside = (y >= 0) & (y < 80) & (x >= 0) & (x < 101)
        expected = np.where(inside, planes[:, y.clip(0, 79), x.clip(0, 100)], fill)
        extended = np.pad(shifts, ((0, 9), (0, 9), (0, 0)), mode="edge")
        whole = extended[: -(-80 // side), : -(-101 // side)]
        assert np.array_equal(moved_along(planes, whole, fill, unit=unit), expected)


def test_the_memory_moves_with_the_picture():
    engine = FakeEngine()
    memory = FrameMemory(engine)
    blurred = ndimage.uniform_filter(WIDE, (9, 9, 1))
    first = np.moveaxis(planes(blurred[64:224, 64:256]), 0, 2)
    second = np.moveaxis(planes(blurred[56:216, 76:268]), 0, 2)
    memory.step(first, following=memory.analyse(second))
    assert np.abs(memory.step(second) - second).max() < 1e-6
    begun, state = engine.states
    assert (begun[48:] == 0).all()
    # The remembered frame, moved, is the frame now wherever both show the same.
    cells = state[:48].reshape(3, 4, 4, 40, 48).transpose(0, 3, 1, 4, 2).reshape(3, 160, 192)
    inside = cells[:, 16:-16, 16:-32] - np.moveaxis(second, 2, 0)[:, 16:-16, 16:-32]
    assert np.abs(inside).mean() < 0.02
    assert (state[48:, 4:, :-4] == 1).all() and (state[48:, 0] == 0).all()


def test_a_reset_and_another_size_forget():
    engine = FakeEngine()
    memory = FrameMemory(engine)
    frame, following = (np.moveaxis(planes(WIDE[64:224, x : x + 192]), 0, 2) for x in (64, 76))
    for size in ((160, 192), (160, 192), (50, 70)):
        cut = (slice(size[0]), slice(size[1]))
        memory.step(frame[cut], following=memory.analyse(following[cut]))
        if size == (160, 192):
            memory.reset()
    assert all((state[48:] == 0).all() for state in engine.states)
    assert engine.states[2].shape == (50, 16, 20)


def test_frames_of_any_size_keep_it():
    frame = texture(37, 53).astype(np.float32) / 255
    assert np.array_equal(FrameMemory(FakeEngine()).step(frame), frame)


def test_another_kind_of_network_is_refused():
    engine = FakeEngine()
    engine.spec = ModelSpec("other", "restore", 8, 0, 1, "-", "-", 0)
    with pytest.raises(SpecMismatch, match="'frame' is needed"):
        FrameMemory(engine)
    engine.spec = replace(FakeEngine().spec, inputs={"hints": ("plane",) * 35})
    with pytest.raises(SpecMismatch, match="hints of 35 channels, but frame of 48"):
        FrameMemory(engine)
    assert isinstance(Engine, type)
