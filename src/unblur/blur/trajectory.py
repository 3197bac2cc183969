"""How a hand-held camera moves while the shutter is open.

Everything here is in *camera angles* (rad) or in *pixels*, explicit in the names; the random
generator is always an argument. Paths are sampled densely in time, so the time spent at a
place is the number of samples there.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unblur.arrays import read_table
from unblur.errors import BadValue, UnreadableImage

Points = NDArray[np.float64]

SAMPLES = 256
"""Time steps per exposure."""


_FEWEST_ROWS = 100
_EXPOSURE_S = (0.04, 0.22)
"""Exposure times in which a hand shakes visibly."""


@dataclass(frozen=True)
class GyroTrace:
    """A recorded angular velocity of a hand-held camera.

    Attributes:
        rate_hz: samples per second.
        omega: (T, 3) rad/s about x, y and the optical axis z.
    """

    rate_hz: float
    omega: NDArray[np.float64]


def load_gyro(path: Path) -> GyroTrace:
    """Read a text file of rows ``t_ns wx wy wz``.

    Raises:
        UnreadableImage: the file is missing or not such a table.
    """
    try:
        rows = read_table(path)
    except BadValue as error:
        raise UnreadableImage(
            f"cannot read gyroscope rows 't_ns wx wy wz' of {path}: {error}"
        ) from error
    if rows.ndim != 2 or rows.shape[1] < 4 or len(rows) < _FEWEST_ROWS:
        raise UnreadableImage(
            f"{path} must hold at least {_FEWEST_ROWS} rows 't_ns wx wy wz', got {rows.shape}"
        )
    if not (np.isfinite(rows).all() and (np.diff(rows[:, 0]) > 0).all()):
        raise UnreadableImage(f"{path} must hold finite numbers with rising times")
    seconds = (rows[:, 0] - rows[0, 0]) * 1e-9
    return GyroTrace(rate_hz=float((len(rows) - 1) / seconds[-1]), omega=rows[:, 1:4])


def tremor(rng: np.random.Generator) -> Points:
    """Return a path of hand tremor: inertia, rests, impulses and a slow drift.

    A point mass is pushed by white noise and by rare impulses, pulled back to where the
    photographer aims, and slowed by friction; parameters are drawn anew for each path, from
    nearly straight to wildly curled ones.

    Returns:
        (SAMPLES, 2) offsets (x, y) of unit scale (largest distance between two points is 1).

    Reference:
        The kind of model of Boracchi and Foi, Modeling the performance of image restoration
        from motion blur, IEEE TIP 2012, doi:10.1109/TIP.2012.2192126; own formulation.
    """
    friction = rng.uniform(0.0, 0.25) ** 1.5
    spring = 10 ** rng.uniform(-4.0, -2.2)
    jitter = 10 ** rng.uniform(-2.2, -0.3)
    impulse_rate = rng.choice([0.0, 1.0, 3.0]) / SAMPLES
    velocity = _unit(rng)
    noise = rng.standard_normal((SAMPLES, 2)) * jitter
    kicks = rng.random(SAMPLES) < impulse_rate
    position = np.zeros(2)
    path = np.empty((SAMPLES, 2))
    for t in range(SAMPLES):
        path[t] = position
        velocity = velocity * (1 - friction * 0.1) + noise[t] * 0.3 - spring * position
        if kicks[t]:
            velocity = velocity * rng.uniform(-1, 0.5) + _unit(rng) * rng.uniform(0.5, 2.0)
        position = position + velocity
    return unit_diameter(_with_rests(path, rng))


def gyro_path(trace: GyroTrace, rng: np.random.Generator) -> Points:
    """Return the path of a random stretch of a recorded hand, rotated and mirrored at random.

    Returns:
        (SAMPLES, 2) offsets of unit scale, as :func:`tremor`.
    """
    wanted = round(float(rng.uniform(*_EXPOSURE_S)) * trace.rate_hz)
    rows = int(np.clip(wanted, 2, len(trace.omega) - 1))
    start = int(rng.integers(0, len(trace.omega) - rows))
    angles = np.cumsum(trace.omega[start : start + rows, :2], axis=0)
    times = np.linspace(0, rows - 1, SAMPLES)
    path = np.stack([np.interp(times, np.arange(rows), angles[:, i]) for i in (0, 1)], axis=1)
    turn = rng.uniform(0, 2 * np.pi)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix[:, 0] *= rng.choice([-1, 1])
    return unit_diameter(np.asarray(path @ matrix.T))


def line(rng: np.random.Generator) -> Points:
    """Return a nearly straight path at nearly steady speed: panning, or a passing object."""
    t = np.linspace(-0.5, 0.5, SAMPLES)
    bend = rng.normal(0, 0.08) if rng.random() < 0.5 else 0.0
    speed = t + rng.uniform(-0.3, 0.3) * (t**2)
    direction = _unit(rng)
    normal = np.array([-direction[1], direction[0]])
    return unit_diameter(speed[:, None] * direction + bend * (4 * t[:, None] ** 2) * normal)


def unit_diameter(path: Points) -> Points:
    """Return the path scaled so that its two farthest points are 1 apart, mean at the origin."""
    angles = np.deg2rad(np.arange(0, 180, 6))
    projections = path @ np.stack([np.cos(angles), np.sin(angles)])
    diameter = float(np.ptp(projections, axis=0).max())
    return np.asarray((path - path.mean(axis=0)) / max(diameter, 1e-9))


def _with_rests(path: Points, rng: np.random.Generator) -> Points:
    """Slow the path down at random places, as a hand does where it turns."""
    if rng.random() < 0.4:
        return path
    pace = np.exp(rng.normal(0, rng.uniform(0.2, 1.0), 6))
    rate = np.interp(np.linspace(0, 5, SAMPLES), np.arange(6), pace)
    clock = np.cumsum(rate)
    clock = (clock - clock[0]) / (clock[-1] - clock[0]) * (SAMPLES - 1)
    return np.stack([np.interp(clock, np.arange(SAMPLES), path[:, i]) for i in (0, 1)], axis=1)


def _unit(rng: np.random.Generator) -> NDArray[np.float64]:
    angle = rng.uniform(0, 2 * np.pi)
    return np.array([np.cos(angle), np.sin(angle)])
