"""Motion in small windows: what moved by itself is often smaller than an analysis window.

KernelNet reads windows of half the usual side nearly as well. They are laid over a picture of
bounded size; windows that tell like motion, near each other, make a *mover*. Of a photo that moved
as a whole, most windows tell of the same motion as the whole does; otherwise it is *mixed*.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unblur.blur.psf import Psf
from unblur.color import FloatArray
from unblur.engines.base import Engine
from unblur.motion.field import MotionField, places, visibility
from unblur.motion.fusion import mean_psf
from unblur.motion.kernel import estimate, observe_all
from unblur.motion.psf_estimate import PsfEstimate
from unblur.motion.psf_tools import likeness
from unblur.motion.windows import Box, even_starts
from unblur.runtime import ALL_THREADS, Runtime


@dataclass(frozen=True)
class LocalParams:
    """Which windows are looked at, and which are believed.

    Attributes:
        window_px: side of the windows.
        hop_px: distance of neighbours, at most, but for ``most_rows`` of them.
        probability, confidence: least of a window that tells of motion.
        shortest_px, longest_motion_px: of such a motion.
        alike: likeness from which on two windows moved alike.
        most: movers, those that most windows speak for.
        few_px: ``hop_px`` where only a few windows are to tell whether a photo is mixed.
        nearly: likeness to the motion of the whole below which a window contradicts it ...
        agree: ... and share of all, by what they show, that must not: 0.75 to 1 of 51 photos of
            six sets that moved as a whole, 0.3 to 0.6 of composed scenes.
        still: probability of motion below which a window stood still ...
        most_still: ... and share of all, by what they show, that may: 0 to 0.04 of those 51
            photos but one (0.12, moved by 6 px), 0.3 to 0.7 of composed scenes.
    """

    window_px: int = 128
    hop_px: int = 80
    most_rows: int = 8
    probability: float = 0.8
    confidence: float = 0.7
    shortest_px: float = 6.0
    longest_motion_px: float = 44.0
    alike: float = 0.8
    most: int = 3
    few_px: int = 128
    nearly: float = 0.7
    agree: float = 0.65
    still: float = 0.3
    most_still: float = 0.2


LOCAL = LocalParams()


@dataclass(frozen=True, eq=False)
class LocalEstimate:
    """What KernelNet says of one small window.

    Attributes:
        box: of the window.
        estimate: its PSF and how sure it is.
    """

    box: Box
    estimate: PsfEstimate


@dataclass(frozen=True, eq=False)
class Mover:
    """A motion that several windows, or one very sure one, tell of.

    Attributes:
        psf: its PSF.
        boxes: of those windows, the surest first.
        weight: sum of the windows' confidence.
    """

    psf: Psf
    boxes: tuple[Box, ...]
    weight: float


def local_estimates(
    luma: FloatArray,
    engine: Engine,
    params: LocalParams = LOCAL,
    *,
    few: bool = False,
    runtime: Runtime = ALL_THREADS,
) -> list[LocalEstimate]:
    """Return what small windows all over a picture tell.

    Args:
        luma: (H, W) float32, linear light.
        engine: runs KernelNet.
        params: which windows.
        few: whether windows side by side are enough.
        runtime: says how many windows are worked on at the same time.
    """
    hop = params.few_px if few else params.hop_px
    boxes = [
        (y, x, y + params.window_px, x + params.window_px)
        for y in even_starts(luma.shape[0], params.window_px, hop, params.most_rows)
        for x in even_starts(luma.shape[1], params.window_px, hop, params.most_rows)
    ]
    windows = [np.ascontiguousarray(luma[y0:y1, x0:x1]) for y0, x0, y1, x1 in boxes]
    seen = observe_all(windows, runtime=runtime)
    found = estimate(seen, engine, runtime=runtime)
    return [LocalEstimate(box, one) for box, one in zip(boxes, found, strict=True)]


def is_mixed(
    found: Sequence[LocalEstimate],
    motion: MotionField,
    scale: int,
    params: LocalParams = LOCAL,
) -> bool:
    """Return whether too many windows contradict the motion of the whole, or stood still.

    Args:
        found: in windows all over a picture.
        motion: of the whole, as proposed.
        scale: photo px of a px of the windows.
        params: how many are too many.
    """
    places_px = places(motion)
    psfs = [window.psf for row in motion.windows for window in row]
    agree, still, weights = (np.zeros(len(found)) for _ in range(3))
    for number, one in enumerate(found):
        y0, x0, y1, x1 = one.box
        middle = np.array([y0 + y1, x0 + x1]) * (scale / 2)
        psf = psfs[int(np.argmin(np.square(places_px - middle).sum(axis=1)))]
        there = psf if scale == motion.scale else psf.scaled(motion.scale / scale)
        agree[number] = likeness(one.estimate.psf, there) >= params.nearly
        still[number] = one.estimate.blur_probability < params.still
        weights[number] = visibility(one.estimate)
    shares = (float(np.average(share, weights=weights)) for share in (agree, still))
    return next(shares) < params.agree or next(shares) > params.most_still


def movers(found: Sequence[LocalEstimate], params: LocalParams = LOCAL) -> list[Mover]:
    """Return the motions that windows tell of, the likeliest first.

    Args:
        found: in all windows.
        params: which are believed.
    """
    left = sorted(
        (one for one in found if _moves(one.estimate, params)),
        key=lambda one: -one.estimate.confidence,
    )
    groups: list[Mover] = []
    while left:
        seed = left[0].estimate.psf  # the surest, with which the others are aligned
        alike = [one for one in left if likeness(one.estimate.psf, seed) >= params.alike]
        left = [one for one in left if one not in alike]
        weights = np.array([one.estimate.confidence**4 for one in alike])
        psf = mean_psf([one.estimate.psf for one in alike], weights)
        weight = float(sum(one.estimate.confidence for one in alike))
        groups.append(Mover(psf, tuple(one.box for one in alike), weight))
    return sorted(groups, key=lambda group: -group.weight)[: params.most]


def _moves(found: PsfEstimate, params: LocalParams) -> bool:
    return (
        found.blur_probability >= params.probability
        and found.confidence >= params.confidence
        and params.shortest_px <= found.psf.length_px() <= params.longest_motion_px
    )
