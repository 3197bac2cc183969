"""Going through many photos: a verdict on each, and which of a burst is the sharpest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from unblur.color import FloatArray
from unblur.detection.facade import judge, read_luma
from unblur.errors import UnblurError
from unblur.motion.detect import Detection
from unblur.runtime import ONE_THREAD, Runtime
from unblur.zoo.models import default_session

_THUMBNAIL = 24
_ALIKE = 0.85
"""Correlation of two thumbnails from which two photos show the same scene."""


@dataclass(frozen=True, eq=False)
class Seen:
    """One photo that was gone through.

    Attributes:
        path: of the file.
        detection: the verdict; None if it could not be read.
        error: why it could not be read.
        thumbnail: (24, 24) float32, zero mean, unit norm; to compare scenes.
        luma: (h, w) float32, linear light, where it was asked for.
        device: short name of the device that ran the network.
    """

    path: Path
    detection: Detection | None
    error: UnblurError | None
    thumbnail: FloatArray | None
    luma: FloatArray | None = None
    device: str | None = None


def go_through(
    path: Path,
    *,
    full: bool,
    everywhere: bool,
    keep_luma: bool = False,
    tone: str = "auto",
    runtime: Runtime = ONE_THREAD,
) -> Seen:
    """Read and judge one photo; what goes wrong is told, not raised.

    Runs in any process; each holds the network in its default session.
    """
    try:
        reduced = read_luma(path, full=full, tone=tone)
        session = default_session(runtime)
        detection = judge(reduced, session.detector(mapped=True), everywhere=everywhere)
    except UnblurError as error:
        return Seen(path, None, error, None)
    kept = reduced.luma if keep_luma else None
    return Seen(path, detection, None, _thumbnail(reduced.luma), kept, session.device)


def bursts(seen: Sequence[Seen]) -> list[list[int]]:
    """Return runs of neighbouring photos that show the same scene, as indices.

    A photo joins the run of the one before it if both lie in one folder, have the same
    orientation, and their thumbnails correlate. Photos that could not be read belong to no run.

    Args:
        seen: in the order in which they were taken.
    """
    runs: list[list[int]] = []
    for index, item in enumerate(seen):
        if item.detection is None:
            continue
        if runs and runs[-1][-1] == index - 1 and _alike(seen[index - 1], item):
            runs[-1].append(index)
        else:
            runs.append([index])
    return runs


def sharpest(seen: Sequence[Seen], run: Sequence[int]) -> int:
    """Return which photo of a run to keep: the least blurred, of equal ones the most detailed.

    Blur probabilities within a tenth of each other count as equal.
    """

    def rank(index: int) -> tuple[float, float]:
        detection = seen[index].detection
        assert detection is not None
        return -round(detection.blur_probability, 1), detection.sharpness

    return max(run, key=rank)


def _alike(a: Seen, b: Seen) -> bool:
    if a.detection is None or b.detection is None or a.thumbnail is None or b.thumbnail is None:
        return False
    upright = [d.shape[0] > d.shape[1] for d in (a.detection, b.detection)]
    together = a.path.parent == b.path.parent and upright[0] == upright[1]
    return together and float((a.thumbnail * b.thumbnail).sum()) >= _ALIKE


def _thumbnail(luma: FloatArray) -> FloatArray:
    small = Image.fromarray(luma).resize((_THUMBNAIL, _THUMBNAIL), Image.Resampling.BOX)
    flat = np.sqrt(np.asarray(small))
    flat = flat - flat.mean()
    return np.asarray(flat / max(float(np.linalg.norm(flat)), 1e-9), dtype=np.float32)
