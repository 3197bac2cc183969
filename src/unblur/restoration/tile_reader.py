"""Reads tiles: the pixels, PSFs and confidence of one piece of a photo, on its working scale."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unblur.color import FloatArray, linear_to_srgb, luma, srgb_to_linear, to_float
from unblur.motion.features import WINDOW
from unblur.motion.field import MotionField
from unblur.restoration.inputs import WeightedPsf
from unblur.restoration.noise import noise_beside_motion
from unblur.restoration.restorers import Tile
from unblur.restoration.tiling import Segment, node_weights

_NOISE_WINDOWS = 5


class TileReader:
    """Reads tiles of a photo at the scale on which its motion was measured.

    Args:
        samples: (H, W, C) uint8, uint16 or float32 in [0, 1], sRGB, C 1 or 3; only read.
        motion: the photo's motion field.
        regularisation: factor on that of the network's bank.

    Attributes:
        noise: standard deviation of the luma's noise on the working scale, linear light: the
            median of a few windows.
    """

    def __init__(
        self, samples: NDArray[Any], motion: MotionField, regularisation: float = 1.0
    ) -> None:
        self._samples, self._motion, self._regularisation = samples, motion, regularisation
        self._nodes_y = tuple(c / motion.scale for c in motion.centres_y)
        self._nodes_x = tuple(c / motion.scale for c in motion.centres_x)
        self.noise = self._measured_noise()

    def tile(self, row: Segment, column: Segment, halo_px: int) -> Tile:
        """Return a tile.

        Args:
            row, column: what to read and write.
            halo_px: context that the restorer needs around what is written, less than is read.
        """
        return Tile(
            srgb=self._pixels(
                row.outer_start, row.outer_stop, column.outer_start, column.outer_stop
            ),
            psfs=self._psfs(row, column),
            confidence=self._confidence(row, column),
            noise=self.noise,
            needed=(_needed(row, halo_px), _needed(column, halo_px)),
            regularisation=self._regularisation,
        )

    def interpolate(self, values: FloatArray, row: Segment, column: Segment) -> FloatArray:
        """Return the windows' values at each pixel that a tile writes, (h, w) float32.

        Args:
            values: (rows, columns) float32, one for each window of the motion field.
        """
        weights_y = node_weights(self._nodes_y, row.start, row.stop)
        weights_x = node_weights(self._nodes_x, column.start, column.stop)
        return np.asarray(weights_y.T @ values @ weights_x, dtype=np.float32)

    def _measured_noise(self) -> float:
        windows = [
            (y, x, window)
            for y, row in zip(self._nodes_y, self._motion.windows, strict=True)
            for x, window in zip(self._nodes_x, row, strict=True)
        ]
        chosen = np.linspace(0, len(windows) - 1, min(_NOISE_WINDOWS, len(windows)))
        seen = []
        for index in np.round(chosen).astype(int):
            y, x, window = windows[index]
            sides = zip((y, x), self._samples.shape, strict=False)
            spans = [_around(place, -(-side // self._motion.scale)) for place, side in sides]
            plane = luma(srgb_to_linear(self._pixels(*spans[0], *spans[1])))
            seen.append(noise_beside_motion(plane, window.psf) or window.noise)
        return float(np.median(seen))

    def _pixels(self, top: int, bottom: int, left: int, right: int) -> FloatArray:
        """Return pixels of the working scale, (h, w, 3): means of scale x scale blocks."""
        scale = self._motion.scale
        y0, y1, x0, x1 = (edge * scale for edge in (top, bottom, left, right))
        pixels = to_float(self._samples[y0:y1, x0:x1])
        if scale > 1:
            missing = (y1 - y0 - pixels.shape[0], x1 - x0 - pixels.shape[1])
            pixels = np.pad(pixels, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
            shape = (bottom - top, scale, -1, scale, pixels.shape[2])
            light = srgb_to_linear(pixels).reshape(shape).mean(axis=(1, 3), dtype=np.float32)
            pixels = linear_to_srgb(light)
        return np.array(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))

    def _psfs(self, row: Segment, column: Segment) -> list[WeightedPsf]:
        height, width = (s.outer_stop - s.outer_start for s in (row, column))
        if self._motion.uniform:
            psf = self._motion.windows[0][0].psf
            return [(psf, np.ones((height, width), np.float32))]
        weights_y = node_weights(self._nodes_y, row.outer_start, row.outer_stop)
        weights_x = node_weights(self._nodes_x, column.outer_start, column.outer_stop)
        return [
            (window.psf, wy[:, None] * wx[None, :])
            for windows, wy in zip(self._motion.windows, weights_y, strict=True)
            if wy.any()
            for window, wx in zip(windows, weights_x, strict=True)
            if wx.any()
        ]

    def _confidence(self, row: Segment, column: Segment) -> FloatArray:
        values = np.array([[w.confidence for w in ws] for ws in self._motion.windows], np.float32)
        weights_y = node_weights(self._nodes_y, row.outer_start, row.outer_stop)
        weights_x = node_weights(self._nodes_x, column.outer_start, column.outer_stop)
        return np.asarray(weights_y.T @ values @ weights_x, dtype=np.float32)


def _around(place: float, side: int) -> tuple[int, int]:
    """Return a window's extent around a place on an axis of some length."""
    start = int(np.clip(place - WINDOW / 2, 0, max(0, side - WINDOW)))
    return start, min(side, start + WINDOW)


def _needed(segment: Segment, halo_px: int) -> slice:
    """Return the written pixels and a halo, within those read."""
    start = max(segment.outer_start, segment.start - halo_px)
    stop = min(segment.outer_stop, segment.stop + halo_px)
    return slice(start - segment.outer_start, stop - segment.outer_start)
