"""The estimator of a picture that is one window: what training estimates its samples with."""

from __future__ import annotations

from dataclasses import replace

from unblur.engines.base import Engine
from unblur.motion.field import MotionField
from unblur.motion.kernel import estimate_psfs
from unblur.motion.params import MOTION, MotionParams
from unblur.motion.picture import Picture
from unblur.motion.refinement import refine_shared
from unblur.motion.windows import TELLING
from unblur.runtime import ALL_THREADS, Runtime


class WindowEstimator:
    """KernelNet on the picture as it is, without pyramid, streaks or other windows.

    See :class:`unblur.motion.estimator.MotionEstimator`.

    Args:
        kernel: runs KernelNet.
        fuse: runs FuseNet; without it a proposed field is not refined.
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
        rounds: int = 1,
        params: MotionParams = MOTION,
        runtime: Runtime = ALL_THREADS,
    ) -> None:
        self._kernel, self._fuse, self._rounds = kernel, fuse, rounds
        self._params, self._runtime = params, runtime

    def propose(self, picture: Picture) -> MotionField:
        """Return the field of the one window.

        Raises:
            ShapeMismatch: the picture is too small.
        """
        height, width = picture.shape
        self.least.check(picture.shape)
        flat = picture.luma(0, 0, height, width)
        estimate = estimate_psfs([flat], self._kernel, rounds=self._rounds, runtime=self._runtime)[
            0
        ]
        return MotionField(
            picture.shape, 1, (height / 2,), (width / 2,), ((estimate,),), uniform=True
        )

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
