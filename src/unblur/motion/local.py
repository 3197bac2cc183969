"""Motion in small windows: what moved by itself is often smaller than an analysis window.

KernelNet reads windows of half the usual side nearly as well. They are laid over a picture of
bounded size; windows that tell like motion, near each other, make a *mover*. What they say of parts
that stood still is in :mod:`unblur.motion.still_windows`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from unblur.blur.psf import Psf
from unblur.color import FloatArray
from unblur.engines.base import Engine
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


@runtime_checkable
class LocalEstimator(Protocol):
    """An estimator that can be asked about small windows."""

    def local(self, luma: FloatArray, boxes: Sequence[Box] | None = None) -> list[LocalEstimate]:
        """Return what small windows tell.

        Args:
            luma: (H, W) float32 of a picture, linear light.
            boxes: which of them; all of :func:`local_boxes` if omitted.
        """


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


def local_boxes(shape: tuple[int, ...], params: LocalParams = LOCAL) -> list[Box]:
    """Return small windows all over a picture of a shape (H, W), sides of the window's or more."""
    rows, columns = (
        even_starts(side, params.window_px, params.hop_px, params.most_rows) for side in shape
    )
    return [(y, x, y + params.window_px, x + params.window_px) for y in rows for x in columns]


def local_estimates(
    luma: FloatArray,
    engine: Engine,
    boxes: Sequence[Box] | None = None,
    *,
    runtime: Runtime = ALL_THREADS,
) -> list[LocalEstimate]:
    """Return what small windows of a picture tell.

    Args:
        luma: (H, W) float32, linear light.
        engine: runs KernelNet.
        boxes: which windows; those of :func:`local_boxes`, all over the picture, if omitted.
        runtime: says how many windows are worked on at the same time.
    """
    boxes = local_boxes(luma.shape) if boxes is None else boxes
    windows = [np.ascontiguousarray(luma[y0:y1, x0:x1]) for y0, x0, y1, x1 in boxes]
    seen = observe_all(windows, runtime=runtime)
    found = estimate(seen, engine, runtime=runtime)
    return [LocalEstimate(box, one) for box, one in zip(boxes, found, strict=True)]


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
