"""Frames whose motion is known: the PSFs of every part of a frame, and its restoration by them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from unblur.blur.formation import hat
from unblur.blur.psf import Psf
from unblur.blur.recorded import RecordedPath
from unblur.color import FloatArray, luma, srgb_to_linear
from unblur.errors import BadValue
from unblur.restoration.inputs import WeightedPsf, network_input
from unblur.restoration.noise import noise_beside_motion
from unblur.spec import Bank
from unblur.video.alignment import cells_of
from unblur.video.steady import Prepared, SteadyPhoto, padded_planes

Array = NDArray[np.float64]

ALIKE_PX = 0.75
"""Between neighbouring nodes trails may differ by so much: blending hides it."""

MOST_NODES = 9
"""For each side; the PSFs of a camera's turn are smooth."""

LENGTHS_PX = (1.0, 3.0)
"""Shorter motion than the first is left alone, from the second on it is restored fully."""

LONGEST_PX = 63.0
"""Longer motion than RestoreNet was trained on is left alone."""

_NOISE_PATCH = 512

_TILE_PX = 768
"""Side of the parts of a large frame, so that memory stays bounded."""

_HALO_PX = 32
"""Seen around a part, beside the reach of its PSFs."""


class Still:
    """The motion of a frame of which nothing is known: it is left alone."""


STILL = Still()


@dataclass(frozen=True, eq=False)
class FrameMotion:
    """How the camera moved while one frame was exposed.

    Attributes:
        path: the recorded path.
        middle_s: when the frame's middle line was exposed half.
        exposure_s: of each line.
        readout_s: from the first line to the last one.
        direction: of the read-out, see :class:`unblur.io.gyro.GyroLog`.
    """

    path: RecordedPath
    middle_s: float
    exposure_s: float
    readout_s: float = 0.0
    direction: int = 0

    def nodes(self, height: int, width: int) -> PsfNodes:
        """Return the PSFs of a frame, as many as its motion varies."""
        rows = self._count(height, width, axis=1)
        columns = self._count(height, width, axis=0)
        ys, xs = _evenly(rows, height), _evenly(columns, width)
        places = np.array([(x, y) for y in ys for x in xs])
        drawn = self.path.psfs(
            places - self._axis(height, width), self.middles(places, height, width), self.exposure_s
        )
        grid = tuple(tuple(drawn[i * columns : (i + 1) * columns]) for i in range(rows))
        return PsfNodes((height, width), grid)

    def middles(self, places: Array, height: int, width: int) -> Array:
        """Return when places (N, 2), px, of a frame were exposed half, s."""
        axis, side = (1, height) if self.direction < 2 else (0, width)
        along = places[:, axis] / max(side - 1, 1) - 0.5
        if self.direction in (1, 3):
            along = -along
        return np.asarray(self.middle_s + self.readout_s * along)

    def _count(self, height: int, width: int, *, axis: int) -> int:
        """Return how many nodes a side needs: neighbours draw nearly the same.

        Args:
            height, width: of the frame.
            axis: 0 along x, 1 along y.
        """
        side, other = (height, width) if axis == 1 else (width, height)
        for count in range(1, MOST_NODES + 1):
            along = np.linspace(0, side - 1, max(count, 2))
            across = np.linspace(0, other - 1, 3)
            pairs = [(a, b) if axis == 0 else (b, a) for b in across for a in along]
            places = np.array(pairs)
            trails = self.path.trails(
                places - self._axis(height, width),
                self.middles(places, height, width),
                self.exposure_s,
                steps=33,
            ).reshape(3, len(along), 33, 2)
            apart = float(np.hypot(*np.moveaxis(np.diff(trails, axis=1), -1, 0)).max())
            if apart <= (2 * ALIKE_PX if count == 1 else ALIKE_PX):
                return count
        return MOST_NODES

    @staticmethod
    def _axis(height: int, width: int) -> Array:
        return np.array([(width - 1) / 2, (height - 1) / 2])


@dataclass(frozen=True, eq=False)
class PsfNodes:
    """PSFs at the nodes of an even grid over a frame; between them they are blended.

    Attributes:
        shape: (H, W) of the frame.
        grid: rows of PSFs; a side of one node has it everywhere.
    """

    shape: tuple[int, int]
    grid: tuple[tuple[Psf, ...], ...]

    @property
    def length_px(self) -> float:
        """Length of the longest motion."""
        return max(psf.length_px() for row in self.grid for psf in row)

    @property
    def reach_px(self) -> int:
        """Half the side of the largest PSF."""
        return max(max(psf.shape) // 2 for row in self.grid for psf in row)

    @property
    def middle(self) -> Psf:
        """The PSF nearest to the frame's middle."""
        row = self.grid[len(self.grid) // 2]
        return row[len(row) // 2]

    def within(self, y0: int, y1: int, x0: int, x1: int) -> list[WeightedPsf]:
        """Return the PSFs that count in a part of the frame, and where."""
        found = []
        height, width = self.shape
        for i, row in enumerate(self.grid):
            down = _weights(i, len(self.grid), height)[y0:y1]
            for j, psf in enumerate(row):
                weight = down[:, None] * _weights(j, len(row), width)[x0:x1]
                if weight.any():
                    found.append((psf, weight))
        return found


class KnowsMotion(Protocol):
    """A frame model that takes known motion."""

    def analyse_known(self, frame: FloatArray, motion: Any) -> Any:
        """As ``analyse``, with the motion of the frame: a FrameMotion, or STILL."""


class KnownPhoto:
    """The photo network on frames whose motion is known, steadied by those before.

    Args:
        steady: does the rest.
    """

    def __init__(self, steady: SteadyPhoto) -> None:
        self._steady = steady

    def reset(self) -> None:
        """Forget the scene."""
        self._steady.reset()

    def analyse(self, frame: FloatArray) -> Prepared:
        """Return that nothing is known of a frame's motion."""
        return self.analyse_known(frame, STILL)

    def analyse_known(self, frame: FloatArray, motion: FrameMotion | Still) -> Prepared:
        """Return what is known of a frame; may be asked ahead, by another thread.

        Args:
            frame: (H, W, 3) float32 sRGB in [0, 1].
            motion: how it moved.
        """
        planes = padded_planes(frame)
        cells = cells_of(planes)
        if isinstance(motion, Still):
            return Prepared(planes, cells, None, 0.0, 0.0)
        height, width = frame.shape[:2]
        nodes = motion.nodes(height, width)
        length = nodes.length_px
        trust = float(np.clip(np.interp(length, LENGTHS_PX, (0, 1)), 0, 1))
        if trust == 0 or length > LONGEST_PX or 2 * nodes.reach_px >= min(height, width):
            return Prepared(planes, cells, None, 0.0, length)
        image = known_input(self._steady.bank, frame, nodes)
        return Prepared(planes, cells, image, trust, length, known=True)

    def step(
        self,
        frame: FloatArray,
        analysis: Prepared | None = None,
        following: Prepared | None = None,
    ) -> FloatArray:
        """See :class:`unblur.video.models.FrameModel`."""
        return self._steady.step(
            frame, self.analyse(frame) if analysis is None else analysis, following
        )


def known_model(model: Any) -> KnownPhoto:
    """Return the model for known motion that the photo model has become.

    Raises:
        BadValue: another model.
    """
    if not isinstance(model, SteadyPhoto):
        raise BadValue("recorded motion is used by the model photo only")
    return KnownPhoto(model)


def known_input(bank: Bank, frame: FloatArray, nodes: PsfNodes) -> FloatArray:
    """Return RestoreNet's input for a frame whose PSFs are known, large frames part by part.

    Args:
        bank: of the network.
        frame: (H, W, 3) float32 sRGB in [0, 1].
        nodes: its PSFs.
    """
    height, width = frame.shape[:2]
    y, x = max(0, (height - _NOISE_PATCH) // 2), max(0, (width - _NOISE_PATCH) // 2)
    patch = luma(srgb_to_linear(frame[y : y + _NOISE_PATCH, x : x + _NOISE_PATCH]))
    noise = noise_beside_motion(patch, nodes.middle)
    halo = nodes.reach_px + _HALO_PX
    parts: FloatArray | None = None
    for y0 in range(0, height, _TILE_PX):
        for x0 in range(0, width, _TILE_PX):
            y1, x1 = min(height, y0 + _TILE_PX), min(width, x0 + _TILE_PX)
            top, left = max(0, y0 - halo), max(0, x0 - halo)
            bottom, right = min(height, y1 + halo), min(width, x1 + halo)
            psfs = nodes.within(top, bottom, left, right)
            seen = network_input(bank, frame[top:bottom, left:right], psfs, 1.0, noise)
            if parts is None:
                parts = np.empty((len(seen), height, width), np.float32)
            parts[:, y0:y1, x0:x1] = seen[:, y0 - top : y1 - top, x0 - left : x1 - left]
    assert parts is not None  # a frame has pixels
    return parts


def _evenly(count: int, side: int) -> Array:
    """Return where the nodes of a side lie, px."""
    return np.array([(side - 1) / 2]) if count == 1 else np.linspace(0, side - 1, count)


def _weights(index: int, count: int, size: int) -> FloatArray:
    """Return how much a node counts along a side."""
    whole = np.zeros(size, np.float32)
    first, end, weights = hat(index, count, size)
    whole[first:end] = weights
    return whole
