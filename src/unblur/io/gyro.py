"""Recorded gyroscopes: what a log or a clip's own track says of how the camera turned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unblur.errors import UnreadableImage

MOST_ROWS = 8_000_000
"""More samples than two hours at 1 kHz are refused: they would fill the memory."""

FEWEST_ROWS = 4

RATES_HZ = (20.0, 50_000.0)
"""Slower logs cannot show an exposure, faster ones have wrong units."""

_FASTEST = 60.0
"""rad/s: faster than any gyroscope of a camera measures; the log's scale is wrong."""


@dataclass(frozen=True, eq=False)
class GyroLog:
    """How a camera turned while it filmed.

    Attributes:
        times_s: (T,) rising, s on the clip's clock: 0 is its first frame.
        omega: (T, 3) rad/s about the camera's axes: x right, y down, z forward, right-handed.
        readout_s: from the first line's exposure to the last one's; None where it is not told.
        direction: of the read-out: 0 down, 1 up, 2 to the right, 3 to the left.
        exposures: (times_s, exposure_s) of the frames, both (F,); None where it is not told.
        focal_ratio: focal length over the picture's diagonal; None where it is not told.
    """

    times_s: NDArray[np.float64]
    omega: NDArray[np.float64]
    readout_s: float | None = None
    direction: int = 0
    exposures: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
    focal_ratio: float | None = None

    @property
    def rate_hz(self) -> float:
        """Samples per second, on average."""
        return (len(self.times_s) - 1) / float(self.times_s[-1] - self.times_s[0])


def checked(log: GyroLog, name: str) -> GyroLog:
    """Return a log as it is if its samples make sense.

    Raises:
        UnreadableImage: too few or too many samples, times that do not rise, rates or speeds
            beyond those of gyroscopes, numbers that are none.
    """
    times, omega = log.times_s, log.omega
    if not FEWEST_ROWS <= len(times) <= MOST_ROWS:
        raise UnreadableImage(
            f"{name} holds {len(times)} gyroscope samples; {FEWEST_ROWS} to {MOST_ROWS} are read"
        )
    if not (np.isfinite(times).all() and np.isfinite(omega).all()):
        raise UnreadableImage(f"{name} holds gyroscope samples that are no numbers")
    if not (np.diff(times) > 0).all():
        row = int(np.flatnonzero(np.diff(times) <= 0)[0]) + 2
        raise UnreadableImage(f"the times of {name} must rise; they do not at sample {row}")
    if not RATES_HZ[0] <= log.rate_hz <= RATES_HZ[1]:
        raise UnreadableImage(
            f"{name} has {log.rate_hz:g} samples/s; {RATES_HZ[0]:g} to {RATES_HZ[1]:g} are "
            "expected: check its unit of time (tscale)"
        )
    if float(np.abs(omega).max()) > _FASTEST:
        raise UnreadableImage(
            f"{name} tells of {np.abs(omega).max():.3g} rad/s, more than gyroscopes measure: "
            "check its scale (gscale)"
        )
    return log


def in_camera(values: NDArray[np.float64], letters: str) -> NDArray[np.float64]:
    """Return samples about the camera's axes (x right, y down, z forward).

    Args:
        values: (T, 3) as stored.
        letters: for each stored column the direction of its axis: U up, L left, B back; small
            letters for the opposite.
    """
    axes = {"U": (1, -1.0), "L": (0, -1.0), "B": (2, -1.0)}
    out = np.zeros_like(values)
    for column, letter in enumerate(letters):
        axis, sign = axes[letter.upper()]
        out[:, axis] += (sign if letter.isupper() else -sign) * values[:, column]
    return out
