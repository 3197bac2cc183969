"""Geometry of tiles: every pixel once, weights that sum to one, context where it exists."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unblur.errors import BadValue
from unblur.pipeline.tiling import node_weights, plan_axis, plan_tiles

SIZES = [1, 2, 5, 7, 31, 97, 256, 257, 1000]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("tile", "halo", "fade"), [(32, 8, 0), (40, 0, 16), (64, 70, 32), (7, 3, 6)]
)
def test_weights_of_all_tiles_sum_to_one(size, tile, halo, fade):
    total = np.zeros(size)
    for segment in plan_axis(size, tile=tile, halo=halo, fade=fade):
        total[segment.start : segment.stop] += segment.weights()
    np.testing.assert_allclose(total, 1, atol=1e-6)


@given(st.integers(1, 5000), st.integers(1, 400), st.integers(0, 100), st.integers(0, 40))
def test_tiles_are_in_order_and_within_bounds(size, tile, halo, half_fade):
    fade = 2 * half_fade
    if tile <= fade:
        with pytest.raises(BadValue):
            plan_axis(size, tile=tile, halo=halo, fade=fade)
        return
    segments = plan_axis(size, tile=tile, halo=halo, fade=fade)
    assert segments[0].start == 0
    assert segments[-1].stop == size
    for segment in segments:
        assert (
            0 <= segment.outer_start <= segment.start < segment.stop <= segment.outer_stop <= size
        )
        assert segment.start - segment.outer_start == min(halo, segment.start)
        assert segment.outer_stop - segment.stop == min(halo, size - segment.stop)
        assert segment.fade_in + segment.fade_out <= segment.stop - segment.start
        assert segment.weights().min() > 0
    for left, right in pairwise(segments):
        assert left.stop - right.start == fade == left.fade_out == right.fade_in


@given(st.integers(1, 5000), st.integers(33, 400), st.integers(0, 6))
def test_tiles_begin_at_multiples_of_the_step(size, tile, halo):
    segments = plan_axis(size, tile=tile, halo=16 * halo, fade=32, step=16)
    assert segments[0].start == 0 and segments[-1].stop == size
    for segment in segments:
        assert segment.start % 16 == segment.outer_start % 16 == 0
        assert segment.fade_in + segment.fade_out <= segment.stop - segment.start
    longest = max(s.stop - s.start - (s.fade_in + s.fade_out) // 2 for s in segments)
    assert longest <= max(tile, 2 * 48) + 16


def read_pixels(rows, columns):
    return np.multiply.outer(
        *([s.outer_stop - s.outer_start for s in segments] for segments in (rows, columns))
    )


@given(st.tuples(st.integers(1, 5000), st.integers(1, 5000)), st.integers(100, 800))
def test_tiles_of_a_picture_read_no_more_than_square_ones_and_stay_as_small(size, tile):
    how = {"halo": 64, "fade": 32, "step": 16}
    square = [plan_axis(side, tile=tile, **how) for side in size]
    chosen = plan_tiles(size, tile=tile, **how)
    assert read_pixels(*chosen).sum() <= read_pixels(*square).sum()
    assert read_pixels(*chosen).max() <= max((tile + 32 + 2 * 64) ** 2, read_pixels(*square).max())
    count = len(square[0]) * len(square[1])
    assert len(chosen[0]) * len(chosen[1]) >= min(2, count)


@pytest.mark.parametrize(
    ("size", "least"), [((866, 1155), 0.12), ((1000, 1500), 0.1), ((3000, 4000), 0.01)]
)
def test_fewer_pixels_are_read_twice_than_by_square_tiles(size, least):
    how = {"tile": 768, "halo": 64, "fade": 32, "step": 16}
    square = read_pixels(*(plan_axis(side, **how) for side in size)).sum()
    assert read_pixels(*plan_tiles(size, **how)).sum() < (1 - least) * square


def test_inner_slice_finds_the_written_pixels():
    axis = np.arange(300)
    for segment in plan_axis(300, tile=64, halo=20, fade=16):
        read = axis[segment.outer_start : segment.outer_stop]
        np.testing.assert_array_equal(read[segment.inner], axis[segment.start : segment.stop])


def test_node_weights_interpolate_linearly_and_hold_at_the_ends():
    weights = node_weights((10.5, 20.5), 0, 30)
    np.testing.assert_allclose(weights.sum(axis=0), 1, atol=1e-6)
    assert weights[0, 5] == 1
    assert weights[1, 25] == 1
    assert weights[0, 15] == pytest.approx(0.5)
    assert node_weights((4.0,), 2, 9).tolist() == [[1.0] * 7]
