"""Paths of the camera and of objects through the exposures of a clip, in px."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unblur.blur.trajectory import GyroTrace, Points

STEPS = 48
"""Time steps per frame interval."""

Steps = NDArray[np.intp]
"""Numbers of time steps."""


def exposure(frame: int, duty: float) -> Steps:
    """Return the time steps in which the shutter of a frame is open; at least two."""
    first = frame * STEPS
    return np.arange(first, first + max(2, round(duty * STEPS)))


def scaled(path: Points, travel_px: float, frames: int) -> Points:
    """Return a path scaled to a mean way per frame interval, its box about the origin."""
    path = path - (path.max(axis=0) + path.min(axis=0)) / 2
    way = float(np.hypot(*np.diff(path, axis=0).T).sum())
    return np.asarray(path * (travel_px * frames / max(way, 1e-9)))


def room_needed(path: Points, frames: int, duty: float) -> float:
    """Return the margin that a path and its blur need, px."""
    needed = 0.0
    for k in range(frames):
        part = path[exposure(k, duty)]
        offset = part.mean(axis=0)
        needed = max(needed, float((np.abs(offset) + np.abs(part - offset).max()).max()))
    return needed


def resampled(path: Points, count: int) -> Points:
    """Return a path in another number of even time steps."""
    old = np.linspace(0, 1, len(path))
    new = np.linspace(0, 1, count)
    return np.stack([np.interp(new, old, path[:, i]) for i in (0, 1)], axis=1)


def hurried(path: Points, frames: int, rng: np.random.Generator) -> Points:
    """Return a path that rests in some frames and hurries in others."""
    pace = np.exp(rng.normal(0, 1.2, frames + 1))
    pace[rng.random(frames + 1) < 0.2] = 0.0
    clock = np.cumsum(np.interp(np.linspace(0, frames, len(path)), np.arange(frames + 1), pace))
    clock = (clock - clock[0]) / max(float(np.ptp(clock)), 1e-9)
    old = np.linspace(0, 1, len(path))
    return np.stack([np.interp(clock, old, path[:, i]) for i in (0, 1)], axis=1)


def recorded(trace: GyroTrace, seconds: float, rng: np.random.Generator) -> Points:
    """Return a random stretch of a recorded hand, turned and mirrored at random."""
    rows = int(np.clip(round(seconds * trace.rate_hz), 4, len(trace.omega) - 1))
    start = int(rng.integers(0, len(trace.omega) - rows))
    angles = np.cumsum(trace.omega[start : start + rows, :2], axis=0)
    turn = rng.uniform(0, 2 * np.pi)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix[:, 0] *= rng.choice([-1, 1])
    return np.asarray(angles @ matrix.T)
