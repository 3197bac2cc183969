"""The way from a photo to its motion field: coarse looks, lamps, further looks, one PSF or many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from unblur.blur.psf import Psf
from unblur.engines.base import Engine
from unblur.motion.field import MotionField, mean_answer, places, reconcile, visibility
from unblur.motion.kernel import PsfEstimate, Seen, estimate_psfs, look, see_all
from unblur.motion.pyramid import LumaReader, Pyramid, window_starts
from unblur.motion.refinement import finer, look_again, look_again_shared
from unblur.motion.rolling import neighbours_know_better
from unblur.motion.streaks import lamps_psf

MIN_SIDE = 96
"""Photos with a shorter side are too small to tell their motion."""

LONGEST_PX = 34.0
"""Longest motion that fits the kernel grid; longer ones are looked at on a smaller picture."""

LONGEST_UNDONE_PX = 100.0
"""Longest motion that is undone on the picture itself; longer ones on a smaller picture."""

_MOST_ROWS = 6
_COARSE_WINDOWS = 3
_WORTH_LOOKING = 0.1
"""Blur probability of a photo below which no second look is taken."""

_LAMPS_TRUST = 0.9
"""Confidence in a PSF that lamps have drawn."""

Judge = Callable[[MotionField], bool]
"""Says of a photo's first look whether the photo is sharp."""


def analyse_luma(
    read: LumaReader,
    shape: tuple[int, int],
    engine: Engine,
    *,
    fuse_engine: Engine | None = None,
    judge: Judge | None = None,
) -> MotionField:
    """Estimate the motion field of a photo.

    The photo is looked at as a small picture first; as long as the motion found is short
    enough, on one of twice the size, down to the photo itself. What lamps have drawn at night is
    believed before anything else.

    Args:
        read: returns luma (linear light, float32) of the photo's ``[y0:y1, x0:x1]``.
        shape: (H, W) of the photo, sides at least MIN_SIDE.
        engine: runs KernelNet.
        fuse_engine: runs FuseNet, which has the last word on a motion that is alike everywhere;
            without it the mean of several answers is taken.
        judge: asked after the first look, unless lamps have told the motion; a photo that it
            calls sharp is not looked at again, which is what takes the time.

    Returns:
        The field, on the scale on which its motion was told.
    """
    pyramid = Pyramid(read, shape)
    level = _finest_that_fits(pyramid, engine)
    rows, columns = window_starts(pyramid.shape(level), _MOST_ROWS)
    windows = pyramid.windows(level, rows, columns)
    seen = see_all([w for row in windows for w in row])
    first = look(seen, engine)
    scale = 2**level
    sides = pyramid.window_sides(level)
    centres_y = tuple((y + sides[0] / 2) * scale for y in rows)
    centres_x = tuple((x + sides[1] / 2) * scale for x in columns)

    def arranged(flat: list[PsfEstimate]) -> MotionField:
        count = len(columns)
        grid = tuple(tuple(flat[i : i + count]) for i in range(0, len(flat), count))
        return MotionField(shape, scale, centres_y, centres_x, grid, uniform=False)

    field = reconcile(arranged(first))
    field = replace(field, first_px=field.mean_length_px())
    drawn = _drawn_by_lamps(pyramid)
    if drawn is not None:
        return _lit(field, *drawn)
    if judge is not None:
        field = replace(field, sharp=judge(field))
    if field.sharp or field.blur_probability < _WORTH_LOOKING:
        return field
    psf, confidence, middle = look_again_shared(
        partial(pyramid.luma, level),
        pyramid.shape(level),
        mean_answer(field),
        engine,
        fuse_engine,
    )
    if not field.uniform or not field.steady:
        apart = look_again(seen, first, psf, engine)
        if not field.uniform or _rolls(seen, apart, psf, field):
            again = reconcile(arranged(apart), may_share=False)
            return replace(again, first_px=field.first_px, sharp=field.sharp)
    while level > 0 and 2 * psf.length_px() <= LONGEST_UNDONE_PX:
        middle = (2 * middle[0], 2 * middle[1])
        found = finer(partial(pyramid.luma, level - 1), pyramid.shape(level - 1), psf, middle)
        if found is None:
            break
        psf, level = found, level - 1
    shared = tuple(
        tuple(replace(w, psf=psf, confidence=confidence) for w in row) for row in field.windows
    )
    return replace(field, windows=shared, scale=2**level)


def _finest_that_fits(pyramid: Pyramid, engine: Engine) -> int:
    """Return the finest level on which the motion is short enough to be told."""
    level = pyramid.levels - 1
    while level > 0:
        windows = pyramid.windows(level, *window_starts(pyramid.shape(level), _COARSE_WINDOWS))
        length = _typical_length(estimate_psfs([w for row in windows for w in row], engine))
        if 2 * length > LONGEST_PX:
            break
        level -= 1
    return level


def _drawn_by_lamps(pyramid: Pyramid) -> tuple[Psf, int] | None:
    """Return the PSF that lamps have drawn, and the finest level on which they have.

    Looks are no guide to the level: at night they see little of the motion. It is looked for from
    the smallest picture on, until it is found no more.
    """
    found = None
    for level in reversed(range(pyramid.levels)):
        psf = lamps_psf(partial(pyramid.luma, level), pyramid.shape(level))
        if psf is not None:
            found = psf, level
        elif found is not None:
            break
    return found


def _lit(field: MotionField, psf: Psf, level: int) -> MotionField:
    """Return the field of a photo whose lamps tell its PSF, and that it moved."""
    told = partial(
        replace,
        psf=psf,
        confidence=_LAMPS_TRUST,
        blur_probability=1.0,
        length_px=psf.length_px(),
        angle_deg=psf.angle_deg(),
    )
    windows = tuple(tuple(told(w) for w in row) for row in field.windows)
    return replace(
        field,
        windows=windows,
        scale=2**level,
        uniform=True,
        first_px=psf.length_px(),
        sharp=False,
    )


def _rolls(seen: list[Seen], found: list[PsfEstimate], shared: Psf, field: MotionField) -> bool:
    weights = np.array([visibility(w) for row in field.windows for w in row])
    windows = [s.window for s in seen]
    psfs = [e.psf for e in found]
    return neighbours_know_better(windows, psfs, shared, places(field), weights)


def _typical_length(estimates: list[PsfEstimate]) -> float:
    """Return the length that most of the trusted windows do not exceed."""
    moving = [e for e in estimates if e.blur_probability > 0.5]
    if not moving:
        return 0.0
    lengths = np.array([e.psf.length_px() for e in moving])
    trust = np.array([visibility(e) for e in moving])
    order = np.argsort(lengths)
    share = np.cumsum(trust[order]) / trust.sum()
    return float(lengths[order][np.searchsorted(share, 0.5)])
