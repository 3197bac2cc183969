"""FrameRNN run frame by frame: what it remembers moves along with the picture."""

from __future__ import annotations

import numpy as np

from unblur.color import FloatArray
from unblur.engines.base import Engine
from unblur.errors import SpecMismatch
from unblur.video.alignment import (
    CELL_PX,
    Shifts,
    block_shifts,
    cells_of,
    moved_along,
    source_places,
)

FRAME_CHANNELS = 3 * CELL_PX**2


class FrameMemory:
    """Restores the frames of one scene in order, each helped by those before it.

    Args:
        engine: runs a FrameRNN.

    Raises:
        SpecMismatch: the engine runs another kind of network.
    """

    def __init__(self, engine: Engine) -> None:
        if engine.spec.task != "frame" or engine.spec.state_channels <= FRAME_CHANNELS:
            raise SpecMismatch(
                f"{engine.spec.name} is a '{engine.spec.task}' network, 'frame' is needed"
            )
        self._engine = engine
        self._hidden = engine.spec.state_channels - FRAME_CHANNELS
        self._last: tuple[FloatArray, FloatArray, FloatArray] | None = None

    def reset(self) -> None:
        """Forget everything, as at a scene cut."""
        self._last = None

    def step(self, frame: FloatArray) -> FloatArray:
        """Restore the next frame and remember it.

        Args:
            frame: (H, W, 3) float32 sRGB in [0, 1], of one size within a scene.

        Returns:
            (H, W, 3) float32 in [0, 1].
        """
        height, width = frame.shape[:2]
        step = self._engine.spec.multiple_of
        planes = np.moveaxis(frame, 2, 0)
        if height % step or width % step:
            pad = ((0, 0), (0, -height % step), (0, -width % step))
            planes = np.pad(planes, pad, mode="edge")
        planes = np.ascontiguousarray(planes)
        cells = cells_of(planes)
        restored, state = self._engine(planes[None], self._state(planes, cells)[None])
        clean = np.clip(restored[0], 0, 1)
        self._last = clean, state[0, FRAME_CHANNELS:], cells
        return np.asarray(np.moveaxis(clean, 0, 2)[:height, :width])

    def _state(self, planes: FloatArray, cells: FloatArray) -> FloatArray:
        if self._last is None or self._last[0].shape != planes.shape:
            return first_state(planes, self._hidden)
        last, hidden, before = self._last
        return moved_state(last, hidden, planes, block_shifts(before, cells))


def first_state(planes: FloatArray, hidden: int) -> FloatArray:
    """Return the state (48 + hidden, H / 4, W / 4) in which nothing is remembered."""
    shape = planes.shape[1] // CELL_PX, planes.shape[2] // CELL_PX
    state = np.zeros((FRAME_CHANNELS + hidden, *shape), np.float32)
    unshuffle(planes, state)
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
    places = source_places(shifts, (planes.shape[1], planes.shape[2]), unit=1)
    unshuffle(moved_along(last, places, planes), state)
    places = source_places(shifts, (hidden.shape[1], hidden.shape[2]), unit=CELL_PX)
    state[FRAME_CHANNELS:] = moved_along(hidden, places, np.zeros_like(hidden))
    return state


def unshuffle(planes: FloatArray, state: FloatArray) -> None:
    """Write a frame (3, H, W) into a state's first 48 channels, as pixel_unshuffle does."""
    channels, height, width = planes.shape
    rows, columns = height // CELL_PX, width // CELL_PX
    split = planes.reshape(channels, rows, CELL_PX, columns, CELL_PX)
    target = state[:FRAME_CHANNELS].reshape(channels, CELL_PX, CELL_PX, rows, columns)
    target[:] = split.transpose(0, 2, 4, 1, 3)
