"""The photo network on each frame, steadied by what was restored before.

The motion of a frame is estimated once, at one window, where the photo pipeline
estimates several times, at many. What the frame before became, moved along with the picture,
then counts for a share wherever it agrees: two frames that were shaken differently have
different errors. Nothing of that was learned.

A frame is touched only as far as the frames on both sides of it show the same, see
:mod:`unblur.video.evidence`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unblur.blocks import block_means
from unblur.color import FloatArray
from unblur.engines.sizes import SizeRequirements
from unblur.motion.estimator import MotionEstimator
from unblur.motion.picture import Picture
from unblur.pipeline.evidence import rise
from unblur.pipeline.settings import DEFAULTS
from unblur.pipeline.tile_reader import TileReader, measured_noise
from unblur.pipeline.tiling import Segment
from unblur.restoration.restorers import NetworkRestorer
from unblur.spec import Bank
from unblur.video.alignment import CELL_PX, block_shifts, cells_of, moved_along
from unblur.video.evidence import Laid, grey_of, laid_on_frame, share_moved, share_shown

MOST = 0.8
"""Largest share of the frame before."""

AGREEMENT = 0.08
"""Difference of brightness, sRGB, at which the share has fallen to a third."""

_STRIP_PIXELS = 2_500_000


@dataclass(frozen=True, eq=False)
class Prepared:
    """What a frame shows by itself.

    Attributes:
        planes: (3, H, W) float32 sRGB, padded to whole cells.
        cells: see :func:`unblur.video.alignment.cells_of`.
        image: the photo network's input, (C, H, W); None where there is nothing to restore.
        trust: how much of the restoration counts, 0 to 1.
        length_px: of the motion.
        known: whether the motion was recorded: it needs no evidence.
    """

    planes: FloatArray
    cells: FloatArray
    image: FloatArray | None
    trust: float
    length_px: float
    known: bool = False


@dataclass(frozen=True, eq=False)
class _Last:
    """What is remembered of the frame before.

    Attributes:
        planes: as it was given out.
        alone: as restored by itself, whatever its neighbours said.
        seen: what it showed by itself.
        length_px: how far it had moved.
    """

    planes: FloatArray
    alone: FloatArray
    seen: Prepared
    length_px: float


class SteadyPhoto:
    """Restores the frames of one scene in order, each steadied by those before it.

    Args:
        restorer: of photos; the bank and the network are the same here.
        estimator: tells how each frame moved, by a field of one window.
        over_time: whether neighbours must bear out what is restored; not so in bursts, whose
            photos are few and lie apart.
    """

    def __init__(
        self, restorer: NetworkRestorer, estimator: MotionEstimator, *, over_time: bool = True
    ) -> None:
        self._restorer, self._estimator, self._over_time = restorer, estimator, over_time
        self._last: _Last | None = None
        self._ahead: tuple[Prepared, FloatArray] | None = None

    @property
    def bank(self) -> Bank:
        """What the network is shown, see :mod:`unblur.restoration.inputs`."""
        return self._restorer.bank

    def reset(self) -> None:
        """Forget everything, as at a scene cut."""
        self._last = self._ahead = None

    def analyse(self, frame: FloatArray) -> Prepared:
        """Return what a frame shows by itself; may be asked ahead, by another thread.

        Args:
            frame: (H, W, 3) float32 sRGB in [0, 1]; small ones are left alone.
        """
        planes = padded_planes(frame)
        cells = cells_of(planes)
        if not self._estimator.least.fits(frame.shape[:2]):
            return Prepared(planes, cells, None, 0.0, 0.0)
        picture = Picture(frame)
        motion = self._estimator.propose(picture)
        found = motion.windows[0][0]
        trust = trust_in(found.blur_probability)
        length = found.psf.length_px()
        if trust == 0:
            return Prepared(planes, cells, None, trust, length)
        height, width = frame.shape[:2]
        reader = TileReader(picture, motion, measured_noise(picture, motion))
        tile = reader.tile(Segment.whole(height), Segment.whole(width), 0)
        image = self._restorer.network_input(tile)
        return Prepared(planes, cells, image, trust, length)

    def step(
        self,
        frame: FloatArray,
        analysis: Prepared | None = None,
        following: Prepared | None = None,
    ) -> FloatArray:
        """Restore the next frame and remember it.

        Args:
            frame: (H, W, 3) float32 sRGB in [0, 1], of one size within a scene.
            analysis: of this frame, if it was analysed ahead.
            following: of the frame after it, if that is of the same scene.

        Returns:
            (H, W, 3) float32 in [0, 1]; the very same frame where it is sharp.
        """
        seen = self.analyse(frame) if analysis is None else analysis
        height, width = frame.shape[:2]
        last = self._last
        if last is not None and last.planes.shape != seen.planes.shape:
            last = None
        alone, length = self._alone(seen), seen.length_px
        planes, restored = alone, frame
        if seen.image is not None:
            planes, length = self._with_neighbours(seen, alone, last, following)
            restored = np.asarray(np.moveaxis(planes, 0, 2)[:height, :width])
        self._last = _Last(planes, alone, seen, length)
        return restored

    def _with_neighbours(
        self, seen: Prepared, alone: FloatArray, last: _Last | None, following: Prepared | None
    ) -> tuple[FloatArray, float]:
        """Return a frame as its neighbours bear it out, and how far it had moved."""
        if following is not None and following.planes.shape != seen.planes.shape:
            following = None
        if seen.known or not self._over_time or (last is None and following is None):
            # Nothing else can tell, or need tell: the frame's own evidence must do.
            return (alone, seen.length_px) if last is None else _steadied(alone, seen, last)
        blurry = grey_of(seen.planes)
        before, after = [], []
        if last is not None:
            before = [_laid(last.seen, last.alone, seen, blurry)]
        if following is not None:
            ahead = self._alone(following)
            self._ahead = following, ahead
            after = [_laid(following, ahead, seen, blurry)]
        beside = before + after
        share = share_moved(seen.length_px, beside, blurry.shape)
        share = share * share_shown(blurry, grey_of(alone), beside)
        planes, length = seen.planes + share * (alone - seen.planes), seen.length_px
        if last is not None:
            # The frame before cannot bear out what was taken from itself.
            mixture, steadier = _steadied(planes, seen, last)
            share = share * share_shown(grey_of(planes), grey_of(mixture), after, detail=False)
            planes = planes + share * (mixture - planes)
            length += float(share.mean()) * (steadier - length)
        return planes, length

    def _alone(self, seen: Prepared) -> FloatArray:
        """Return a frame restored by itself; what was made ahead is not made again."""
        if seen.image is None:
            return seen.planes
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead[0] is seen:
            return ahead[1]
        new = np.clip(_padded(self._restored(seen.image)), 0, 1)
        return np.asarray(seen.planes + np.float32(seen.trust) * (new - seen.planes))

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


def _laid(other: Prepared, alone: FloatArray, seen: Prepared, blurry: FloatArray) -> Laid:
    """Return another frame laid on the one in question."""
    shifts = block_shifts(other.cells, seen.cells)
    return laid_on_frame(grey_of(other.planes), grey_of(alone), shifts, blurry)


def _steadied(planes: FloatArray, seen: Prepared, last: _Last) -> tuple[FloatArray, float]:
    """Return the frame mixed with the one before, and how far the mixture has moved."""
    moved = moved_along(last.planes, block_shifts(last.seen.cells, seen.cells), planes, unit=1)
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
    grey = grey_of(difference)
    apart = block_means(np.square(grey), CELL_PX)
    weights = np.float32(share) * np.exp(apart / np.float32(-(AGREEMENT**2)))
    wide = weights.repeat(CELL_PX, axis=0).repeat(CELL_PX, axis=1)
    return np.asarray(planes + wide * difference, dtype=np.float32)


def padded_planes(frame: FloatArray) -> FloatArray:
    """Return a frame as (3, H, W), its sides padded to whole cells."""
    return _padded(np.moveaxis(frame, 2, 0))


def _padded(planes: FloatArray) -> FloatArray:
    return np.ascontiguousarray(SizeRequirements(CELL_PX).padded(planes))


def trust_in(probability: float) -> float:
    """Return how much a frame's restoration counts, by its probability of motion blur."""
    return rise(probability, *DEFAULTS.probability)
