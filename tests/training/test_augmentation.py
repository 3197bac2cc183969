"""Turning and mirroring samples is turning and mirroring photos; targets follow their PSFs."""

import numpy as np
import pytest

from tests.motion.test_features import boxes
from tests.training.tiny import TINY
from unblur.blur import Pair, Psf, apply_psf
from unblur.blur.camera import Camera
from unblur.blur.synthesis import disc_psf
from unblur.motion.dihedral import mirrored, self_ensemble, transposed
from unblur.motion.features import MAP_NAMES, motion_features
from unblur.motion.frequency import GRID
from unblur.motion.light import standardised
from unblur.training.registry import task_of
from unblur.training.targets import class_of, targets_of

BENT = Psf.from_points(
    [(x, -0.2 * x) for x in range(-7, 9)] + [(8, y) for y in range(-2, 4)], size=23
)
KEYS = ("maps", "pooled", "psf", "targets", "pixels")


def pair_of(psf, kind="shake"):
    nothing = np.zeros((4, 5, 3), np.float32)
    return Pair(blurry=nothing, sharp=nothing, psfs=((psf,),), kind=kind, camera=Camera())


def sample(window, psf):
    features = motion_features(np.ascontiguousarray(window))
    return {
        "maps": features.maps[None],
        "pooled": features.pooled[None],
        "pixels": standardised(window)[None, None],
        "psf": psf.embedded(GRID)[None],
        "targets": targets_of(pair_of(psf))[None],
    }


@pytest.fixture(scope="module")
def window():
    sharp = boxes(256, 256, seed=3) + 0.02 * boxes(256, 256, seed=4)
    return apply_psf(sharp[..., None], BENT)[..., 0]


def mirror(batch):
    return mirrored(batch, MAP_NAMES)


def transpose(batch):
    return transposed(batch, MAP_NAMES)


@pytest.mark.parametrize("word", ["m", "t", "mt", "tm", "mtm", "tmt", "tmtm"])
def test_a_turned_sample_is_the_sample_of_the_turned_photo(window, word):
    ours = sample(window, BENT)
    turned, psf = window, BENT.array
    for letter in word:
        ours = (mirror if letter == "m" else transpose)(ours)
        turned, psf = (a[:, ::-1] if letter == "m" else a.T for a in (turned, psf))
    theirs = sample(turned, Psf(psf))
    for name, a, b in zip(MAP_NAMES, ours["maps"][0], theirs["maps"][0], strict=True):
        assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.95, name
    np.testing.assert_allclose(ours["psf"], theirs["psf"], atol=1e-6)
    np.testing.assert_allclose(ours["targets"], theirs["targets"], atol=1e-4)
    np.testing.assert_allclose(ours["pooled"], theirs["pooled"], atol=1e-3)
    np.testing.assert_allclose(ours["pixels"], theirs["pixels"], atol=1e-4)


def test_the_law_is_not_kept_by_an_unturned_sample(window):
    plain = sample(window, BENT)
    for turned, psf in ((window[:, ::-1], BENT.array[:, ::-1]), (window.T, BENT.array.T)):
        other = sample(turned, Psf(psf))
        for a, b in zip(plain["maps"][0], other["maps"][0], strict=True):
            assert np.corrcoef(a.ravel(), b.ravel())[0, 1] < 0.95
        assert np.abs(plain["targets"] - other["targets"]).max() > 0.1


@pytest.mark.parametrize("act", [mirror, transpose], ids=["mirror", "transpose"])
def test_twice_is_nothing(window, act):
    once = sample(window, BENT)
    twice = act(act(once))
    for key in KEYS:
        np.testing.assert_array_equal(twice[key], once[key])


def test_all_eight_turns_are_drawn_and_targets_follow_the_psf(window):
    task = task_of(TINY)
    stored = {key: value.astype(np.float16) for key, value in sample(window, BENT).items()}
    kept = {key: value.copy() for key, value in stored.items()}
    seen = set()
    for seed in range(60):
        turned = task.augment(stored, np.random.default_rng(seed))
        assert all(value.dtype == np.float32 for value in turned.values())
        seen.add(turned["psf"].tobytes())
        angle = np.deg2rad(2 * Psf(turned["psf"][0][1:, 1:]).angle_deg())
        np.testing.assert_allclose(
            turned["targets"][0, 2:4], (np.cos(angle), np.sin(angle)), atol=5e-3
        )
        np.testing.assert_array_equal(
            turned["targets"][0, [0, 1, 4]], kept["targets"].astype(np.float32)[0, [0, 1, 4]]
        )
    assert len(seen) == 8
    for key in KEYS:
        np.testing.assert_array_equal(stored[key], kept[key])


@pytest.mark.parametrize("angle", [0, 30, 90, 135, 170])
def test_targets_tell_length_direction_and_straightness(angle):
    blurred, length, cos, sin, straight = targets_of(pair_of(Psf.from_line(16, angle)))
    assert blurred == 1
    assert length == pytest.approx(4, abs=0.12)
    double = np.deg2rad(2 * angle)
    np.testing.assert_allclose((cos, sin), (np.cos(double), np.sin(double)), atol=0.05)
    assert straight > 0.85


def test_targets_of_what_is_not_motion():
    line = Psf.from_line(12, 30)
    for kind, psf in (("sharp", Psf.delta(3)), ("defocus", line), ("shake", Psf.delta())):
        targets = targets_of(pair_of(psf, kind))
        assert targets[0] == 0 and targets[4] == 0
        assert np.isfinite(targets).all()
    assert targets_of(pair_of(disc_psf(5), "shake"))[4] < 0.05


@pytest.mark.parametrize(
    ("kind", "number"),
    [("sharp", 0), ("shallow", 0), ("shake", 1), ("line", 1), ("rotation", 1), ("defocus", 2)],
)
def test_every_kind_has_its_class(kind, number):
    assert class_of(pair_of(Psf.delta(), kind)) == number


def test_each_sample_of_a_batch_is_turned_on_its_own(window):
    one = sample(window, BENT)
    batch = {key: np.concatenate([value] * 24) for key, value in one.items()}
    turned = task_of(TINY).augment(batch, np.random.default_rng(0))
    assert len({psf.tobytes() for psf in turned["psf"]}) > 4


def test_the_mean_of_all_turns_is_what_a_network_that_turns_alike_says_at_once(window):
    features = motion_features(np.ascontiguousarray(window))

    def alike(maps, pooled):
        return maps[:, MAP_NAMES.index("cepstrum")], np.zeros((len(maps), 5))

    found, _ = self_ensemble(alike, features.maps, features.pooled, MAP_NAMES)
    np.testing.assert_allclose(found, features.maps[MAP_NAMES.index("cepstrum")], atol=1e-6)


def test_the_mean_of_all_turns_evens_out_what_a_network_says_of_one_side(window):
    features = motion_features(np.ascontiguousarray(window))

    def lopsided(maps, pooled):
        psfs = np.zeros((len(maps), GRID, GRID), np.float32)
        psfs[:, GRID // 2 + 3, GRID // 2 - 5] = 1
        return psfs, np.tile(np.arange(5.0), (len(maps), 1))

    found, sure = self_ensemble(lopsided, features.maps, features.pooled, MAP_NAMES)
    middle = GRID // 2
    assert sure == 1
    assert (found > 0).sum() == 8 and found[middle - 5, middle + 3] == pytest.approx(1 / 8)
