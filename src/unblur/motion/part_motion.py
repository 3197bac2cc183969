"""The motion of a part that moved by itself: a straight line first.

Things pass in nearly straight lines at nearly steady speed, far more often than hands shake so. And
a part is small: what estimates motion from nothing has little to see. So the line that the part's
autocorrelation shows (:mod:`unblur.motion.line_search`) is the first candidate. Others are what
least squares make of it, and the motion that the estimator finds of the part alone; JudgeNet says
of each what undoing it would gain (:mod:`unblur.motion.told_gain`). Of several lines it would not
reliably find the right one, so another candidate must gain the more the clearer the line is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from unblur.blur.psf import Psf
from unblur.color import FloatArray
from unblur.motion.estimator import MotionEstimator
from unblur.motion.features import noise_sigma
from unblur.motion.field import MotionField, uniform_field
from unblur.motion.line_search import Line
from unblur.motion.moved_parts import MovedPart
from unblur.motion.picture import Picture
from unblur.motion.polish import polished
from unblur.motion.psf_tools import likeness
from unblur.motion.told_gain import GainTeller, mean_of_told, scale_for_gains
from unblur.motion.windows import Box, Mask


@dataclass(frozen=True)
class LineParams:
    """Which motions of a part are tried, and where.

    Attributes:
        clear: depth of the line's minimum from which on there is hardly a doubt of it.
        more_db: by how much more another motion must gain than a clear line, than a faint one ...
        alike: ... unless its likeness to the line is this: then it is the same, told better.
        sides_px: of the windows in which a gain is told, the first that fit ...
        covered: ... so that the core covers this share of each ...
        windows: ... and at most so many.
        confidence: told of the motion that is taken, for the restoration.
    """

    clear: float = 0.25
    more_db: tuple[float, float] = (1.5, 0.5)
    alike: float = 0.85
    sides_px: tuple[int, ...] = (160, 128, 96, 64, 48)
    covered: float = 0.9
    windows: int = 4
    confidence: float = 0.85


LINES = LineParams()


@dataclass(frozen=True, eq=False)
class PartMotion:
    """How a part moved.

    Attributes:
        field: one PSF, px of the part's picture.
        gain_db: what undoing it would gain in the part's core, as JudgeNet tells it.
        depth: of the minimum that shows a line, see :class:`unblur.motion.line_search.Line`; 0
            where it shows none.
    """

    field: MotionField
    gain_db: float
    depth: float = 0.0

    def length_px(self) -> float:
        """Return how far it moved, px of the picture."""
        return self.field.windows[0][0].psf.length_px()


def motion_of_part(
    picture: Picture,
    core: Mask,
    line: Line | None,
    part: MovedPart,
    estimator: MotionEstimator,
    params: LineParams = LINES,
) -> PartMotion | None:
    """Return the motion of a part that gains most; None where nobody can tell.

    Args:
        picture: the part, gone on smoothly beyond its core.
        core: (H, W) of the picture, what moved alone.
        line: that it shows.
        part: what the map tells of it.
        estimator: tells gains, and the motion of the part by itself.
        params: what is tried.
    """
    if not isinstance(estimator, GainTeller) or not core_windows(core, 1, params):
        return None
    luma = picture.luma(0, 0, *picture.shape)
    window = _largest_window(luma, core, params)
    noise = noise_sigma(window)
    first = Psf.from_line(part.length_px, part.angle_deg)
    if line is not None:
        first = Psf.from_line(line.length_px, line.angle_deg)
    depth = 0.0 if line is None else line.depth

    def judged(psf: Psf) -> PartMotion | None:
        field = _told(uniform_field(picture.shape, psf, noise), params)
        scale = scale_for_gains(picture.shape, field)
        gain = mean_of_told(estimator.gains(picture, field, core_windows(core, scale, params)))
        return None if gain is None else PartMotion(field, gain, depth)

    best = judged(first)
    margin_db = params.more_db[0 if depth >= params.clear else 1]
    for psf in _others(picture, window, first, noise, estimator):
        found = judged(psf)
        if found is None:
            continue
        more_db = 0.0 if likeness(psf, first) >= params.alike else margin_db
        if best is None or found.gain_db > best.gain_db + more_db:
            best = found
    return best


def _others(
    picture: Picture, window: FloatArray, line: Psf, noise: float, estimator: MotionEstimator
) -> Iterator[Psf]:
    """Yield what may be better than a line: what least squares make of it, what is found alone."""
    yield polished(window, line, noise)
    if estimator.least.fits(picture.shape):
        refined = estimator.refine(picture, estimator.propose(picture))
        psf = refined.windows[0][0].psf
        yield psf if refined.scale == 1 else psf.scaled(refined.scale)


def core_windows(core: Mask, scale: int, params: LineParams = LINES) -> list[Box]:
    """Return windows that a core nearly fills, px of the picture shrunk by a scale.

    They do not overlap by more than half; as large as they can be, those that the core fills most
    first; none where it is too small.
    """
    few = core[scale // 2 :: scale, scale // 2 :: scale][
        : core.shape[0] // scale, : core.shape[1] // scale
    ]
    summed = np.pad(few.astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    for side in params.sides_px:
        if side > min(few.shape):
            continue
        step = max(4, side // 8)
        held = (
            summed[side::step, side::step]
            - summed[:-side:step, side::step]
            - summed[side::step, :-side:step]
            + summed[:-side:step, :-side:step]
        ) / side**2
        found: list[Box] = []
        for flat in np.argsort(-held, axis=None):
            row, column = divmod(int(flat), held.shape[1])
            if held[row, column] < params.covered or len(found) == params.windows:
                break
            y, x = row * step, column * step
            if all(max(abs(y - b[0]), abs(x - b[1])) >= side // 2 for b in found):
                found.append((y, x, y + side, x + side))
        if found:
            return found
    return []


def _told(field: MotionField, params: LineParams) -> MotionField:
    (window,) = field.windows[0]
    return replace(field, windows=((replace(window, confidence=params.confidence),),))


def _largest_window(luma: FloatArray, core: Mask, params: LineParams) -> FloatArray:
    y0, x0, y1, x1 = core_windows(core, 1, params)[0]
    return np.ascontiguousarray(luma[y0:y1, x0:x1])
