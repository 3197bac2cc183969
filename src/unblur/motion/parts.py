"""The parts of a picture: what a motion moved, and what stood still before or behind it.

Where a motion does not hold is told by edges (:mod:`unblur.motion.edges`) and by small windows
(:mod:`unblur.motion.still_windows`). Of what edges say, only what is surely still, and large
enough, is taken out; from there it reaches as far as nothing speaks for motion. Of what windows
say, all is taken out that did not surely move. A picture without such a part moved as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from unblur.blocks import fitting_scale
from unblur.blur.psf import Psf
from unblur.color import FloatArray, to_float
from unblur.motion.edges import holds
from unblur.motion.estimator import MotionEstimator
from unblur.motion.field import MotionField
from unblur.motion.local import LOCAL, LocalEstimate, LocalEstimator, local_boxes
from unblur.motion.motion_map import MapReader, MotionMap
from unblur.motion.part_masks import enlarged, grown
from unblur.motion.picture import Picture
from unblur.motion.still_windows import (
    does_harm,
    doubtful,
    evidence_of_motion,
    evidence_of_short_motion,
    not_surely_moved,
    stood_still,
)
from unblur.motion.told_gain import GainTeller, mean_of_told, scale_for_gains
from unblur.motion.windows import Box, Mask


@dataclass(frozen=True)
class PartParams:
    """When a part of a picture counts as still.

    Attributes:
        longest_px: longer side of the picture that is looked at; larger ones are shrunk.
        shortest_px: of the motions of a field that varies, those that count.
        seen_px: motion on the scale that is looked at from which on KernelNet is asked about small
            windows: to it a shorter one looks like none there. A photo of 12 megapixels that moved
            by 15 px was left alone for it.
        night: median of the samples, of 1, below which a photo's map is not read: what is black
            tells nothing, and beside lamps the map calls still what moved. 0.05 and 0.06 of the
            night scenes where it does, 0.16 and more of 24 composed scenes where it is needed.
        mapped_still: share of light that moved below which the map surely calls a cell still.
        mapped_moved: share of light that moved below which a cell of the map is left out of what is
            restored, where windows show something still: they are far larger than its cells.
        collapsed: share of the length proposed that is left of it in the search, below which an
            object's motion may have been mixed with none behind it: 0.09 to 0.3 in 7 of 20 composed
            scenes; so do real ones of long motion (0.16 to 0.3 of 3 of 49), ...
        collapsed_still: ... but of theirs the map surely calls at most 0.02 of the cells still, of
            those scenes 0.05 and more: the least share that counts.
        short_still: the same for a motion too short for KernelNet: 0.3 of two such scenes, 0.06 of
            a street that moved, nearer parts more than others.
        sure: evidence below which a pixel is surely still ...
        reach: ... and from which on nothing belongs to the part around it any more.
        least: share of the picture that surely still pixels of one part must have.
        most_still: largest share of the picture that edges may call still ...
        others: ... and least mean evidence of all else: 0.3 to 0.6 of true motions; 0.05 to 0.13
            of shaken pages and lamps in a wrong motion or light, which are hard all over.
        shorter: most that the motion told by small windows over a still part may be, in units of
            that over all else: 0.3 and 0.5 of subjects that the camera followed, 1.0 of a photo
            that moved as a whole and was taken in parts by a wrong motion.
    """

    longest_px: int = 1600
    shortest_px: float = 4.0
    seen_px: float = 7.0
    night: float = 0.1
    mapped_still: float = 0.1
    mapped_moved: float = 0.5
    collapsed: float = 0.4
    collapsed_still: float = 0.04
    short_still: float = 0.1
    sure: float = -0.5
    reach: float = 0.0
    least: float = 0.02
    most_still: float = 0.97
    others: float = 0.2
    shorter: float = 0.6


PARTS = PartParams()


@dataclass(frozen=True, eq=False)
class WordOfWindows:
    """What small windows say of the motion of a picture.

    Attributes:
        still: (H, W), px of the picture, what did not surely move, if something stood still; all of
            it where undoing the motion would do more harm than good. None where all of it moved, or
            where it cannot be told.
        gain_db: what undoing the motion would gain all over the picture; None if nobody was asked.
    """

    still: Mask | None = None
    gain_db: float | None = None


def still_by_windows(
    picture: Picture,
    motion: MotionField,
    estimator: MotionEstimator,
    proposed_px: float,
    params: PartParams = PARTS,
) -> WordOfWindows:
    """Return what did not surely move by the word of small windows.

    Args:
        picture: any.
        motion: how it moved as a whole, as refined.
        estimator: asked about small windows, what undoing the motion would gain there, and what
            moved, if it can be.
        proposed_px: length of the motion before it was refined, px of the picture.
        params: on which scale.
    """
    if not (isinstance(estimator, LocalEstimator) and isinstance(estimator, GainTeller)):
        return WordOfWindows()
    scale = scale_for_gains(picture.shape, motion)
    height, width = (side // scale for side in picture.shape)
    if min(height, width) < LOCAL.window_px:
        return WordOfWindows()
    told = _map_by_day(picture, estimator, params)
    length_px = motion.mean_length_px() * motion.scale
    still = 0.0 if told is None else float((told.moved < params.mapped_still).mean())
    short = length_px < params.seen_px * scale
    if length_px < params.collapsed * proposed_px and still >= params.collapsed_still:
        return WordOfWindows(np.ones(picture.shape, bool))
    boxes = local_boxes((height, width))
    asked = not short or still >= params.short_still
    gains_db = estimator.gains(picture, motion, boxes) if asked else []
    if not gains_db:
        return WordOfWindows()
    shares = [1.0] * len(boxes) if told is None else told.shares(boxes, scale)
    if not short:
        said = _of_windows(picture, scale, boxes, gains_db, shares, estimator)
        return said if told is None else _with_cells(said, told, picture.shape, params)
    nothing = stood_still(evidence_of_short_motion(gains_db, shares))
    return WordOfWindows(np.ones(picture.shape, bool) if nothing else None)


def _map_by_day(
    picture: Picture, estimator: MotionEstimator, params: PartParams
) -> MotionMap | None:
    """Return the map of what moved; None where nobody can read it, and at night."""
    if not isinstance(estimator, MapReader) or at_night(picture, params):
        return None
    return estimator.motion_map(picture)


def at_night(picture: Picture, params: PartParams = PARTS) -> bool:
    """Return whether so much of a photo is dark that no map is read."""
    step = max(1, max(picture.shape) // 512)
    return float(np.median(to_float(picture.samples[::step, ::step]))) < params.night


def _with_cells(
    said: WordOfWindows, told: MotionMap, shape: tuple[int, int], params: PartParams
) -> WordOfWindows:
    """Return the word of windows with cells that did not move, if something stood still."""
    if said.still is None:
        return said
    return replace(said, still=said.still | told.below(params.mapped_moved, shape))


def _of_windows(
    picture: Picture,
    scale: int,
    boxes: Sequence[Box],
    gains_db: Sequence[float],
    moved: Sequence[float],
    estimator: LocalEstimator,
) -> WordOfWindows:
    """Return what small windows say, those that gains or the map leave in doubt asked at first.

    Args:
        picture: any.
        scale: at which it is looked at.
        boxes: of all windows.
        gains_db: what undoing the motion would gain in them.
        moved: share of their light that moved, as it is mapped.
        estimator: asked about them.
    """
    gain_db = mean_of_told(gains_db)
    if does_harm(gains_db):
        return WordOfWindows(np.ones(picture.shape, bool), gain_db)
    asked = doubtful(gains_db, moved)
    if not asked:
        return WordOfWindows(gain_db=gain_db)
    luma = picture.shrunk_luma(scale)
    found = estimator.local(luma, [boxes[i] for i in asked])
    gains, shares = ([values[i] for i in asked] for values in (gains_db, moved))
    if not stood_still(evidence_of_motion(found, gains, shares)):
        return WordOfWindows(gain_db=gain_db)
    found = estimator.local(luma)
    evidence = evidence_of_motion(found, gains_db, moved)
    unsure = not_surely_moved(found, evidence, luma.shape)
    return WordOfWindows(enlarged(unsure, picture.shape, scale), gain_db)


def still_by_edges(
    picture: Picture,
    motion: MotionField,
    estimator: MotionEstimator,
    params: PartParams = PARTS,
) -> Mask | None:
    """Return what edges call still in a picture that moved.

    Args:
        picture: any.
        motion: how it moved, as refined: edges tell little of a rough estimate.
        estimator: asked about small windows, if it can be: over a still part their motion must be
            shorter.
        params: what counts as still.

    Returns:
        (H, W), px of the picture; None where all of it moved, or where it cannot be told.
    """
    scale = _scale(picture, motion, params)
    luma = picture.shrunk_luma(scale)
    still = _told_by_edges(luma, _psfs(motion, scale, params), params)
    if still is not None and isinstance(estimator, LocalEstimator):
        small = min(luma.shape) < LOCAL.window_px
        if small or not _moved_less(still, estimator.local(luma), params):
            return None
    return None if still is None else enlarged(still, picture.shape, scale)


def _scale(picture: Picture, motion: MotionField, params: PartParams) -> int:
    return fitting_scale(picture.shape, params.longest_px, least=motion.scale)


def _psfs(motion: MotionField, scale: int, params: PartParams) -> list[Psf]:
    """Return the motions of a field in px of a picture shrunk by a scale."""
    psfs = [w.psf for row in motion.windows for w in row]
    psfs = [psfs[0]] if motion.uniform else [p for p in psfs if p.length_px() >= params.shortest_px]
    return psfs if scale == motion.scale else [p.scaled(motion.scale / scale) for p in psfs]


def _told_by_edges(luma: FloatArray, psfs: Sequence[Psf], params: PartParams) -> Mask | None:
    """Return what is surely still, if the rest as surely moved."""
    seen = holds(luma, psfs) if psfs else None
    if seen is None:
        return None
    still = grown(seen <= params.sure, seen <= params.reach, params.least)
    if still is None or still.mean() > params.most_still:
        return None
    return still if float(seen[~still].mean()) >= params.others else None


def _moved_less(still: Mask, found: Sequence[LocalEstimate], params: PartParams) -> bool:
    """Return whether small windows tell a shorter motion the more of a part they show."""
    share = np.array([still[y0:y1, x0:x1].mean() for y0, x0, y1, x1 in (f.box for f in found)])
    lengths = np.array([one.estimate.psf.length_px() for one in found])
    inside, outside = (float((lengths * w).sum() / max(w.sum(), 1e-6)) for w in _squares(share))
    return inside <= params.shorter * outside


def _squares(share: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.square(share), np.square(1 - share)
