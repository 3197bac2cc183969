"""The parts of a picture: what a motion moved, and what stood still before or behind it.

Where a motion does not hold is told by edges (:mod:`unblur.motion.edges`). Only what is surely
still, and large enough, is taken out; from there it reaches as far as nothing speaks for motion.
A picture without such a part moved as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from unblur.blur.psf import Psf
from unblur.color import FloatArray
from unblur.motion.edges import holds
from unblur.motion.estimator import MotionEstimator
from unblur.motion.field import MotionField
from unblur.motion.local import LOCAL, LocalEstimate, Mover, is_mixed, movers
from unblur.motion.part_masks import enlarged, grown, whole
from unblur.motion.picture import Picture
from unblur.motion.windows import Box, Mask


@dataclass(frozen=True)
class PartParams:
    """When a part of a picture counts as still.

    Attributes:
        longest_px: longer side of the picture that is looked at; larger ones are shrunk.
        alone_px: what ``longest_px`` is where most photos have nothing to be found: in sharp ones.
        shortest_px: of the motions of a field that varies, those that count.
        sure: evidence below which a pixel is surely still ...
        reach: ... and from which on nothing belongs to the part around it any more.
        least: share of the picture that surely still pixels of one part must have.
        most_still: largest share of the picture that may be still ...
        others: ... and least mean evidence of all else: 0.3 to 0.6 of true motions; 0.05 to 0.13
            of shaken pages and lamps in a wrong motion or light, which are hard all over ...
        others_moved: ... or where small windows were asked first, whose motion is rougher.
        shorter: most that the motion told by small windows over a still part may be, in units of
            that over all else: 0.3 and 0.5 of subjects that the camera followed, 1.0 of a photo
            that moved as a whole and was taken in parts by a wrong motion.
        may: evidence above which a pixel may have moved with a mover.
        within: share of a mover's windows that must lie in one part that may.
        most: largest share of the picture that such a part covers.
        moved, rest: mean evidence of that part, at least, and of all else, at most.
        surely: share of the picture that must be surely still then.
        margin_px, least_px: about what a mask wants, and least side of what is looked at.
        most_asked: share of the photo from which on a mask wants most of it.
        rim_px: by which the part is widened before the motion is undone up to it.
        fade_px: over which the correction fades in beyond.
    """

    longest_px: int = 1600
    alone_px: int = 800
    shortest_px: float = 4.0
    sure: float = -0.5
    reach: float = 0.0
    least: float = 0.02
    most_still: float = 0.97
    others: float = 0.2
    others_moved: float = 0.14
    shorter: float = 0.6
    may: float = 0.05
    within: float = 0.5
    most: float = 0.75
    moved: float = 0.18
    rest: float = -0.2
    surely: float = 0.1
    margin_px: int = 16
    least_px: int = 160
    most_asked: float = 0.7
    rim_px: int = 2
    fade_px: int = 6


PARTS = PartParams()


@runtime_checkable
class LocalEstimator(Protocol):
    """An estimator that can be asked about small windows."""

    def local(self, luma: FloatArray, *, few: bool = False) -> list[LocalEstimate]:
        """Return what small windows all over a picture's luma, (H, W) linear light, tell.

        Args:
            luma: of the picture.
            few: whether windows side by side are enough, in place of overlapping ones.
        """


def moved_differently(
    picture: Picture,
    proposed: MotionField,
    estimator: MotionEstimator,
    params: PartParams = PARTS,
) -> bool:
    """Return whether parts of a picture moved differently, as far as can be told quickly.

    Args:
        picture: any.
        proposed: how it moved as a whole.
        estimator: asked about small windows; if it cannot be, nothing is told.
        params: on which scale.
    """
    if not isinstance(estimator, LocalEstimator):
        return False
    scale = _scale(picture, proposed, params)
    luma = picture.shrunk_luma(scale)
    if min(luma.shape) < LOCAL.window_px:
        return False
    return is_mixed(estimator.local(luma, few=True), proposed, scale)


def _scale(picture: Picture, motion: MotionField, params: PartParams) -> int:
    scale = motion.scale
    while max(picture.shape) > scale * params.longest_px:
        scale *= 2
    return scale


def parts_of(
    picture: Picture,
    motion: MotionField,
    estimator: MotionEstimator,
    params: PartParams = PARTS,
    *,
    mixed: bool = False,
) -> Mask | None:
    """Return what stood still in a picture that moved.

    The motion that was found for all of a picture is a mixture where only a part moved: a peak, of
    what stood still, with a tail. Then nothing can be told by it, and small windows are asked.

    Args:
        picture: any.
        motion: how it moved.
        estimator: asked about small windows, if it can be.
        params: what counts as still.
        mixed: whether its parts are known to have moved differently.

    Returns:
        (H, W), px of the picture; None where all of it moved, or where it cannot be told.
    """
    psfs = [w.psf for row in motion.windows for w in row]
    psfs = [psfs[0]] if motion.uniform else [p for p in psfs if p.length_px() >= params.shortest_px]
    scale = _scale(picture, motion, params)
    if scale > motion.scale:
        psfs = [psf.scaled(motion.scale / scale) for psf in psfs]
    luma = picture.shrunk_luma(scale)
    seen = holds(luma, psfs) if psfs else None
    still = None if seen is None else _beside_motion(seen, params.others, params)
    if isinstance(estimator, LocalEstimator) and (seen is None or still is not None or mixed):
        still = _told_by_windows(luma, still, estimator, params, by_movers=seen is None or mixed)
    return None if still is None else enlarged(still, picture.shape, scale)


def _beside_motion(seen: FloatArray, others: float, params: PartParams) -> Mask | None:
    """Return what is surely still, if the rest as surely moved."""
    still = grown(seen <= params.sure, seen <= params.reach, params.least)
    if still is None or still.mean() > params.most_still:
        return None
    return still if float(seen[~still].mean()) >= others else None


def _told_by_windows(
    luma: FloatArray,
    still: Mask | None,
    estimator: LocalEstimator,
    params: PartParams,
    *,
    by_movers: bool,
) -> Mask | None:
    """Return what stood still by the word of small windows, too.

    Args:
        luma: (H, W) float32, linear light.
        still: what edges call still; None where they cannot tell.
        estimator: asked about small windows.
        params: what counts as still.
        by_movers: whether the windows' own motions are tried if that fails.
    """
    if min(luma.shape) < LOCAL.window_px:
        return None
    found = estimator.local(luma)
    if still is not None and _moved_less(still, found, params):
        return still
    still = _around_movers(luma, found, params) if by_movers else None
    return still if still is not None and _moved_less(still, found, params) else None


def _moved_less(still: Mask, found: Sequence[LocalEstimate], params: PartParams) -> bool:
    """Return whether small windows tell a shorter motion the more of a part they show."""
    share = np.array([still[y0:y1, x0:x1].mean() for y0, x0, y1, x1 in (f.box for f in found)])
    lengths = np.array([one.estimate.psf.length_px() for one in found])
    inside, outside = (float((lengths * w).sum() / max(w.sum(), 1e-6)) for w in _squares(share))
    return inside <= params.shorter * outside


def _squares(share: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.square(share), np.square(1 - share)


def _around_movers(
    luma: FloatArray, found: Sequence[LocalEstimate], params: PartParams
) -> Mask | None:
    """Return all but what one of the motions of small windows moved; None if unsure."""
    for moved, _ in _standing_out(luma, found, params):
        return ~moved
    likeliest = movers(found)[:1]
    seen = holds(luma, [likeliest[0].psf]) if likeliest else None
    return None if seen is None else _beside_motion(seen, params.others_moved, params)


def moved_parts(
    picture: Picture, estimator: MotionEstimator, params: PartParams = PARTS
) -> Iterator[tuple[Mask, Psf]]:
    """Yield what may have moved before a still background, the likeliest first.

    Args:
        picture: one that did not move as a whole.
        estimator: asked about small windows; if it cannot be, there is nothing.
        params: what stands out.

    Yields:
        (H, W), px of the picture, and the motion that small windows tell, px of the picture.
    """
    scale = 1
    while max(picture.shape) > scale * params.alone_px:
        scale *= 2
    luma = picture.shrunk_luma(scale)
    if not isinstance(estimator, LocalEstimator) or min(luma.shape) < LOCAL.window_px:
        return
    if not movers(estimator.local(luma, few=True)):
        return
    for moved, mover in _standing_out(luma, estimator.local(luma), params):
        yield enlarged(moved, picture.shape, scale), mover.psf.scaled(scale)


def _standing_out(
    luma: FloatArray, found: Sequence[LocalEstimate], params: PartParams
) -> Iterator[tuple[Mask, Mover]]:
    """Yield the parts that motions of small windows moved and that stand out."""
    for mover in movers(found):
        seen = holds(luma, [mover.psf])
        moved = None if seen is None else _moved_by(mover, seen, params)
        if moved is not None:
            yield moved, mover


def _moved_by(mover: Mover, seen: FloatArray, params: PartParams) -> Mask | None:
    """Return the part in which most of a mover's windows lie, if it stands out."""
    parts, count = ndimage.label(seen > params.may)
    core = np.zeros(seen.shape, np.float32)
    for y0, x0, y1, x1 in mover.boxes:
        dy, dx = (y1 - y0) // 4, (x1 - x0) // 4
        core[y0 + dy : y1 - dy, x0 + dx : x1 - dx] += 1
    hit = ndimage.sum_labels(core, parts, np.arange(count + 1))
    hit[0] = 0
    best = int(np.argmax(hit))
    if hit[best] < params.within * core.sum():
        return None
    moved = whole(parts == best)
    rest = ~moved
    stands_out = (
        moved.mean() <= params.most
        and float(seen[moved].mean()) >= params.moved
        and float(seen[rest].mean()) <= params.rest
        and float((seen <= params.sure).mean()) >= params.surely
    )
    return moved if stands_out else None


def box_around(mask: NDArray[Any], params: PartParams = PARTS) -> Box | None:
    """Return the box of what a mask wants, with a margin; None where that is most of the photo.

    Args:
        mask: (H, W), wanted where above 0.
        params: margin, least sides, and how much is most.
    """
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return None
    ends = []
    for used, side in zip((rows, columns), mask.shape, strict=True):
        first, stop = int(used[0]), int(used[-1]) + 1
        more = max(params.margin_px, (params.least_px - (stop - first) + 1) // 2)
        ends.append((max(0, first - more), min(side, stop + more)))
    (y0, y1), (x0, x1) = ends
    if (y1 - y0) * (x1 - x0) > params.most_asked * mask.size:
        return None
    return y0, x0, y1, x1


def fading(away: Mask, params: PartParams = PARTS) -> tuple[Mask, FloatArray]:
    """Return a part widened by its rim, and weights that rise from 0 there to 1 beyond it.

    Args:
        away: (H, W), the part.
        params: rim and fade.
    """
    wide = np.asarray(ndimage.binary_dilation(away, iterations=params.rim_px))
    far = ndimage.distance_transform_edt(~wide)
    return wide, np.asarray(np.clip(far / params.fade_px, 0, 1), np.float32)
