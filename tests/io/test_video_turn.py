"""Display matrices: which way a picture is shown, and what a container keeps of that."""

import numpy as np
import pytest

from unblur.io.video_turn import lost, quarter_turned, resized, swaps_sides

ONE, W = 1 << 16, 1 << 30
EIGHT = [
    (1, 0, 0, 1),
    (-1, 0, 0, 1),
    (-1, 0, 0, -1),
    (1, 0, 0, -1),
    (0, 1, 1, 0),
    (0, 1, -1, 0),
    (0, -1, -1, 0),
    (0, -1, 1, 0),
]


def matrix(a, b, c, d, x=0, y=0):
    a, b, c, d, x, y = (round(v * ONE) for v in (a, b, c, d, x, y))
    return (a, b, 0, c, d, 0, x, y, W)


@pytest.mark.parametrize("entries", EIGHT)
def test_each_pixel_goes_where_the_matrix_sends_it(entries):
    a, b, c, d = entries
    height, width = 3, 5
    samples = np.arange(height * width * 3).reshape(height, width, 3)
    shown = quarter_turned(samples, matrix(*entries))
    sent = {}
    for q in range(height):
        for p in range(width):
            sent[a * p + c * q, b * p + d * q] = samples[q, p]
    left, top = min(x for x, _ in sent), min(y for _, y in sent)
    for (x, y), value in sent.items():
        assert np.array_equal(shown[y - top, x - left], value)
    assert (shown.shape[:2] == (width, height)) == swaps_sides(matrix(*entries))


def test_only_what_counts_is_told_as_lost():
    size = (96, 64)
    quarter = matrix(0, 1, -1, 0, 64, 0)  # the shift that moves the turned picture home
    assert lost(quarter, "matroska", size) is None and lost(quarter, "avi", size) is None
    assert lost(matrix(-1, 0, 0, 1, 96, 0), "webm", size) is None
    assert "shift by 10, 20 px" in lost(matrix(1, 0, 0, 1, 10, 20), "matroska", size)
    assert "scale" in lost(matrix(2, 0, 0, 2), "matroska", size)
    slanted = matrix(np.cos(0.5), np.sin(0.5), -np.sin(0.5), np.cos(0.5))
    assert lost(slanted, "matroska", size) is None
    assert "no quarter" in lost(slanted, "avi", size)
    for container in ("mp4", "mov", "3gp"):
        assert lost(matrix(2, 0, 0, 2, 10, 20), container, size) is None


def test_the_shift_home_follows_the_size():
    assert resized(matrix(-1, 0, 0, 1, 96, 0), (96, 64), (192, 64)) == matrix(-1, 0, 0, 1, 192, 0)
    aside = matrix(-1, 0, 0, 1, 90, 7)
    assert resized(aside, (96, 64), (192, 64)) == aside
