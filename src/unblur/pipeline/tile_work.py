"""One photo's restoration, tile by tile, and the corrections added to its samples.

Memory is bounded by the tiles: the photo's samples and the result's are held in the photo's
own depth, everything else only for one row of tiles and the few tiles in work.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unblur.color import FloatArray, quantise, srgb_to_linear, to_float
from unblur.motion.field import MotionField
from unblur.motion.picture import Picture
from unblur.pipeline.report import RestoreOptions
from unblur.pipeline.tile_reader import TileReader
from unblur.pipeline.tiling import Segment, plan_tiles, plan_windows
from unblur.restoration.restorers import BlindRestorer, Restorer
from unblur.tone import SRGB

Samples = NDArray[Any]
Progress = Callable[[int, int], None]

FADE_PX = 32
"""Pixels over which neighbouring tiles are blended; even."""

_STEP_PX = 16
"""Tiles begin at multiples of this. A network that halves its picture gives something else if the
picture is moved by less than a block; so all tiles see the same blocks as the whole photo would."""


class TileWork:
    """One photo's restoration on the scale at which its motion was measured.

    Args:
        picture: the photo; not changed.
        motion: its motion field; None for restorers that take no PSF, which work on the photo's
            own scale and are trusted all over.
        trust: (rows, columns) float32, how much of the restoration to apply at each window.
        restorer: what restores the tiles.
        options: strength, regularisation, mask and the tiles' side.
        noise: standard deviation of the luma's noise on the working scale, linear light.
    """

    def __init__(
        self,
        picture: Picture,
        motion: MotionField | None,
        trust: FloatArray,
        restorer: Restorer,
        options: RestoreOptions,
        *,
        noise: float,
    ) -> None:
        self._picture, self._restorer = picture, restorer
        self._trust = trust if motion is not None else np.ones((1, 1), np.float32)
        self._strength, self._mask = options.applied, options.mask
        self._scale = 1 if motion is None else motion.scale
        self._reader = TileReader(picture, motion, noise, options.settings.regularisation)
        self._size = tuple(-(-side // self._scale) for side in picture.shape)
        if isinstance(restorer, BlindRestorer) and restorer.window_px is not None:
            self._halo_px = restorer.halo_px
            self._rows, self._columns = (
                plan_windows(side, window=window, halo=restorer.halo_px, fade=FADE_PX)
                for side, window in zip(self._size, restorer.window_px, strict=True)
            )
            return
        reach = 0 if motion is None else _reach(motion)
        self._halo_px = _in_steps(restorer.halo_px)
        halo = self._halo_px + _in_steps(reach)
        tile = max(options.tile_px, 2 * reach)
        self._rows, self._columns = plan_tiles(
            (self._size[0], self._size[1]), tile=tile, halo=halo, fade=FADE_PX, step=_STEP_PX
        )

    def run(self, progress: Progress | None) -> Samples:
        """Return the restored samples."""
        out = self._picture.samples.copy()
        total = len(self._rows) * len(self._columns)
        carried: FloatArray | None = None
        before = np.zeros((0, self._size[1], 3), np.float32)
        corrections = self._corrections()
        for i, row in enumerate(self._rows):
            band = np.zeros((row.stop - row.start, self._size[1], 3), np.float32)
            for j, column in enumerate(self._columns):
                band[:, column.start : column.stop] += next(corrections)
                if progress is not None:
                    progress(i * len(self._columns) + j + 1, total)
            if carried is not None:
                band[: row.fade_in] += carried
            keep = band.shape[0] - row.fade_out
            carried = band[keep:]
            self._write(out, row.start, band[:keep], before, carried[:1])
            before = band[keep - 1 : keep]
        return out

    def _corrections(self) -> Iterator[FloatArray]:
        """Yield the corrections of all tiles in order; a few are in work at the same time."""
        ahead: deque[Future[FloatArray]] = deque()
        with ThreadPoolExecutor(self._restorer.at_once) as pool:
            for place in product(self._rows, self._columns):
                ahead.append(pool.submit(self._tile, *place))
                if len(ahead) > self._restorer.at_once:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()

    def _tile(self, row: Segment, column: Segment) -> FloatArray:
        """Return a tile's weighted correction on the working scale, (h, w, 3), as encoded."""
        trust = self._reader.interpolate(self._trust, row, column)
        weights = row.weights()[:, None] * column.weights()[None, :] * trust
        if not weights.any() or not self._is_wanted(row, column):
            return np.zeros((*weights.shape, 3), np.float32)
        tile = self._reader.tile(row, column, self._halo_px)
        correction = self._encoded(self._restorer(tile)) - self._encoded(tile.srgb)
        return np.asarray(weights[..., None] * correction[row.inner, column.inner])

    def _encoded(self, srgb: FloatArray) -> FloatArray:
        """Return sRGB as the photo's own tone curve encodes it."""
        tone = self._picture.tone
        if tone == SRGB:
            return srgb
        return tone.to_encoded(srgb_to_linear(np.clip(srgb, 0, 1)))

    def _is_wanted(self, row: Segment, column: Segment) -> bool:
        """Return whether the mask has anything in a tile, or there is none."""
        if self._mask is None:
            return True
        scale = self._scale
        # A pixel of the working scale reaches a pixel further when it is enlarged.
        y0, x0 = (max(0, s.start - 1) * scale for s in (row, column))
        y1, x1 = ((s.stop + 1) * scale for s in (row, column))
        return bool(self._mask[y0:y1, x0:x1].any())

    def _write(
        self, out: Samples, start: int, band: FloatArray, above: FloatArray, below: FloatArray
    ) -> None:
        """Add a band of corrections, from row ``start`` of the working scale, to the samples.

        ``above`` and ``below`` hold the neighbouring row on each side, or none at the borders,
        so that bands enlarge without a seam.
        """
        scale = self._scale
        framed = np.concatenate([above, band, below])
        for offset in range(0, band.shape[0], 64):
            rows = min(64, band.shape[0] - offset)
            first = len(above) + offset
            y0 = (start + offset) * scale
            y1 = min(y0 + rows * scale, out.shape[0])
            part = framed[first : first + rows]
            if scale > 1:
                low, high = max(0, first - 1), first + rows + 1
                part = _enlarge(framed[low:high], scale)[(first - low) * scale :]
            part = part[: y1 - y0, : out.shape[1]]
            if out.shape[2] == 1:
                part = part.mean(axis=2, keepdims=True)
            if self._mask is not None:
                part = part * self._mask[y0:y1, :, None].astype(np.float32)
            if part.any():
                moved = to_float(out[y0:y1]) + np.float32(self._strength) * part
                out[y0:y1] = quantise(np.clip(moved, 0, 1), out.dtype)


def _reach(motion: MotionField) -> int:
    """Return how far the PSFs reach from their centres, px."""
    return max(max(w.psf.shape) // 2 for row in motion.windows for w in row)


def _in_steps(length: int) -> int:
    return -(-length // _STEP_PX) * _STEP_PX


def _enlarge(part: FloatArray, scale: int) -> FloatArray:
    """Return corrections enlarged smoothly, (h * scale, w * scale, 3)."""
    size = (part.shape[1] * scale, part.shape[0] * scale)
    planes = [
        np.asarray(Image.fromarray(part[..., c]).resize(size, Image.Resampling.BILINEAR))
        for c in range(3)
    ]
    return np.stack(planes, axis=2)
