"""The estimator of the shipped networks: KernelNet, searches, FuseNet; light streaks at night.

The picture is looked at at a small size first; as long as the motion found is short enough, at
twice the size, down to the picture itself. Windows all over it are estimated and reconciled: that
is proposed. Refining estimates again with a PSF at hand, searches, fuses, and tells apart whether
one PSF serves all of the picture or the camera rolled. What light streaks have drawn at night
comes before anything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from unblur.blur.psf import Psf
from unblur.color import FloatArray
from unblur.engines.base import Engine
from unblur.motion.field import (
    MotionField,
    carried_up,
    mean_of_windows,
    places,
    reconcile,
    visibility,
)
from unblur.motion.first_look import first_look
from unblur.motion.judge import Judge
from unblur.motion.kernel import Observed, estimate_psfs
from unblur.motion.local import LocalEstimate, local_estimates
from unblur.motion.motion_map import MotionMap, read_map
from unblur.motion.params import MOTION, MotionParams, RollParams
from unblur.motion.picture import Picture
from unblur.motion.psf_estimate import PsfEstimate
from unblur.motion.pyramid import Pyramid, window_starts
from unblur.motion.refinement import SharedEstimate, finer, refine_shared, refine_windows
from unblur.motion.roll import neighbours_explain_better
from unblur.motion.streaks import drawn_by_streaks
from unblur.motion.told_gain import gains_more, told_gains
from unblur.motion.tone_estimate import estimate_tone
from unblur.motion.windows import TELLING, Box
from unblur.runtime import ALL_THREADS, Runtime
from unblur.tone import Tone


@dataclass(frozen=True, eq=False)
class Proposal(MotionField):
    """A proposed field, with the work that refining it begins with.

    Attributes:
        pyramid: the picture at its sizes.
        level: of the pyramid, on which the windows lie.
        observed: the windows, row by row; empty where light streaks show the motion.
        first: their estimates, before they were reconciled.
        varies: whether near windows are more alike than those far apart.
    """

    pyramid: Pyramid
    level: int
    observed: tuple[Observed, ...]
    first: tuple[PsfEstimate, ...]
    varies: bool


class NetworkEstimator:
    """See :class:`unblur.motion.estimator.MotionEstimator`.

    Args:
        kernel: runs KernelNet.
        fuse: runs FuseNet, which has the last word on a motion that is alike everywhere; without
            it the mean of several candidates is taken.
        judge: runs JudgeNet, by which candidates and light are chosen; without it gradients are
            counted.
        mapper: runs MapNet, which maps what moved; without it nothing is mapped.
        runtime: says how many windows and searches are worked on at the same time.
        streaks: whether light streaks are looked for.
        params: scales, windows, fields, streaks.
    """

    least = TELLING

    def __init__(
        self,
        kernel: Engine,
        fuse: Engine | None = None,
        judge: Engine | None = None,
        mapper: Engine | None = None,
        *,
        runtime: Runtime = ALL_THREADS,
        streaks: bool = True,
        params: MotionParams = MOTION,
    ) -> None:
        self._kernel, self._fuse, self._judge, self._mapper = kernel, fuse, judge, mapper
        self._runtime, self._streaks, self._params = runtime, streaks, params

    def propose(self, picture: Picture) -> MotionField:
        """Return estimates of windows, reconciled; or what light streaks have drawn.

        Raises:
            ShapeMismatch: the picture is too small.
        """
        self.least.check(picture.shape)
        pyramid = Pyramid(picture.luma, picture.shape)
        level = self._finest_that_fits(pyramid)
        look = first_look(pyramid, level, self._kernel, params=self._params, runtime=self._runtime)
        field = reconcile(look.field, look.comparison, params=self._params.field)
        drawn = drawn_by_streaks(pyramid, self._params.streaks) if self._streaks else None
        if drawn is not None:
            return _lit(field, *drawn, self._params.streaks.confidence)
        return Proposal(
            **vars(field),
            pyramid=pyramid,
            level=level,
            observed=look.observed,
            first=look.estimates,
            varies=look.comparison.varies(self._params.field.heard, self._params.roll),
        )

    def refine(self, picture: Picture, field: MotionField) -> MotionField:
        """Return the field after further estimates, searches and fusion.

        A picture that shows hardly any motion is left as proposed, and so is one whose motion
        light streaks show.
        """
        scales = self._params.scale
        work = field if isinstance(field, Proposal) else self.propose(picture)
        if not isinstance(work, Proposal) or work.blur_probability < scales.worth_refining:
            return work.bare()
        pyramid, level = work.pyramid, work.level
        shared = refine_shared(
            partial(pyramid.luma, level),
            pyramid.shape(level),
            mean_of_windows(work),
            self._kernel,
            self._fuse,
            judge=Judge(self._judge),
            tone=picture.tone,
            proposed_px=work.length_px / work.scale,
            params=self._params,
            runtime=self._runtime,
        )
        if not work.uniform or work.varies:
            varying = self._varying(picture, work, shared)
            if varying is not None:
                return carried_up(varying, scales.longest_undone_px)
        psf, middle, is_long = shared.psf, shared.middle, shared.is_long
        while level > 0 and 2 * psf.length_px() <= scales.longest_undone_px:
            middle = (2 * middle[0], 2 * middle[1])
            read, shape = partial(pyramid.luma, level - 1), pyramid.shape(level - 1)
            found = None
            if not is_long:
                found = finer(read, shape, psf, middle, is_page=shared.is_page, params=self._params)
            is_long = found is None
            psf, level = found or psf.scaled(2.0), level - 1
        return _sharing(work, replace(shared, psf=psf), 2**level)

    def tone(self, picture: Picture, field: MotionField) -> Tone:
        """Return the tone curve that explains a blurry picture best."""
        return estimate_tone(picture, self._judge, scale=field.scale)

    def local(self, luma: FloatArray, boxes: Sequence[Box] | None = None) -> list[LocalEstimate]:
        """See :class:`unblur.motion.local.LocalEstimator`."""
        return local_estimates(luma, self._kernel, boxes, runtime=self._runtime)

    def gains(self, picture: Picture, field: MotionField, boxes: Sequence[Box]) -> list[float]:
        """See :class:`unblur.motion.told_gain.GainTeller`."""
        return [] if self._judge is None else told_gains(picture, field, boxes, self._judge)

    def motion_map(self, picture: Picture) -> MotionMap | None:
        """See :class:`unblur.motion.motion_map.MapReader`."""
        return None if self._mapper is None else read_map(picture, self._mapper)

    def _finest_that_fits(self, pyramid: Pyramid) -> int:
        """Return the finest level on which the motion is short enough to be estimated."""
        level = pyramid.levels - 1
        while level > 0:
            starts = window_starts(pyramid.shape(level), self._params.scale.coarse_rows)
            windows = pyramid.windows(level, *starts)
            flat = [w for row in windows for w in row]
            length = _typical_length(estimate_psfs(flat, self._kernel, runtime=self._runtime))
            if 2 * length > self._params.scale.longest_px:
                break
            level -= 1
        return level

    def _varying(
        self, picture: Picture, work: Proposal, shared: SharedEstimate
    ) -> MotionField | None:
        """Return the field of windows that moved differently, or None where one PSF is better."""
        apart = refine_windows(
            work.observed,
            work.first,
            shared.psf,
            self._kernel,
            params=self._params,
            runtime=self._runtime,
        )
        windows = _arranged(apart, len(work.centres_x))
        apart_field = replace(work.bare(), windows=windows, uniform=False)
        varying = reconcile(apart_field, may_share=False, params=self._params.field)
        alike = _sharing(work, shared, work.scale)
        more_db = gains_more(picture, varying, alike, self)
        if more_db is not None:
            least_db = self._params.roll.better_db
            better = more_db > (least_db if work.uniform else -least_db)
        else:
            better = not work.uniform or _neighbours_are_better(
                work, apart, shared.psf, self._params.roll
            )
        return varying if better else None


def _sharing(work: MotionField, shared: SharedEstimate, scale: int) -> MotionField:
    """Return the field whose windows share one PSF, in px of the picture shrunk by a scale."""
    with_psf = partial(
        replace,
        psf=shared.psf,
        confidence=shared.confidence,
        fused_confidence=shared.fused_confidence,
    )
    windows = tuple(tuple(with_psf(w) for w in row) for row in work.windows)
    return replace(work.bare(), windows=windows, scale=scale, uniform=True)


def _arranged(flat: list[PsfEstimate], count: int) -> tuple[tuple[PsfEstimate, ...], ...]:
    return tuple(tuple(flat[i : i + count]) for i in range(0, len(flat), count))


def _lit(field: MotionField, psf: Psf, level: int, confidence: float) -> MotionField:
    """Return the field of a picture whose light streaks tell its PSF, and that it moved."""
    with_psf = partial(replace, psf=psf, confidence=confidence, blur_probability=1.0)
    windows = tuple(tuple(with_psf(w) for w in row) for row in field.windows)
    return replace(field, windows=windows, scale=2**level, uniform=True)


def _neighbours_are_better(
    work: Proposal, apart: list[PsfEstimate], shared: Psf, params: RollParams
) -> bool:
    weights = np.array([visibility(w) for row in work.windows for w in row])
    windows = [observed.window for observed in work.observed]
    psfs = [estimate.psf for estimate in apart]
    return neighbours_explain_better(windows, psfs, shared, places(work), weights, params)


def _typical_length(estimates: list[PsfEstimate]) -> float:
    """Return the length that most of the trusted windows do not exceed, px."""
    moving = [e for e in estimates if e.blur_probability > 0.5]
    if not moving:
        return 0.0
    lengths = np.array([e.psf.length_px() for e in moving])
    trust = np.array([visibility(e) for e in moving])
    order = np.argsort(lengths)
    share = np.cumsum(trust[order]) / trust.sum()
    return float(lengths[order][np.searchsorted(share, 0.5)])
