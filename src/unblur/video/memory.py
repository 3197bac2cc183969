"""FrameRNN run frame by frame: what it remembers moves along with the picture."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from unblur.color import FloatArray
from unblur.engines.base import Engine
from unblur.engines.sizes import SizeRequirements
from unblur.errors import SpecMismatch
from unblur.video.alignment import (
    CELL_PX,
    Shifts,
    block_shifts,
    cells_of,
    moved_along,
    unshuffle,
)
from unblur.video.hints import CHANNELS, hints_of, share_in_motion, way_of

FRAME_CHANNELS = 3 * CELL_PX**2


@dataclass(frozen=True, eq=False)
class Moving:
    """What moves in a frame.

    Attributes:
        share: (H, W) float32, where it may be blurred, see
            :func:`unblur.video.hints.share_in_motion`.
        hints: see :func:`unblur.video.hints.hints_of`.
    """

    share: FloatArray
    hints: FloatArray


@dataclass(frozen=True, eq=False)
class Relation:
    """What the frames beside a frame, as filmed, tell of it.

    Attributes:
        before: where its blocks lie in the frame before; None where there is none.
        moving: None where nothing moved or is known.
    """

    before: Shifts | None
    moving: Moving | None


@dataclass(frozen=True, eq=False)
class Analysis:
    """What a frame shows, before anything is remembered.

    Attributes:
        planes: (3, H, W) float32 sRGB, padded to whole steps of the network.
        cells: see :func:`unblur.video.alignment.cells_of`.
        relation: to the frames beside it, once that is known.
    """

    planes: FloatArray
    cells: FloatArray
    relation: Relation | None = None


@dataclass(frozen=True, eq=False)
class _Last:
    """What is remembered of the frame before: as restored, learned channels, as filmed."""

    planes: FloatArray
    hidden: FloatArray
    seen: Analysis


class FrameMemory:
    """Restores the frames of one scene in order, each helped by those before it and the next one.

    Args:
        engine: runs a FrameRNN.

    Raises:
        SpecMismatch: the engine runs another kind of network, or a FrameRNN of before 0.2.
    """

    def __init__(self, engine: Engine) -> None:
        if engine.spec.task != "frame" or engine.spec.state_channels <= FRAME_CHANNELS:
            raise SpecMismatch(
                f"{engine.spec.name} is a '{engine.spec.task}' network, 'frame' is needed"
            )
        told = len(engine.spec.inputs.get("hints", ()))
        if told not in (0, CHANNELS):
            raise SpecMismatch(
                f"{engine.spec.name} takes {told} channels of hints, {CHANNELS} are needed: "
                "it is a FrameRNN of before 0.2; train one anew (see docs/video.md)"
            )
        self._engine = engine
        self._hidden = engine.spec.state_channels - FRAME_CHANNELS
        self._last: _Last | None = None

    def reset(self) -> None:
        """Forget everything, as at a scene cut."""
        self._last = None

    def analyse(self, frame: FloatArray) -> Analysis:
        """Return what a frame shows by itself; may be asked ahead, by another thread.

        Args:
            frame: (H, W, 3) float32 sRGB in [0, 1].
        """
        sizes = SizeRequirements(self._engine.spec.multiple_of)
        planes = np.ascontiguousarray(sizes.padded(np.moveaxis(frame, 2, 0)))
        return Analysis(planes, cells_of(planes))

    def relate(
        self, before: Analysis | None, analysis: Analysis, following: Analysis | None
    ) -> Analysis:
        """Return what a frame shows with what the frames beside it tell; may be asked ahead.

        Args:
            before, following: of the frames before and after it in the same scene, if any; frames
                of another size tell nothing.
            analysis: of the frame.
        """
        shape = analysis.planes.shape
        if before is not None and before.planes.shape != shape:
            before = None
        if following is not None and following.planes.shape != shape:
            following = None
        back = None if before is None else block_shifts(before.cells, analysis.cells)
        on = None if following is None else block_shifts(following.cells, analysis.cells)
        way = way_of(back, on)
        share = None if way is None else share_in_motion(way, shape[1:])
        if share is None or not share.any():
            return replace(analysis, relation=Relation(back, None))
        hints = hints_of(analysis.planes, back, on, following.planes if following else None)
        return replace(analysis, relation=Relation(back, Moving(share, hints)))

    def step(
        self, frame: FloatArray, analysis: Analysis | None = None, following: Analysis | None = None
    ) -> FloatArray:
        """Restore the next frame and remember it.

        Args:
            frame: (H, W, 3) float32 sRGB in [0, 1], of one size within a scene.
            analysis: of this frame, if it was analysed ahead; what ``relate`` returned, or else
                the frame is related here to the last one and to ``following``.
            following: of the frame after it, where there is one.

        Returns:
            (H, W, 3) float32 in [0, 1]; the very same frame where nothing moved, or where there
            is no other frame to tell.
        """
        height, width = frame.shape[:2]
        seen = self.analyse(frame) if analysis is None else analysis
        last = self._last
        if last is not None and last.planes.shape != seen.planes.shape:
            last = None
        if seen.relation is None:
            seen = self.relate(None if last is None else last.seen, seen, following)
        relation = seen.relation
        assert relation is not None
        moving = relation.moving
        if moving is None:
            nothing = np.zeros((self._hidden, *seen.cells.shape), np.float32)
            self._last = _Last(seen.planes, nothing, seen)
            return frame
        state = first_state(seen.planes, self._hidden)
        if last is not None and relation.before is not None:
            state = moved_state(last.planes, last.hidden, seen.planes, relation.before)
        restored, kept = self._engine(seen.planes[None], moving.hints[None], state[None])
        change = without_steps(restored[0] - seen.planes)
        clean = np.clip(seen.planes + moving.share * change, 0, 1)
        self._last = _Last(clean, kept[0, FRAME_CHANNELS:], replace(seen, relation=None))
        return np.asarray(np.moveaxis(clean, 0, 2)[:height, :width])


def without_steps(change: FloatArray) -> FloatArray:
    """Return a change to a frame without the steps at the borders of the network's cells.

    The network decides cell by cell, and may decide otherwise in the next one. A step at a border
    counts as far as it exceeds the slopes on both sides, and what there are of steps two pixels
    further inside, so that texture stays; it is spread over two pixels on each side.

    Args:
        change: (3, H, W) float32, written to; sides multiples of 4, a cell's.
    """
    for planes in (change, change.swapaxes(1, 2)):
        a, b, c, d = (planes[..., k:-CELL_PX:CELL_PX] for k in range(CELL_PX))
        e, f, g, h = (planes[..., CELL_PX + k :: CELL_PX] for k in range(CELL_PX))
        step = (e - d) - ((d - c) + (f - e)) / 2
        inside = np.maximum(
            np.abs((c - b) - ((b - a) + (d - c)) / 2), np.abs((g - f) - ((f - e) + (h - g)) / 2)
        )
        step = np.sign(step) * np.maximum(np.abs(step) - inside, 0)
        c += step / 8
        d += step * np.float32(0.375)
        e -= step * np.float32(0.375)
        f -= step / 8
    return change


def first_state(planes: FloatArray, hidden: int) -> FloatArray:
    """Return the state (48 + hidden, H / 4, W / 4) in which nothing is remembered."""
    shape = planes.shape[1] // CELL_PX, planes.shape[2] // CELL_PX
    state = np.zeros((FRAME_CHANNELS + hidden, *shape), np.float32)
    unshuffle(planes, state[:FRAME_CHANNELS])
    return state


def moved_state(
    last: FloatArray, hidden: FloatArray, planes: FloatArray, shifts: Shifts
) -> FloatArray:
    """Return what is remembered, moved along with the picture.

    Args:
        last: (3, H, W) float32, the last restored frame.
        hidden: (C, H / 4, W / 4), the learned channels.
        planes: (3, H, W), the frame now; taken where the last one shows nothing of it.
        shifts: from the last frame to this one.

    Returns:
        The state (48 + C, H / 4, W / 4).
    """
    state = np.empty((FRAME_CHANNELS + len(hidden), *hidden.shape[1:]), np.float32)
    unshuffle(moved_along(last, shifts, planes, unit=1), state[:FRAME_CHANNELS])
    nothing = np.zeros_like(hidden)
    state[FRAME_CHANNELS:] = moved_along(hidden, shifts, nothing, unit=CELL_PX)
    return state
