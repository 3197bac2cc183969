"""The estimator that reads one window: for frames that cannot wait, and for training's samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from unblur.engines.base import Engine
from unblur.motion.field import MotionField
from unblur.motion.kernel import estimate_psfs
from unblur.motion.params import MOTION, MotionParams
from unblur.motion.picture import Picture
from unblur.motion.refinement import refine_shared
from unblur.motion.tone_estimate import estimate_tone
from unblur.motion.windows import TELLING, telling_window
from unblur.runtime import ALL_THREADS, Runtime
from unblur.tone import Tone


class WindowEstimator:
    """KernelNet at one window, without pyramid or streaks; what it says holds for all the picture.

    See :class:`unblur.motion.estimator.MotionEstimator`.

    Args:
        kernel: runs KernelNet.
        fuse: runs FuseNet; without it a proposed field is not refined.
        telling: whether the window is the one of 256 px with the most detail; otherwise all of the
            picture is one window, however large.
        rounds: estimates, each with the PSF of the one before at hand.
        params: of refining.
        runtime: says how many searches are worked on at the same time.
    """

    least = TELLING

    def __init__(
        self,
        kernel: Engine,
        fuse: Engine | None = None,
        *,
        telling: bool = False,
        rounds: int = 1,
        params: MotionParams = MOTION,
        runtime: Runtime = ALL_THREADS,
    ) -> None:
        self._kernel, self._fuse = kernel, fuse
        self._telling, self._rounds = telling, rounds
        self._params, self._runtime = params, runtime

    def propose(self, picture: Picture) -> MotionField:
        """Return the field of the one window; its middle is where the motion was estimated.

        Raises:
            ShapeMismatch: the picture is too small.
        """
        self.least.check(picture.shape)
        flat = picture.luma(0, 0, *picture.shape)
        y0, x0, y1, x1 = telling_window(flat) if self._telling else (0, 0, *picture.shape)
        window = np.ascontiguousarray(flat[y0:y1, x0:x1])
        (estimate,) = estimate_psfs(
            [window], self._kernel, rounds=self._rounds, runtime=self._runtime
        )
        middle = ((y0 + y1) / 2,), ((x0 + x1) / 2,)
        return MotionField(picture.shape, 1, *middle, ((estimate,),), uniform=True)

    def refine(self, picture: Picture, field: MotionField) -> MotionField:
        """Return the field searched and fused, as a photo's is; as it is without FuseNet."""
        if self._fuse is None:
            return field
        flat = picture.luma(0, 0, *picture.shape)
        window = field.windows[0][0]
        shared = refine_shared(
            lambda y0, x0, y1, x1: flat[y0:y1, x0:x1],
            picture.shape,
            window.psf,
            self._kernel,
            self._fuse,
            tone=picture.tone,
            params=self._params,
            runtime=self._runtime,
        )
        refined = replace(
            window,
            psf=shared.psf,
            confidence=shared.confidence,
            fused_confidence=shared.fused_confidence,
        )
        return replace(field, windows=((refined,),))

    def tone(self, picture: Picture, field: MotionField) -> Tone:
        """Return the tone curve that explains a blurry picture best."""
        return estimate_tone(picture, scale=field.scale)
