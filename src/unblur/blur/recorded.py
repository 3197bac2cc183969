"""PSFs of a recorded camera path: what each point drew while the shutter was open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unblur.blur.psf import Psf

Array = NDArray[np.float64]

STEPS = 129
"""Moments of an exposure, odd so that one is its middle."""

_PER_PX = 4
"""Moments for each px of a trail, so that bilinear points leave no gaps."""

_MOST_STEPS = 1025


@dataclass(frozen=True, eq=False)
class RecordedPath:
    """How a camera turned, and how that moves the picture.

    Attributes:
        times_s: (T,) rising.
        omega: (T, 3) rad/s about the camera's axes: x right, y down, z forward, right-handed.
        focal_px: (x, y) of a lens without distortion.
    """

    times_s: Array
    omega: Array
    focal_px: tuple[float, float]

    def covers(self, begin_s: float, end_s: float) -> bool:
        """Return whether the path is known between two moments, without gaps.

        A gap is a pause of eight times the mean distance of samples.
        """
        first, last = np.searchsorted(self.times_s, (begin_s, end_s))
        if first == 0 or last == len(self.times_s):
            return bool(
                self.times_s[0] <= begin_s and end_s <= self.times_s[-1] and len(self.times_s) > 1
            )
        around = self.times_s[first - 1 : last + 1]
        mean = (self.times_s[-1] - self.times_s[0]) / (len(self.times_s) - 1)
        return bool(np.diff(around).max() <= 8 * mean)

    def trails(
        self, places_px: Array, middles_s: Array, exposure_s: float, *, steps: int = STEPS
    ) -> Array:
        """Return what points of the picture drew, about the means of their trails.

        Args:
            places_px: (N, 2) points (x, y) px from the optical axis, at the middle of their
                exposures.
            middles_s: (N,) middles of their exposures.
            exposure_s: how long each was exposed.
            steps: odd number of moments.

        Returns:
            (N, steps, 2) offsets (x, y) px, x right, y down.
        """
        poses = self._poses(middles_s, exposure_s, steps)
        focal = np.array(self.focal_px)
        rays = np.concatenate([places_px / focal, np.ones((len(places_px), 1))], axis=1)
        # A point that stands still is seen by the turned camera along the ray turned back.
        seen = np.einsum("nkji,nj->nki", poses, rays)
        depth = np.maximum(seen[..., 2:], 0.05)
        drawn = seen[..., :2] / depth * focal
        return np.asarray(drawn - drawn.mean(axis=1, keepdims=True))

    def psfs(self, places_px: Array, middles_s: Array, exposure_s: float) -> list[Psf]:
        """Return the PSFs of points of the picture, centroids on their centres; see :meth:`trails`.

        Reference:
            Whyte, Sivic, Zisserman, Ponce, Non-uniform deblurring for shaken images, CVPR 2010
            (rotations of a camera as homographies); the formulation is our own.
        """
        drawn = self.trails(places_px, middles_s, exposure_s)
        way = float(np.hypot(*np.diff(drawn, axis=1).T).sum(axis=0).max())
        if way * _PER_PX > STEPS:
            steps = min(_MOST_STEPS, 2 * int(way * _PER_PX / 2) + 1)
            drawn = self.trails(places_px, middles_s, exposure_s, steps=steps)
        return [Psf.from_points(points) for points in drawn]

    def _poses(self, middles_s: Array, exposure_s: float, steps: int) -> Array:
        """Return rotations from the camera at each moment to the one in the middle.

        Returns:
            (N, steps, 3, 3); the middle one is the identity.
        """
        step_s = exposure_s / steps
        moments = (np.arange(steps) - steps // 2) * step_s
        # Between two moments the camera turns as fast as half way between them.
        between = middles_s[:, None] + moments[None, :-1] + step_s / 2
        speed = np.stack(
            [np.interp(between, self.times_s, self.omega[:, axis]) for axis in range(3)], axis=-1
        )
        turns = rotations(speed * step_s)
        poses = np.empty((len(middles_s), steps, 3, 3))
        middle = steps // 2
        poses[:, middle] = np.eye(3)
        for k in range(middle, steps - 1):
            poses[:, k + 1] = poses[:, k] @ turns[:, k]
        for k in range(middle, 0, -1):
            poses[:, k - 1] = poses[:, k] @ turns[:, k - 1].swapaxes(1, 2)
        return poses


def rotations(vectors: Array) -> Array:
    """Return the rotations about vectors by their lengths, rad (Rodrigues' formula).

    Args:
        vectors: (..., 3).

    Returns:
        (..., 3, 3).
    """
    angle = np.linalg.norm(vectors, axis=-1)[..., None, None]
    x, y, z = np.moveaxis(vectors, -1, 0)
    zero = np.zeros_like(x)
    cross = np.stack(
        [np.stack([zero, -z, y], -1), np.stack([z, zero, -x], -1), np.stack([-y, x, zero], -1)], -2
    )
    slow = np.sinc(angle / np.pi)
    turned = 0.5 * np.sinc(angle / (2 * np.pi)) ** 2
    return np.asarray(np.eye(3) + slow * cross + turned * (cross @ cross))
