"""The PSF type and its files."""

import numpy as np
import pytest
from PIL import Image

from unblur.blur import Psf
from unblur.blur.psf_files import load_psf, save_psf
from unblur.errors import BadPsf

HOOK = Psf.from_points([(-3, -1), (-1, 0), (0, 0), (1, 1), (1, 3)], weights=[1, 2, 3, 2, 1], size=9)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.ones((4, 5)), "odd"),
        (np.ones((5, 4)), "odd"),
        (np.zeros((3, 3)), "positive sum"),
        (np.full((3, 3), np.nan), "finite"),
        (-np.ones((3, 3)), "non-negative"),
        (np.ones((3, 3, 3)), "2-D"),
    ],
)
def test_what_cannot_be_a_psf(array, words):
    with pytest.raises(BadPsf, match=words):
        Psf(array)


def test_normalised_float_and_read_only():
    psf = Psf(np.arange(15).reshape(3, 5))
    assert psf.array.dtype == np.float32
    assert psf.array.sum() == pytest.approx(1)
    assert psf.shape == (3, 5)
    with pytest.raises(ValueError, match="read-only"):
        psf.array[0, 0] = 1


@pytest.mark.parametrize("angle", [0, 30, 45, 77, 90, 120, 150])
@pytest.mark.parametrize("length", [6, 15, 33])
def test_line_length_and_angle(angle, length):
    psf = Psf.from_line(length, angle)
    assert psf.length_px() == pytest.approx(length, abs=1.5)
    apart = (psf.angle_deg() - angle + 90) % 180 - 90
    assert abs(apart) < 3


def test_angles_are_counter_clockwise_as_seen():
    psf = Psf.from_line(20, 30)
    cy, cx = psf.shape[0] // 2, psf.shape[1] // 2
    assert psf.array[cy - 5 : cy - 1, cx + 4 : cx + 10].sum() > 0.1  # up and to the right
    assert psf.array[cy + 2 : cy + 6, cx + 4 : cx + 10].sum() == 0


def test_points_are_x_then_y():
    psf = Psf.from_points([(2, -1)], size=7)
    assert psf.array[3 - 1, 3 + 2] == 1
    half = Psf.from_points([(0.5, 0.25)], size=3).array
    np.testing.assert_allclose(half[1:, 1:], [[0.375, 0.375], [0.125, 0.125]])


def test_size_must_hold_the_points():
    with pytest.raises(BadPsf, match="size=11"):
        Psf.from_points([(5, 0)], size=9)
    with pytest.raises(BadPsf, match="odd side"):
        Psf.from_points([(1, 0)], size=8)


def test_centred_and_cropped():
    off = Psf.from_points([(4, 2), (6, 2)], size=15)
    x, y = off.centred().centroid()
    assert abs(x) <= 0.5 and abs(y) <= 0.5
    assert off.centred().shape == (1, 3)
    assert off.cropped().shape == (5, 13)
    assert Psf.delta(9).cropped().shape == (1, 1)


@pytest.mark.parametrize("size", [64, 63, 21, 5])
def test_embedded_keeps_the_centre(size):
    grid = HOOK.embedded(size)
    assert grid.shape == (size, size)
    middle = size // 2
    assert grid[middle, middle] == HOOK.array[4, 4]
    assert grid[middle, middle - 1] == HOOK.array[4, 3]
    assert grid[middle + 1, middle + 1] == HOOK.array[5, 5]


@pytest.mark.parametrize("factor", [0.5, 2.0, 4.0])
def test_scaled_motion_is_scaled(factor):
    psf = Psf.from_line(24, 20)
    scaled = psf.scaled(factor)
    assert scaled.length_px() == pytest.approx(24 * factor, rel=0.12)
    np.testing.assert_allclose(scaled.centroid(), np.multiply(psf.centroid(), factor), atol=0.1)


def test_otf_is_the_fourier_transform_about_the_centre():
    shape = (12, 17)
    ys, xs = np.mgrid[:9, :9] - 4
    direct = np.zeros((12, 9), complex)
    for v in range(12):
        for u in range(9):
            phase = -2j * np.pi * (v * ys / 12 + u * xs / 17)
            direct[v, u] = (HOOK.array * np.exp(phase)).sum()
    np.testing.assert_allclose(HOOK.otf(shape), direct, atol=1e-5)
    np.testing.assert_allclose(Psf.delta(5).otf(shape), 1, atol=1e-6)
    with pytest.raises(BadPsf, match="does not fit"):
        HOOK.otf((8, 20))


@pytest.mark.parametrize("name", ["k.png", "k.npy", "k.npz", "k.txt", "k.csv"])
def test_files_bring_back_the_psf(tmp_path, name):
    path = tmp_path / name
    if name.endswith("png"):
        save_psf(HOOK, path)
    elif name.endswith("npy"):
        np.save(path, HOOK.array)
    elif name.endswith("npz"):
        np.savez(path, psf=HOOK.array)
    else:
        np.savetxt(path, HOOK.array, delimiter="," if name.endswith("csv") else " ")
    np.testing.assert_allclose(load_psf(path).array, HOOK.array, atol=1e-4)


def test_a_psf_drawn_by_hand(tmp_path):
    array = np.zeros((5, 9), np.uint8)
    array[2, 2:7] = 255
    Image.fromarray(array).convert("RGB").save(tmp_path / "drawn.png")
    np.testing.assert_allclose(load_psf(tmp_path / "drawn.png").array[2, 2:7], 0.2, atol=1e-6)


@pytest.mark.parametrize("content", [b"", b"not a file of numbers", b"1 2\n3\n"])
@pytest.mark.parametrize("name", ["k.png", "k.npy", "k.npz", "k.txt"])
def test_bad_files_are_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadPsf, match=name.replace(".", r"\.")):
        load_psf(tmp_path / name)


def test_bad_psfs_in_files_name_the_file(tmp_path):
    np.save(tmp_path / "even.npy", np.ones((4, 4)))
    with pytest.raises(BadPsf, match=r"even\.npy.*odd sides"):
        load_psf(tmp_path / "even.npy")
    np.savez(tmp_path / "other.npz", kernel=np.ones((3, 3)))
    with pytest.raises(BadPsf, match="no array 'psf'"):
        load_psf(tmp_path / "other.npz")
    with pytest.raises(BadPsf, match="none"):
        load_psf(tmp_path / "none.png")
