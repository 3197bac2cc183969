"""The photo network on each frame, steadied by what was restored before.

The motion of a frame is told by one look at one window, where the photo pipeline takes several
looks at many. What the frame before became, moved along with the picture,
then counts for a share wherever it agrees: two frames that were shaken differently have
different errors. Nothing of that was learned.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unblur.color import FloatArray
from unblur.engines.sizes import SizeRequirements
from unblur.motion.estimator import MotionEstimator
from unblur.motion.picture import Picture
from unblur.pipeline.tile_reader import TileReader, measured_noise
from unblur.pipeline.tiling import Segment
from unblur.restoration.restorers import NetworkRestorer
from unblur.spec import Bank
from unblur.video.alignment import CELL_PX, block_shifts, cells_of, moved_along
from unblur.video.hints import trust_in

MOST = 0.8
"""Largest share of the frame before."""

AGREEMENT = 0.08
"""Difference of brightness, sRGB, at which the share has fallen to a third."""

_STRIP_PIXELS = 2_500_000
_GREY = np.array([0.25, 0.5, 0.25], np.float32)


@dataclass(frozen=True, eq=False)
class Prepared:
    """What a frame shows by itself.

    Attributes:
        cells: see :func:`unblur.video.alignment.cells_of`.
        image: the photo network's input, (C, H, W); None where there is nothing to restore.
        trust: how much of the restoration counts, 0 to 1.
        length_px: of the motion.
    """

    cells: FloatArray
    image: FloatArray | None
    trust: float
    length_px: float


@dataclass(frozen=True, eq=False)
class _Last:
    """What is remembered: the frame before as restored, its cells and how far it had moved."""

    planes: FloatArray
    cells: FloatArray
    length_px: float


class SteadyPhoto:
    """Restores the frames of one scene in order, each steadied by those before it.

    Args:
        restorer: of photos; the bank and the network are the same here.
        estimator: tells how each frame moved, by a field of one window.
    """

    def __init__(self, restorer: NetworkRestorer, estimator: MotionEstimator) -> None:
        self._restorer, self._estimator = restorer, estimator
        self._last: _Last | None = None

    @property
    def bank(self) -> Bank:
        """What the network is shown, see :mod:`unblur.restoration.inputs`."""
        return self._restorer.bank

    def reset(self) -> None:
        """Forget everything, as at a scene cut."""
        self._last = None

    def look(self, frame: FloatArray) -> Prepared:
        """Return what a frame shows by itself; may be asked ahead, by another thread.

        Args:
            frame: (H, W, 3) float32 sRGB in [0, 1]; small ones are left alone.
        """
        cells = cells_of(padded_planes(frame))
        if not self._estimator.least.fits(frame.shape[:2]):
            return Prepared(cells, None, 0.0, 0.0)
        picture = Picture(frame)
        motion = self._estimator.propose(picture)
        found = motion.windows[0][0]
        trust = trust_in(found.blur_probability)
        length = found.psf.length_px()
        if trust == 0:
            return Prepared(cells, None, trust, length)
        height, width = frame.shape[:2]
        reader = TileReader(picture, motion, measured_noise(picture, motion))
        tile = reader.tile(Segment.whole(height), Segment.whole(width), 0)
        image = self._restorer.network_input(tile)
        return Prepared(cells, image, trust, length)

    def step(self, frame: FloatArray, sight: Prepared | None = None) -> FloatArray:
        """Restore the next frame and remember it.

        Args:
            frame: (H, W, 3) float32 sRGB in [0, 1], of one size within a scene.
            sight: of this frame, if it was looked at ahead.

        Returns:
            (H, W, 3) float32 in [0, 1]; the very same frame where it is sharp.
        """
        seen = self.look(frame) if sight is None else sight
        height, width = frame.shape[:2]
        planes, length = padded_planes(frame), seen.length_px
        restored = frame
        if seen.image is not None:
            new = _padded(self._restored(seen.image))
            planes = planes + np.float32(seen.trust) * (np.clip(new, 0, 1) - planes)
            if self._last is not None and self._last.planes.shape == planes.shape:
                planes, length = self._steadied(planes, seen)
            restored = np.asarray(np.moveaxis(planes, 0, 2)[:height, :width])
        self._last = _Last(planes, seen.cells, length)
        return restored

    def _restored(self, image: FloatArray) -> FloatArray:
        """Run the network, large frames in strips, so that memory stays bounded."""
        height, width = image.shape[1:]
        halo = self._restorer.halo_px
        rows = max(4 * halo, _STRIP_PIXELS // width)
        out = np.empty((3, height, width), np.float32)
        for y in range(0, height, rows):
            first, last = max(0, y - halo), min(height, y + rows + halo)
            restored = self._restorer.run(image[:, first:last])
            end = min(height, y + rows)
            out[:, y:end] = restored[:, y - first : end - first]
        return out

    def _steadied(self, planes: FloatArray, seen: Prepared) -> tuple[FloatArray, float]:
        """Return the frame mixed with the one before, and how far the mixture has moved."""
        last = self._last
        assert last is not None
        moved = moved_along(last.planes, block_shifts(last.cells, seen.cells), planes, unit=1)
        now, before = seen.length_px + 1, last.length_px + 1
        # The less a frame had moved, the better it is known.
        share = seen.trust * min(MOST, now / (now + before))
        return mixed(planes, moved, share), (1 - share) * (now - 1) + share * (before - 1)


def mixed(planes: FloatArray, before: FloatArray, share: float) -> FloatArray:
    """Return a frame mixed with the frame before wherever they agree.

    Args:
        planes: (3, H, W) float32 sRGB, sides multiples of 4.
        before: the frame before, moved along with the picture.
        share: of the frame before, where both are alike.
    """
    difference = before - planes
    grey = np.tensordot(_GREY, difference, axes=1)
    rows, columns = grey.shape[0] // CELL_PX, grey.shape[1] // CELL_PX
    apart = np.square(grey).reshape(rows, CELL_PX, columns, CELL_PX).mean(axis=(1, 3))
    weights = np.float32(share) * np.exp(apart / np.float32(-(AGREEMENT**2)))
    wide = weights.repeat(CELL_PX, axis=0).repeat(CELL_PX, axis=1)
    return np.asarray(planes + wide * difference, dtype=np.float32)


def padded_planes(frame: FloatArray) -> FloatArray:
    """Return a frame as (3, H, W), its sides padded to whole cells."""
    return _padded(np.moveaxis(frame, 2, 0))


def _padded(planes: FloatArray) -> FloatArray:
    return np.ascontiguousarray(SizeRequirements(CELL_PX).padded(planes))
