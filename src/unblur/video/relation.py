"""What FrameRNN is told of a frame: what it shows by itself, and what the frames beside it tell."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from unblur.color import FloatArray
from unblur.video.alignment import CELL_PX, Shifts, block_shifts
from unblur.video.blurred import Detail, share_to_restore
from unblur.video.cells import cells_of_frame
from unblur.video.evidence import over_pixels
from unblur.video.hints import CHANNELS, hints_of

FRAME_CHANNELS = 3 * CELL_PX**2


@dataclass(frozen=True, eq=False)
class Moving:
    """What moves in a frame.

    Attributes:
        share: (16, H / 4, W / 4) float32, in cells, where it is restored, see
            :func:`unblur.video.blurred.share_to_restore`.
        told: what FrameRNN is told beside the frame: the hints, see
            :func:`unblur.video.hints.hints_of`, and room for the memory.
    """

    share: FloatArray
    told: FloatArray


@dataclass(frozen=True, eq=False)
class Relation:
    """What the frames beside a frame, as filmed, tell of it.

    Attributes:
        before, after: where its blocks lie in the frames beside it; None where there is none.
        moving: None where nothing moved or is known, and where what moved is sharp.
    """

    before: Shifts | None
    after: Shifts | None
    moving: Moving | None


@dataclass(frozen=True, eq=False)
class Analysis:
    """What a frame shows, before anything is remembered.

    Attributes:
        frame: (H, W, 3) float32 sRGB, padded to whole steps of the network.
        cells: (48, H / 4, W / 4), the same in cells.
        motion: on which motion is searched, see :func:`unblur.video.alignment.cells_of`.
        detail: which tells whether it is blurred.
        relation: to the frames beside it, once that is known.
    """

    frame: FloatArray
    cells: FloatArray
    motion: FloatArray
    detail: Detail
    relation: Relation | None = None


def related(
    before: Analysis | None, analysis: Analysis, following: Analysis | None, *, hidden: int
) -> Analysis:
    """Return what a frame shows with what the frames beside it tell.

    Args:
        before, following: of the frames before and after it in the same scene, if any; frames
            of another size tell nothing.
        analysis: of the frame.
        hidden: learned channels of the memory, for which room is made.
    """
    shape = analysis.frame.shape
    if before is not None and before.frame.shape != shape:
        before = None
    if following is not None and following.frame.shape != shape:
        following = None
    back = None if before is None else block_shifts(before.motion, analysis.motion)
    on = None if following is None else block_shifts(following.motion, analysis.motion)
    beside = [x.detail for x in (before, following) if x is not None]
    share = share_to_restore(analysis.detail, back, on, beside)
    if not share.any():
        return replace(analysis, relation=Relation(back, on, None))
    channels = CHANNELS + FRAME_CHANNELS + hidden
    told = np.empty((channels, *analysis.motion.shape), np.float32)
    hints_of(
        analysis.frame,
        back,
        on,
        following.frame if following else None,
        cells=analysis.cells,
        out=told[:CHANNELS],
    )
    moving = Moving(cells_of_frame(over_pixels(share, shape[:2])[..., None]), told)
    return replace(analysis, relation=Relation(back, on, moving))
