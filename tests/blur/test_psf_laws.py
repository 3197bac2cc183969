"""Laws of the PSF type over many angles, sizes and shapes."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unblur.blur import Psf, trajectory
from unblur.blur.psf import splat
from unblur.errors import BadPsf, UnreadableImage

TALL = Psf(np.random.default_rng(5).random((11, 5)) ** 3)
WIDE = Psf(np.random.default_rng(4).random((3, 9)) ** 3)
offsets = st.tuples(st.floats(-12, 12), st.floats(-12, 12))


def apart_deg(a, b):
    return abs((a - b + 90) % 180 - 90)


@pytest.mark.parametrize("angle", range(-90, 271, 15))
def test_lines_run_where_the_angle_points(angle):
    psf = Psf.from_line(24, angle)
    assert apart_deg(psf.angle_deg(), angle) < 1.0
    assert psf.length_px() == pytest.approx(24, abs=1.3)
    np.testing.assert_allclose(psf.centroid(), 0, atol=1e-4)
    cy, cx = psf.shape[0] // 2, psf.shape[1] // 2
    for sign in (-1, 1):  # the ends of the line are lit, counter-clockwise with y down
        x = cx + round(sign * 11 * np.cos(np.deg2rad(angle)))
        y = cy - round(sign * 11 * np.sin(np.deg2rad(angle)))
        assert psf.array[y - 1 : y + 2, x - 1 : x + 2].sum() > 0.06


@pytest.mark.parametrize("length", [0, 0.4, 1, 2, 3.5, 7])
def test_short_lines(length):
    psf = Psf.from_line(length, 0)
    assert psf.array.sum() == pytest.approx(1)
    spread = np.sqrt((psf.array * (np.arange(psf.shape[1]) - psf.shape[1] // 2) ** 2).sum())
    # A box of the length, drawn by bilinear splatting, which adds at most 1/4 px^2.
    assert spread**2 == pytest.approx(length**2 / 12, abs=0.35)
    assert psf.length_px() <= np.ceil(length) + 1


@settings(max_examples=100, deadline=None)
@given(points=st.lists(offsets, min_size=1, max_size=20), data=st.data())
def test_points_keep_their_weight_and_their_mean(points, data):
    weights = data.draw(
        st.lists(st.floats(0.1, 5), min_size=len(points), max_size=len(points)), label="weights"
    )
    psf = Psf.from_points(points, weights=weights)
    np.testing.assert_allclose(
        psf.centroid(), np.average(points, axis=0, weights=weights), atol=2e-4
    )
    assert psf.shape[0] == psf.shape[1] and psf.shape[0] % 2 == 1
    wider = Psf.from_points(points, weights=weights, size=41)
    np.testing.assert_allclose(wider.embedded(41), psf.embedded(41), atol=1e-6)


def test_splat_shares_a_point_among_four_pixels():
    grid = splat(np.array([[1.25, 2.5]]), np.array([8.0]), 5)
    expected = np.zeros((5, 5))
    expected[2:4, 1:3] = [[3, 1], [3, 1]]
    np.testing.assert_allclose(grid, expected, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(dx=st.floats(-6, 6), dy=st.floats(-6, 6))
def test_shifting_moves_the_centroid_and_loses_nothing(dx, dy):
    moved = TALL.shifted(dx, dy)
    x, y = TALL.centroid()
    np.testing.assert_allclose(moved.centroid(), (x + dx, y + dy), atol=1e-3)
    assert moved.shape[0] % 2 == moved.shape[1] % 2 == 1


@settings(max_examples=60, deadline=None)
@given(dx=st.integers(-6, 6), dy=st.integers(-6, 6))
def test_centring_undoes_whole_shifts(dx, dy):
    line = Psf.from_points([(-3, 0), (-2, 0), (0, 1), (5, -1)])
    back = line.shifted(dx, dy).centred()
    np.testing.assert_allclose(back.embedded(31), line.embedded(31), atol=1e-6)
    assert np.abs(back.centroid()).max() <= 0.5 + 1e-6


@pytest.mark.parametrize("psf", [TALL, WIDE], ids=["tall", "wide"])
@pytest.mark.parametrize("size", [64, 63, 16, 15, 8, 7, 4, 3])
def test_embedding_keeps_the_centre_at_half_the_size(psf, size):
    grid = psf.embedded(size)
    assert grid.shape == (size, size)
    cy, cx = psf.shape[0] // 2, psf.shape[1] // 2
    for y in range(size):
        for x in range(size):
            ky, kx = y - size // 2 + cy, x - size // 2 + cx
            inside = 0 <= ky < psf.shape[0] and 0 <= kx < psf.shape[1]
            assert grid[y, x] == (psf.array[ky, kx] if inside else 0)


def test_cropping_keeps_the_centre_pixel():
    array = np.zeros((9, 15), np.float32)
    array[4, 7], array[3, 7], array[4, 9], array[8, 0], array[5, 8] = 1, 0.5, 0.4, 1e-3, 1e-3
    assert Psf(array).cropped().shape == (9, 15)
    small = Psf(array).cropped(threshold=0.01)
    assert small.shape == (3, 5)
    assert np.count_nonzero(small.array) == 3
    assert small.array[1, 2] == pytest.approx(1 / 1.9)
    assert small.array[0, 2] == pytest.approx(0.5 / 1.9)
    assert small.array[1, 4] == pytest.approx(0.4 / 1.9)


@pytest.mark.parametrize("factor", [0.25, 0.5, 0.7, 1.0, 1.5, 2.0, 3.3, 4.0])
def test_scaling_scales_centroid_and_second_moments(factor):
    psf = Psf.from_points([(-9, 2), (-4, 0), (0, 0), (3, 5), (8, 7)], weights=[1, 2, 4, 2, 1])
    scaled = psf.scaled(factor)
    np.testing.assert_allclose(scaled.centroid(), np.multiply(psf.centroid(), factor), atol=1e-3)
    assert scaled.length_px() == pytest.approx(psf.length_px() * factor, abs=max(1.2, 1.5 * factor))
    assert apart_deg(scaled.angle_deg(), psf.angle_deg()) < 3


@pytest.mark.parametrize("psf", [TALL, WIDE], ids=["tall", "wide"])
@pytest.mark.parametrize("shape", [(12, 17), (13, 18), (11, 9)])
def test_otf_against_the_sum_with_phase(psf, shape):
    ys = np.arange(psf.shape[0]) - psf.shape[0] // 2
    xs = np.arange(psf.shape[1]) - psf.shape[1] // 2
    rows = np.exp(-2j * np.pi * np.outer(np.arange(shape[0]), ys) / shape[0])
    columns = np.exp(-2j * np.pi * np.outer(xs, np.arange(shape[1] // 2 + 1)) / shape[1])
    direct = rows @ psf.array @ columns
    np.testing.assert_allclose(psf.otf(shape), direct, atol=1e-5)
    assert np.abs(direct.imag).max() > 0.1  # an asymmetric PSF has a complex OTF


def test_otf_refuses_a_grid_too_narrow_in_either_direction():
    for shape in ((10, 40), (40, 4)):
        with pytest.raises(BadPsf, match="does not fit"):
            TALL.otf(shape)


def test_copies_do_not_share_the_callers_array():
    mine = np.ones((3, 5), np.float32)
    psf = Psf(mine)
    mine[0, 0] = 100
    np.testing.assert_allclose(psf.array, 1 / 15, rtol=1e-6)
    for other in (pickle.loads(pickle.dumps(TALL)), copy.deepcopy(TALL)):
        np.testing.assert_array_equal(other.array, TALL.array)


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_one_bad_value_is_enough(bad):
    array = np.ones((3, 5))
    array[2, 1] = bad
    with pytest.raises(BadPsf, match="finite"):
        Psf(array)


@pytest.mark.parametrize("shape", [(3,), (1, 3, 3), (3, 3, 1)])
def test_other_dimensions_are_refused(shape):
    with pytest.raises(BadPsf, match="2-D"):
        Psf(np.ones(shape))


# --- paths


def test_lines_are_nearly_straight_and_tremor_often_is_not():
    def straightness(path):
        values = np.linalg.svd(path, compute_uv=False)
        return 1 - values[1] / values[0]

    lines = [straightness(trajectory.line(np.random.default_rng(i))) for i in range(40)]
    hands = [straightness(trajectory.tremor(np.random.default_rng(i))) for i in range(40)]
    assert min(lines) > 0.6 and np.mean(lines) > 0.9
    assert min(hands) < 0.5 and np.ptp(hands) > 0.4


def test_paths_of_all_directions_are_drawn():
    paths = [trajectory.line(np.random.default_rng(seed)) for seed in range(120)]
    angles = [Psf.from_points(path * 20).angle_deg() for path in paths]
    assert (np.histogram(angles, bins=6, range=(0, 180))[0] > 5).all()


@pytest.fixture
def trace(tmp_path):
    rows = np.cumsum(np.random.default_rng(0).normal(size=(300, 4)), axis=0) * 1e-2
    rows[:, 0] = np.arange(300) * 2e6
    np.savetxt(tmp_path / "gyro.txt", rows)
    return trajectory.load_gyro(tmp_path / "gyro.txt")


def test_recorded_paths_are_seeded_centred_of_unit_diameter_and_varied(trace):
    assert trace.rate_hz == pytest.approx(500)
    assert trace.omega.shape == (300, 3)
    seen = set()
    for seed in range(20):
        path = trajectory.gyro_path(trace, np.random.default_rng(seed))
        again = trajectory.gyro_path(trace, np.random.default_rng(seed))
        np.testing.assert_array_equal(path, again)
        np.testing.assert_allclose(path.mean(axis=0), 0, atol=1e-9)
        apart = np.linalg.norm(path[:, None] - path[None], axis=2).max()
        assert apart == pytest.approx(1, abs=0.01)
        seen.add(round(float(path[0, 0]), 6))
    assert len(seen) == 20


def test_a_trace_is_read_column_by_column_and_used_from_everywhere(tmp_path):
    rows = np.zeros((300, 4))
    rows[:, 0] = np.arange(300) * 2e6
    rows[:, 1], rows[150:, 2] = 0.3, np.sin(np.arange(150))
    rows[:, 3] = np.arange(300)
    np.savetxt(tmp_path / "gyro.txt", rows)
    trace = trajectory.load_gyro(tmp_path / "gyro.txt")
    np.testing.assert_allclose(trace.omega, rows[:, 1:])
    paths = [trajectory.gyro_path(trace, np.random.default_rng(seed)) for seed in range(40)]
    straight = [np.linalg.svd(path, compute_uv=False)[1] < 1e-6 for path in paths]
    assert 8 < sum(straight) < 32  # as the first half of the trace, and as the second


def test_a_file_of_words_is_no_trace(tmp_path):
    (tmp_path / "words.txt").write_text("to be or not\n")
    with pytest.raises(UnreadableImage, match=r"words\.txt"):
        trajectory.load_gyro(tmp_path / "words.txt")


def test_the_length_is_the_longest_projection_and_told_once():
    rng = np.random.default_rng(4)
    for _ in range(5):
        psf = Psf(np.maximum(rng.random((15, 21)) - 0.8, 0).astype(np.float32))
        ys, xs = np.nonzero(psf.array)
        extents = []
        for angle in np.deg2rad(np.arange(0, 180, 5)):
            along = xs * np.cos(angle) - ys * np.sin(angle)
            order = np.argsort(along)
            passed = np.cumsum(psf.array[ys, xs][order])
            low, high = np.searchsorted(passed, np.array([0.01, 0.99]) * passed[-1])
            extents.append(along[order[min(high, len(order) - 1)]] - along[order[low]])
        assert psf.length_px() == pytest.approx(max(extents))
        assert vars(psf)["_length_px"] == psf.length_px()
