"""PSFs of recorded paths, against a camera that is turned by independent code."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from unblur.blur.psf import Psf
from unblur.blur.recorded import RecordedPath, rotations
from unblur.evaluate.metrics import kernel_similarity

FOCAL = (900.0, 850.0)


def shaken(seed, *, rate_hz=400.0, seconds=1.0, strength=0.6):
    """Return a path of smooth turns about all axes as a function of time, and its log."""
    rng = np.random.default_rng(seed)
    frequencies = rng.uniform(2, 14, (3, 6))
    phases = rng.uniform(0, 2 * np.pi, (3, 6))
    heights = rng.normal(size=(3, 6)) * strength / np.sqrt(6)

    def omega(times):
        waves = np.sin(2 * np.pi * frequencies * np.asarray(times)[..., None, None] + phases)
        return (heights * waves).sum(axis=-1)

    times = np.arange(0, seconds, 1 / rate_hz)
    return omega, times


def true_psf(omega, place, middle_s, exposure_s, focal=FOCAL):
    """Draw what a point leaves behind, with SciPy's rotations in 1200 steps."""
    count = 1201
    moments = middle_s + (np.arange(count) / (count - 1) - 0.5) * exposure_s
    step = moments[1] - moments[0]
    turns = Rotation.from_rotvec(omega(moments[:-1] + step / 2) * step).as_matrix()
    poses = [np.eye(3)]
    for turn in turns:
        poses.append(poses[-1] @ turn)
    world = poses[count // 2] @ np.array([place[0] / focal[0], place[1] / focal[1], 1.0])
    seen = np.array([pose.T @ world for pose in poses])
    points = seen[:, :2] / seen[:, 2:] * focal
    return Psf.from_points(points - points.mean(axis=0))


@pytest.mark.parametrize("seed", range(4))
def test_every_place_draws_what_a_turned_camera_sees(seed):
    omega, times = shaken(seed)
    path = RecordedPath(times, omega(times), FOCAL)
    places = np.array([(0.0, 0.0), (400.0, -250.0), (-380.0, 240.0)])
    middles = np.array([0.41, 0.40, 0.43])
    for psf, place, middle in zip(path.psfs(places, middles, 0.03), places, middles, strict=True):
        true = true_psf(omega, place, middle, 0.03)
        assert kernel_similarity(psf, true) > 0.985
        assert psf.length_px() > 3
        assert np.hypot(*psf.centroid()) < 0.05


def test_directions_are_those_of_the_picture():
    """A camera that pans right leaves trails to the left: the point moves left over time."""
    times = np.arange(0, 1, 0.005)
    still, speed = np.zeros_like(times), np.full_like(times, 0.5)
    middle, exposure = np.array([0.5]), 0.02
    for omega, drawn in [
        ((still, speed, still), (-9.0, 0.0)),  # about the axis down: a pan to the right
        ((speed, still, still), (0.0, 9.0)),  # about the axis to the right: a tilt up
    ]:
        path = RecordedPath(times, np.stack(omega, axis=1), (900.0, 900.0))
        trail = path.trails(np.zeros((1, 2)), middle, exposure)[0]
        assert trail[-1] - trail[0] == pytest.approx(np.array(drawn), abs=0.15)
    roll = RecordedPath(times, np.stack((still, still, speed), axis=1), (900.0, 900.0))
    trail = roll.trails(np.array([[300.0, 0.0]]), middle, exposure)[0]
    # A camera that rolls clockwise sees the scene turn the other way: the right side goes up.
    assert trail[-1] - trail[0] == pytest.approx(np.array((0.0, -3.0)), abs=0.05)


def test_long_trails_have_no_gaps():
    times = np.arange(0, 1, 0.005)
    omega = np.stack([np.zeros(200), np.full(200, 3.0), np.zeros(200)], axis=1)
    (psf,) = RecordedPath(times, omega, (900.0, 900.0)).psfs(
        np.zeros((1, 2)), np.array([0.5]), 0.02
    )
    line = psf.array.sum(axis=0)
    inside = line[line > 0][2:-2]
    assert psf.length_px() == pytest.approx(53, abs=1.5)
    assert inside.max() < 1.2 * inside.min()


def test_what_is_covered():
    times = np.concatenate([np.arange(0, 0.5, 0.005), np.arange(0.7, 1, 0.005)])
    path = RecordedPath(times, np.zeros((len(times), 3)), FOCAL)
    assert path.covers(0.1, 0.2) and path.covers(0.8, 0.9) and path.covers(0.0, 0.1)
    assert not path.covers(0.45, 0.75) and not path.covers(0.55, 0.6)
    assert not path.covers(-0.1, 0.1) and not path.covers(0.9, 1.2)


def test_rotations_are_those_of_scipy():
    vectors = np.random.default_rng(1).normal(size=(5, 7, 3)) * 2
    vectors[0, 0] = 0
    expected = Rotation.from_rotvec(vectors.reshape(-1, 3)).as_matrix().reshape(5, 7, 3, 3)
    assert np.allclose(rotations(vectors), expected, atol=1e-12)
