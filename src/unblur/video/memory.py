"""FrameRNN run frame by frame: what it remembers moves along with the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unblur.color import FloatArray
from unblur.engines.base import Engine
from unblur.engines.sizes import SizeRequirements
from unblur.errors import SpecMismatch
from unblur.motion.estimator import MotionEstimator
from unblur.video.alignment import (
    CELL_PX,
    Shifts,
    block_shifts,
    cells_of,
    moved_along,
)
from unblur.video.hints import hint_of, no_hint, trust_in
from unblur.video.steady import mixed

FRAME_CHANNELS = 3 * CELL_PX**2

SHARE = 0.2
"""Share of the frame before that is mixed in wherever both agree: flicker that the network, young
as it is, leaves; chosen on the validation clips."""


@dataclass(frozen=True, eq=False)
class Analysis:
    """What a frame shows by itself, before anything is remembered.

    Attributes:
        planes: (3, H, W) float32 sRGB, padded to whole steps of the network.
        cells: see :func:`unblur.video.alignment.cells_of`.
        hints: (16 planes + facts, H / 4, W / 4) float32, its hints as FrameRNN takes them.
        trust: how much of the restoration counts, 0 to 1.
    """

    planes: FloatArray
    cells: FloatArray
    hints: FloatArray
    trust: float


class FrameMemory:
    """Restores the frames of one scene in order, each helped by those before it.

    Args:
        engine: runs a FrameRNN.
        estimator: tells how each frame moved, for the hints; without it there are none.

    Raises:
        SpecMismatch: the engine runs another kind of network.
    """

    def __init__(self, engine: Engine, estimator: MotionEstimator | None) -> None:
        if engine.spec.task != "frame" or engine.spec.state_channels <= FRAME_CHANNELS:
            raise SpecMismatch(
                f"{engine.spec.name} is a '{engine.spec.task}' network, 'frame' is needed"
            )
        self._engine, self._estimator = engine, estimator
        self._hidden = engine.spec.state_channels - FRAME_CHANNELS
        self._last: tuple[FloatArray, FloatArray, FloatArray] | None = None

    def reset(self) -> None:
        """Forget everything, as at a scene cut."""
        self._last = None

    def analyse(self, frame: FloatArray) -> Analysis:
        """Return what a frame shows by itself; may be asked ahead, by another thread.

        Args:
            frame: (H, W, 3) float32 sRGB in [0, 1].
        """
        height, width = frame.shape[:2]
        sizes = SizeRequirements(self._engine.spec.multiple_of)
        planes = np.ascontiguousarray(sizes.padded(np.moveaxis(frame, 2, 0)))
        if self._estimator is None or not self._estimator.least.fits((height, width)):
            hint, trust = no_hint(height, width), 1.0
        else:
            hint = hint_of(frame, self._estimator)
            trust = trust_in(float(hint.facts[-1]))
        return Analysis(
            planes,
            cells_of(planes),
            hint_cells(sizes.padded(hint.planes, "constant"), hint.facts),
            trust,
        )

    def step(
        self, frame: FloatArray, analysis: Analysis | None = None, following: Analysis | None = None
    ) -> FloatArray:
        """Restore the next frame and remember it.

        Args:
            frame: (H, W, 3) float32 sRGB in [0, 1], of one size within a scene.
            analysis: of this frame, if it was analysed ahead.
            following: of the frame after it; not asked.

        Returns:
            (H, W, 3) float32 in [0, 1]; the very same frame where it is sharp.
        """
        height, width = frame.shape[:2]
        seen = self.analyse(frame) if analysis is None else analysis
        last = self._last
        if last is not None and last[0].shape != seen.planes.shape:
            last = None
        if last is None:
            shifts, state = None, first_state(seen.planes, self._hidden)
        else:
            shifts = block_shifts(last[2], seen.cells)
            state = moved_state(last[0], last[1], seen.planes, shifts)
        restored, kept = self._engine(seen.planes[None], seen.hints[None], state[None])
        clean = np.clip(restored[0], 0, 1)
        if seen.trust < 1:
            clean = seen.planes + np.float32(seen.trust) * (clean - seen.planes)
        if last is not None and shifts is not None and seen.trust > 0:
            moved = moved_along(last[0], shifts, clean, unit=1)
            clean = mixed(clean, moved, SHARE * seen.trust)
        self._last = clean, kept[0, FRAME_CHANNELS:], seen.cells
        return np.asarray(np.moveaxis(clean, 0, 2)[:height, :width])


def hint_cells(planes: FloatArray, facts: FloatArray) -> FloatArray:
    """Return hints as FrameRNN takes them; see :class:`Analysis`.

    Args:
        planes: (P, H, W) float32, H and W multiples of 4.
        facts: numbers of the whole frame.
    """
    count, rows, columns = len(planes), planes.shape[1] // CELL_PX, planes.shape[2] // CELL_PX
    cells = count * CELL_PX**2
    out = np.empty((cells + len(facts), rows, columns), np.float32)
    unshuffle(planes, out[:cells])
    out[cells:] = facts[:, None, None]
    return out


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


def unshuffle(planes: FloatArray, cells: FloatArray) -> None:
    """Write planes (C, H, W) into cells (16 C, H / 4, W / 4), as pixel_unshuffle does."""
    channels, height, width = planes.shape
    rows, columns = height // CELL_PX, width // CELL_PX
    split = planes.reshape(channels, rows, CELL_PX, columns, CELL_PX)
    target = cells.reshape(channels, CELL_PX, CELL_PX, rows, columns)
    target[:] = split.transpose(0, 2, 4, 1, 3)
