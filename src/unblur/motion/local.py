"""Motion in small windows: what stood still is often smaller than an analysis window.

KernelNet reads windows of half the usual side nearly as well. They are laid over a picture of
bounded size. What they say of parts that stood still is in :mod:`unblur.motion.still_windows`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from unblur.color import FloatArray
from unblur.engines.base import Engine
from unblur.motion.kernel import estimate, observe_all
from unblur.motion.psf_estimate import PsfEstimate
from unblur.motion.windows import Box, even_starts
from unblur.runtime import ALL_THREADS, Runtime


@dataclass(frozen=True)
class LocalParams:
    """Which windows are looked at.

    Attributes:
        window_px: side of the windows.
        hop_px: distance of neighbours, at most, but for ``most_rows`` of them.
    """

    window_px: int = 128
    hop_px: int = 80
    most_rows: int = 8


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
