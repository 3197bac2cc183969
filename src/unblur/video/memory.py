"""FrameRNN run frame by frame: what it remembers moves along with the picture."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from unblur.color import FloatArray
from unblur.engines.base import Engine
from unblur.engines.sizes import SizeRequirements
from unblur.errors import SpecMismatch
from unblur.video.alignment import CELL_PX, Shifts, cells_of_grey, moved_along
from unblur.video.blurred import detail_of
from unblur.video.cells import (
    brightness,
    cells_of_frame,
    fetch,
    from_cells,
    without_steps,
)
from unblur.video.hints import CHANNELS, way_of
from unblur.video.relation import FRAME_CHANNELS, Analysis, Moving, related
from unblur.video.sharper import Neighbour, with_sharper

_NEAR_CELLS = 3
"""Side of the neighbourhood over which a change is measured."""

_NOISE = np.float32(0.004)
"""Root mean square, a grey level, of a change that is as likely wrong as right. On real frames more
than half of what was lost were changes below it."""


@dataclass(frozen=True, eq=False)
class _Last:
    """What is remembered of the frame before: as restored, learned channels, as filmed."""

    frame: FloatArray
    hidden: FloatArray
    seen: Analysis


class FrameMemory:
    """Restores the frames of one scene in order, each helped by those before it and the next one.

    Args:
        engine: runs a FrameRNN.

    Raises:
        SpecMismatch: the engine runs another kind of network, or a FrameRNN of other inputs.
    """

    def __init__(self, engine: Engine) -> None:
        spec = engine.spec
        if spec.task != "frame" or spec.state_channels <= FRAME_CHANNELS:
            raise SpecMismatch(f"{spec.name} is a '{spec.task}' network, 'frame' is needed")
        known = {name: len(channels) for name, channels in spec.inputs.items()}
        wanted = {"frame": FRAME_CHANNELS, "told": CHANNELS + spec.state_channels}
        if known not in ({}, wanted):
            raise SpecMismatch(
                f"{spec.name} takes {_listed(known)}, but {_listed(wanted)} are needed: it was "
                "made by another version of unblur; export it anew from its checkpoint "
                "(see docs/video.md)"
            )
        self._engine = engine
        self._hidden = spec.state_channels - FRAME_CHANNELS
        self._last: _Last | None = None

    def reset(self) -> None:
        """Forget everything, as at a scene cut."""
        self._last = None

    def analyse(self, frame: FloatArray) -> Analysis:
        """Return what a frame shows by itself; may be asked ahead, by another thread.

        Args:
            frame: (H, W, 3) float32 sRGB in [0, 1].
        """
        whole = np.ascontiguousarray(self._padded(frame))
        grey = brightness(whole)
        return Analysis(whole, cells_of_frame(whole), cells_of_grey(grey), detail_of(grey))

    def relate(
        self, before: Analysis | None, analysis: Analysis, following: Analysis | None
    ) -> Analysis:
        """Return what a frame shows with what the frames beside it tell; may be asked ahead.

        Args:
            before, following: of the frames before and after it in the same scene, if any; frames
                of another size tell nothing.
            analysis: of the frame.
        """
        return related(before, analysis, following, hidden=self._hidden)

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
            (H, W, 3) float32 in [0, 1]; the very same frame where nothing that moved is blurred,
            or where there is no other frame to tell.
        """
        height, width = frame.shape[:2]
        seen = self.analyse(frame) if analysis is None else analysis
        last = self._last
        if last is not None and last.frame.shape != seen.frame.shape:
            last = None
        if seen.relation is None:
            seen = self.relate(None if last is None else last.seen, seen, following)
        relation = seen.relation
        assert relation is not None
        moving = relation.moving
        if moving is None:
            nothing = np.zeros((self._hidden, *seen.motion.shape), np.float32)
            self._last = _Last(seen.frame, nothing, seen)
            return frame
        state = moving.told[CHANNELS:]
        if last is None or relation.before is None:
            write_first_state(seen.cells, state)
        else:
            write_moved_state(last.frame, last.hidden, seen.frame, relation.before, state)
        change, hidden = self._found(seen.cells, moving)
        change *= share_that_counts(change)
        without_steps(change)
        clean = clipped(seen.cells, change, moving.share)
        restored = np.empty_like(seen.frame)
        from_cells(clean, restored)
        restored = _with_sharper(restored, seen, last, following)
        self._last = _Last(restored, hidden, replace(seen, relation=None))
        return restored[:height, :width]

    def _found(self, cells: FloatArray, moving: Moving) -> tuple[FloatArray, FloatArray]:
        """Return the network's change to a frame and its learned channels, 0 where all rests.

        The network sees the rectangle of what moves, with its halo.
        """
        spec = self._engine.spec
        halo, step = spec.halo_px // CELL_PX, max(1, spec.multiple_of // CELL_PX)
        moves = np.asarray(moving.share.any(axis=0))
        rows, columns = (_range_of(np.asarray(moves.any(axis=k)), halo, step) for k in (1, 0))
        part = slice(None), rows, columns
        found = self._engine(cells[part][None], moving.told[part][None])
        if found[0].shape[2:] == cells.shape[1:]:
            return found[0][0], found[1][0]
        change = np.zeros_like(cells)
        hidden = np.zeros((self._hidden, *cells.shape[1:]), np.float32)
        change[part], hidden[part] = found[0][0], found[1][0]
        return change, hidden

    def _padded(self, frame: FloatArray) -> FloatArray:
        """Return a frame with its last pixels repeated as far as the network needs."""
        sizes = SizeRequirements(self._engine.spec.multiple_of)
        rows, columns = sizes.missing(*frame.shape[:2])
        if rows == columns == 0:
            return frame
        return np.pad(frame, ((0, rows), (0, columns), (0, 0)), mode="edge")


def _with_sharper(
    restored: FloatArray, seen: Analysis, last: _Last | None, following: Analysis | None
) -> FloatArray:
    """Return a restored frame with what a sharper one beside it shows, where it moves."""
    relation = seen.relation
    assert relation is not None and relation.moving is not None
    beside = []
    if last is not None and relation.before is not None:
        detail = detail_of(brightness(last.frame))
        beside.append(Neighbour(last.frame, relation.before, detail))
    if following is not None and relation.after is not None:
        beside.append(Neighbour(following.frame, relation.after, following.detail))
    way = way_of(relation.before, relation.after)
    assert way is not None
    helped = with_sharper(restored, seen.frame, seen.detail, way, beside)
    if helped is restored:
        return restored
    share = np.empty((*restored.shape[:2], 1), np.float32)
    from_cells(relation.moving.share, share)
    return np.asarray(restored + share * (helped - restored), np.float32)


def share_that_counts(change: FloatArray) -> FloatArray:
    """Return how much of a change to a frame is kept, (H / 4, W / 4) float32 in [0, 1].

    Where a change is as small as the noise that all frames have it is as likely wrong as right: a
    Wiener filter's share, with the mean square of the change nearby as what is wanted.

    Args:
        change: (48, H / 4, W / 4), in cells.
    """
    mean = np.einsum("crx,crx->rx", change, change) / np.float32(len(change))
    nearby = ndimage.uniform_filter(mean, _NEAR_CELLS, mode="nearest")
    return np.asarray(nearby / (nearby + _NOISE**2), np.float32)


def clipped(cells: FloatArray, change: FloatArray, share: FloatArray) -> FloatArray:
    """Return a frame in cells with a share of a change, within [0, 1].

    Args:
        cells: (48, H / 4, W / 4), the frame.
        change: the same shape; it is used up.
        share: (16, H / 4, W / 4) in [0, 1].
    """
    colours = change.reshape(-1, *share.shape)
    colours *= share
    change += cells
    return np.clip(change, 0, 1, out=change)


def _range_of(moves: NDArray[np.bool_], halo: int, step: int) -> slice:
    """Return the range of what moves along a side, with a halo, in whole steps."""
    found = np.flatnonzero(moves)
    first = max(0, int(found[0]) - halo) // step * step
    return slice(first, min(len(moves), -(-(int(found[-1]) + 1 + halo) // step) * step))


def write_first_state(cells: FloatArray, state: FloatArray) -> None:
    """Write the state (48 + hidden, H / 4, W / 4) in which nothing is remembered.

    Args:
        cells: (48, H / 4, W / 4), the frame now.
        state: written to.
    """
    state[:FRAME_CHANNELS] = cells
    state[FRAME_CHANNELS:] = 0


def write_moved_state(
    last: FloatArray, hidden: FloatArray, frame: FloatArray, shifts: Shifts, state: FloatArray
) -> None:
    """Write what is remembered, moved along with the picture.

    Args:
        last: (H, W, 3) float32, the last restored frame.
        hidden: (C, H / 4, W / 4), the learned channels.
        frame: the same, the frame now; taken where the last one shows nothing of it.
        shifts: from the last frame to this one.
        state: (48 + C, H / 4, W / 4), written to.
    """
    fetch(last, shifts, frame, state[:FRAME_CHANNELS])
    nothing = np.zeros_like(hidden)
    state[FRAME_CHANNELS:] = moved_along(hidden, shifts, nothing, unit=CELL_PX)


def _listed(inputs: dict[str, int]) -> str:
    return ", ".join(f"{name} of {count} channels" for name, count in inputs.items())
