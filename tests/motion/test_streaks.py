"""Lamps that draw the PSF are believed; what only looks like them is not."""

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from tests.pipeline.fakes import FakeKernelEngine
from unblur.blur.formation import apply_psf
from unblur.blur.psf import Psf
from unblur.color import FloatArray, luma, srgb_to_linear
from unblur.evaluate.metrics import kernel_similarity
from unblur.io import read_photo
from unblur.motion.network import NetworkEstimator
from unblur.motion.picture import Picture
from unblur.motion.streaks import streak_psf
from unblur.pipeline.gate import NoHarmGate
from unblur.tone import LINEAR

SHARP = sorted((Path(__file__).parents[2] / "examples" / "sharp").glob("*.[jp]*g"))
HOOK = Psf.from_points(
    [(x, abs(x) / 2) for x in np.linspace(-9, 3, 60)] + [(3, y) for y in np.linspace(1.5, 8, 40)]
).centred()


def street(shape=(300, 380), lamps=12, dark=0.06, seed=0) -> FloatArray:
    """A dim picture with lamps (as luma, linear light)."""
    rng = np.random.default_rng(seed)
    scene = ndimage.gaussian_filter(rng.random(shape), 4)
    scene = (dark * (scene - scene.min()) / np.ptp(scene)).astype(np.float32)
    for _ in range(lamps):
        y, x = (int(rng.integers(30, side - 30)) for side in shape)
        scene[y, x] += 12 * rng.uniform(0.4, 2)
    return ndimage.gaussian_filter(scene, 0.8)


def taken(scene, psf=None):
    moved = scene if psf is None else apply_psf(scene[..., None], psf)[..., 0]
    noise = np.random.default_rng(1).normal(0, 0.003, scene.shape)
    return np.clip(moved + noise, 0, 1).astype(np.float32)


def found(luma):
    return streak_psf(lambda y0, x0, y1, x1: luma[y0:y1, x0:x1], luma.shape)


@pytest.mark.parametrize("turn", [0, 1, 2])
def test_lamps_tell_the_psf_and_its_orientation(turn):
    psf = Psf(np.rot90(HOOK.array, turn))
    told = found(taken(street(), psf))
    assert told is not None
    assert kernel_similarity(told, psf) > 0.8
    mirrored = Psf(psf.array[:, ::-1])
    assert kernel_similarity(told, mirrored) < kernel_similarity(told, psf) - 0.2


@pytest.mark.parametrize(
    ("case", "luma"),
    [
        ("sharp lamps", taken(street())),
        ("no lamps", taken(street(lamps=0), HOOK)),
        ("too few", taken(street(lamps=2), HOOK)),
        ("by day", taken(street(dark=0.9), HOOK)),
        ("black", np.zeros((300, 380), np.float32)),
        ("tiny", taken(street((96, 96), lamps=0), HOOK)),
        ("too dim for lamps", 0.06 * taken(street(), HOOK) + 0.01),
    ],
)
def test_nothing_is_told_where_no_lamps_agree(case, luma):
    assert found(luma) is None, case


@pytest.mark.parametrize("path", SHARP, ids=lambda path: path.stem)
@pytest.mark.parametrize("psf", [None, HOOK], ids=["sharp", "moved"])
def test_photos_by_day_have_no_lamps(path, psf):
    light = srgb_to_linear(read_photo(path).srgb())
    assert found(luma(light if psf is None else apply_psf(light, psf))) is None


def test_lamps_that_differ_are_things_and_not_streaks():
    scene, rng = street(lamps=0), np.random.default_rng(3)
    for _ in range(9):
        y, x = (int(rng.integers(40, side - 40)) for side in scene.shape)
        scene[y : y + int(rng.integers(2, 20)), x : x + int(rng.integers(2, 20))] = 1.0
    assert found(taken(scene)) is None


def test_thick_things_that_are_alike_are_no_streaks():
    blob = Psf(np.pad(np.ones((9, 15), np.float32), 1))
    assert found(taken(street(), blob)) is None


def test_lamps_that_stood_still_object_to_cars_that_moved():
    cars = taken(street(lamps=12), HOOK)
    assert found(cars) is not None
    assert found(np.maximum(cars, taken(street(lamps=30, seed=2)))) is None


def test_an_end_in_which_the_camera_dwelt_does_not_come_round_the_grid():
    xs = np.concatenate([np.zeros(60), np.arange(44)])
    lopsided = Psf.from_points(np.stack([xs, np.zeros(104)], axis=1)).centred()
    told = found(taken(street(), lopsided))
    assert told is None or told.length_px() < 46


def test_a_photo_is_told_by_its_lamps_and_nobody_is_asked():
    luma = np.kron(taken(street(), HOOK), np.ones((2, 2), np.float32))

    def detector(luma, *, scale):
        raise AssertionError("the detector was asked")

    picture, gate = Picture(luma[..., None], LINEAR), NoHarmGate(detector)
    estimator = NetworkEstimator(FakeKernelEngine())
    proposed = estimator.propose(picture)
    assert not gate.judge(picture, proposed).sharp
    field = estimator.refine(picture, proposed)
    assert field.uniform
    told = field.windows[0][0]
    assert kernel_similarity(told.psf.scaled(field.scale), HOOK.scaled(2)) > 0.75
    assert proposed.mean_length_px() == pytest.approx(told.psf.length_px())
    assert gate.trust(proposed, field).trust.min() > 0.9


def test_only_the_middle_of_a_large_photo_is_read():
    asked = []

    def read(y0, x0, y1, x1):
        asked.append((y0, x0, y1, x1))
        return np.full((y1 - y0, x1 - x0), 0.02, np.float32)

    assert streak_psf(read, (3000, 4000)) is None
    assert asked == [(988, 1488, 2012, 2512)]
