"""Reads tiles: the pixels, PSFs and confidence of one piece of a photo, on its working scale."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unblur.color import FloatArray, linear_to_srgb, srgb_to_linear, to_float
from unblur.motion.field import MotionField
from unblur.restoration.restorers import Tile, WeightedPsf
from unblur.restoration.tiling import Segment, node_weights


class TileReader:
    """Reads tiles of a photo at the scale on which its motion was measured.

    Args:
        samples: (H, W, C) uint8, uint16 or float32 in [0, 1], sRGB, C 1 or 3; only read.
        motion: the photo's motion field.
        noise: standard deviation of the noise, linear light.
    """

    def __init__(self, samples: NDArray[Any], motion: MotionField, noise: float) -> None:
        self._samples, self._motion, self._noise = samples, motion, noise
        self._nodes_y = tuple(c / motion.scale for c in motion.centres_y)
        self._nodes_x = tuple(c / motion.scale for c in motion.centres_x)

    def tile(self, row: Segment, column: Segment) -> Tile:
        """Return a tile with its halo."""
        return Tile(
            srgb=self._pixels(row, column),
            psfs=self._psfs(row, column),
            confidence=self._confidence(row, column),
            noise=self._noise,
        )

    def interpolate(self, values: FloatArray, row: Segment, column: Segment) -> FloatArray:
        """Return the windows' values at each pixel that a tile writes, (h, w) float32.

        Args:
            values: (rows, columns) float32, one for each window of the motion field.
        """
        weights_y = node_weights(self._nodes_y, row.start, row.stop)
        weights_x = node_weights(self._nodes_x, column.start, column.stop)
        return np.asarray(weights_y.T @ values @ weights_x, dtype=np.float32)

    def _pixels(self, row: Segment, column: Segment) -> FloatArray:
        """Return the tile's pixels on the working scale: means of scale x scale blocks."""
        scale = self._motion.scale
        y0, y1 = row.outer_start * scale, row.outer_stop * scale
        x0, x1 = column.outer_start * scale, column.outer_stop * scale
        pixels = to_float(self._samples[y0:y1, x0:x1])
        if scale > 1:
            missing = (y1 - y0 - pixels.shape[0], x1 - x0 - pixels.shape[1])
            pixels = np.pad(pixels, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
            shape = (row.outer_stop - row.outer_start, scale, -1, scale, pixels.shape[2])
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
