"""The quick estimator: one estimate at one window, for frames that cannot wait."""

from __future__ import annotations

import numpy as np

from unblur.color import FloatArray
from unblur.engines.base import Engine
from unblur.errors import ShapeMismatch
from unblur.motion.features import WINDOW
from unblur.motion.field import MotionField
from unblur.motion.kernel import estimate_psfs
from unblur.motion.network import MIN_SIDE
from unblur.motion.picture import Picture


class QuickEstimator:
    """KernelNet once, at the window with the most detail; what it says holds for all of the frame.

    See :class:`unblur.motion.estimator.MotionEstimator`.

    Args:
        kernel: runs KernelNet.
    """

    least_px = MIN_SIDE

    def __init__(self, kernel: Engine) -> None:
        self._kernel = kernel

    def propose(self, picture: Picture) -> MotionField:
        """Return the field of one window; its middle is where the motion was told."""
        height, width = picture.shape
        if min(height, width) < self.least_px:
            raise ShapeMismatch(
                f"motion can be told of pictures with sides of at least {self.least_px} px, got "
                f"{width} x {height}"
            )
        flat = picture.luma(0, 0, height, width)
        y0, x0, y1, x1 = telling_window(flat)
        window = np.ascontiguousarray(flat[y0:y1, x0:x1])
        estimate = estimate_psfs([window], self._kernel)[0]
        middle = ((y0 + y1) / 2,), ((x0 + x1) / 2,)
        return MotionField(picture.shape, 1, *middle, ((estimate,),), uniform=True)

    def refine(self, picture: Picture, field: MotionField) -> MotionField:
        """Return the field as it is."""
        return field


def telling_window(flat: FloatArray) -> tuple[int, int, int, int]:
    """Return ``(y0, x0, y1, x1)`` of the part of a frame's luma with the most detail.

    Args:
        flat: (H, W) float32, linear light.

    Returns:
        A window of 256 px a side, less where the frame is smaller.
    """
    sides = tuple(min(side, WINDOW) for side in flat.shape)
    steps = np.abs(np.diff(flat[::2], axis=1))
    starts = [
        sorted({round(k * (full - side) / 2) for k in range(3)})
        for full, side in zip(flat.shape, sides, strict=True)
    ]
    places = [(y, x) for y in starts[0] for x in starts[1]]
    # The middle comes first among equals: that is where people aim.
    places.sort(key=lambda p: abs(p[0] - starts[0][-1] / 2) + abs(p[1] - starts[1][-1] / 2))
    detail = [
        float(steps[y // 2 : (y + sides[0]) // 2, x : x + sides[1]].mean()) for y, x in places
    ]
    y, x = places[int(np.argmax(detail))]
    return y, x, y + sides[0], x + sides[1]
