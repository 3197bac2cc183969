"""The quick estimator: one estimate at one window, for frames that cannot wait."""

from __future__ import annotations

import numpy as np

from unblur.engines.base import Engine
from unblur.motion.field import MotionField
from unblur.motion.kernel import estimate_psfs
from unblur.motion.picture import Picture
from unblur.motion.windows import TELLING, telling_window


class QuickEstimator:
    """KernelNet once, at the window with the most detail; what it says holds for all of the frame.

    See :class:`unblur.motion.estimator.MotionEstimator`.

    Args:
        kernel: runs KernelNet.
    """

    least = TELLING

    def __init__(self, kernel: Engine) -> None:
        self._kernel = kernel

    def propose(self, picture: Picture) -> MotionField:
        """Return the field of one window; its middle is where the motion was estimated."""
        self.least.check(picture.shape)
        flat = picture.luma(0, 0, *picture.shape)
        y0, x0, y1, x1 = telling_window(flat)
        window = np.ascontiguousarray(flat[y0:y1, x0:x1])
        estimate = estimate_psfs([window], self._kernel)[0]
        middle = ((y0 + y1) / 2,), ((x0 + x1) / 2,)
        return MotionField(picture.shape, 1, *middle, ((estimate,),), uniform=True)

    def refine(self, picture: Picture, field: MotionField) -> MotionField:
        """Return the field as it is."""
        return field
