"""What moved by itself before a still background: what small windows tell, and edges confirm."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from unblur.blocks import fitting_scale
from unblur.blur.psf import Psf
from unblur.color import FloatArray
from unblur.motion.edges import holds
from unblur.motion.estimator import MotionEstimator
from unblur.motion.local import LOCAL, LocalEstimate, LocalEstimator, Mover, movers
from unblur.motion.part_masks import enlarged, whole
from unblur.motion.picture import Picture
from unblur.motion.windows import Mask


@dataclass(frozen=True)
class MovedPartParams:
    """When a part of a picture stands out as moved.

    Attributes:
        longest_px: longer side of the picture that is looked at; larger ones are shrunk.
        sure: evidence below which a pixel is surely still.
        may: evidence above which a pixel may have moved with a mover.
        within: share of a mover's windows that must lie in one part that may.
        most: largest share of the picture that such a part covers.
        moved, rest: mean evidence of that part, at least, and of all else, at most.
        surely: share of the picture that must be surely still then.
    """

    longest_px: int = 800
    sure: float = -0.5
    may: float = 0.05
    within: float = 0.5
    most: float = 0.75
    moved: float = 0.18
    rest: float = -0.2
    surely: float = 0.1


MOVED_PARTS = MovedPartParams()


def moved_parts(
    picture: Picture, estimator: MotionEstimator, params: MovedPartParams = MOVED_PARTS
) -> Iterator[tuple[Mask, Psf]]:
    """Yield what may have moved before a still background, the likeliest first.

    Args:
        picture: one that did not move as a whole.
        estimator: asked about small windows; if it cannot be, there is nothing.
        params: what stands out.

    Yields:
        (H, W), px of the picture, and the motion that small windows tell, px of the picture.
    """
    scale = fitting_scale(picture.shape, params.longest_px)
    luma = picture.shrunk_luma(scale)
    if not isinstance(estimator, LocalEstimator) or min(luma.shape) < LOCAL.window_px:
        return
    for moved, mover in _standing_out(luma, estimator.local(luma), params):
        yield enlarged(moved, picture.shape, scale), mover.psf.scaled(scale)


def _standing_out(
    luma: FloatArray, found: Sequence[LocalEstimate], params: MovedPartParams
) -> Iterator[tuple[Mask, Mover]]:
    """Yield the parts that motions of small windows moved and that stand out."""
    for mover in movers(found):
        seen = holds(luma, [mover.psf])
        moved = None if seen is None else _moved_by(mover, seen, params)
        if moved is not None:
            yield moved, mover


def _moved_by(mover: Mover, seen: FloatArray, params: MovedPartParams) -> Mask | None:
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
