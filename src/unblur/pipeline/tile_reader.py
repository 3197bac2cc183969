"""Reads tiles: the pixels, PSFs and confidence of one piece of a photo, on its working scale."""

from __future__ import annotations

import numpy as np

from unblur.blocks import block_means
from unblur.blur.psf import Psf
from unblur.color import FloatArray, linear_to_srgb, luma, srgb_to_linear, to_float
from unblur.motion.field import MotionField
from unblur.motion.picture import Picture
from unblur.motion.windows import WINDOW
from unblur.pipeline.tiling import Segment, node_weights
from unblur.restoration.inputs import WeightedPsf
from unblur.restoration.noise import can_be_measured, noise_beside_motion
from unblur.restoration.restorers import Tile
from unblur.tone import SRGB

_NOISE_WINDOWS = 5
"""Windows in which the noise is measured; their median counts."""


class TileReader:
    """Reads tiles of a photo at the scale on which its motion was measured.

    Args:
        picture: the photo; only read.
        motion: its motion field; None for restorers that take no PSF, on the photo's own scale.
        noise: standard deviation of the luma's noise, see :func:`measured_noise`.
        regularisation: factor on that of the network's bank.
    """

    def __init__(
        self,
        picture: Picture,
        motion: MotionField | None,
        noise: float,
        regularisation: float = 1.0,
    ) -> None:
        self._picture, self._motion = picture, motion
        self._noise, self._regularisation = noise, regularisation
        self._scale = 1 if motion is None else motion.scale
        self._nodes_y, self._nodes_x = _nodes(picture, motion)

    def tile(self, row: Segment, column: Segment, halo_px: int) -> Tile:
        """Return a tile.

        Args:
            row, column: what to read and write.
            halo_px: context that the restorer needs around what is written, less than is read.
        """
        return Tile(
            srgb=pixels(
                self._picture,
                self._scale,
                (row.outer_start, row.outer_stop),
                (column.outer_start, column.outer_stop),
            ),
            psfs=self._psfs(row, column),
            confidence=self._confidence(row, column),
            noise=self._noise,
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

    def _psfs(self, row: Segment, column: Segment) -> list[WeightedPsf]:
        if self._motion is None:
            return []
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
        shape = (row.outer_stop - row.outer_start, column.outer_stop - column.outer_start)
        if self._motion is None:
            return np.ones(shape, np.float32)
        values = np.array([[w.confidence for w in ws] for ws in self._motion.windows], np.float32)
        weights_y = node_weights(self._nodes_y, row.outer_start, row.outer_stop)
        weights_x = node_weights(self._nodes_x, column.outer_start, column.outer_stop)
        return np.asarray(weights_y.T @ values @ weights_x, dtype=np.float32)


def measured_noise(picture: Picture, motion: MotionField | None) -> float:
    """Return the standard deviation of the luma's noise on the motion's scale, linear light.

    The median of a few windows, each measured where its own PSF has left no signal; one in the
    middle where no motion is known.
    """
    scale = 1 if motion is None else motion.scale
    nodes_y, nodes_x = _nodes(picture, motion)
    psfs = None if motion is None else [w.psf for row in motion.windows for w in row]
    rough = None if motion is None else [w.noise for row in motion.windows for w in row]
    places = [(y, x) for y in nodes_y for x in nodes_x]
    chosen = np.linspace(0, len(places) - 1, min(_NOISE_WINDOWS, len(places)))
    found = []
    for index in np.round(chosen).astype(int):
        psf = Psf.delta() if psfs is None else psfs[index]
        spans = [
            _around(place, -(-side // scale))
            for place, side in zip(places[index], picture.shape, strict=True)
        ]
        plane = luma(srgb_to_linear(pixels(picture, scale, *spans)))
        if can_be_measured(plane, psf):
            found.append(noise_beside_motion(plane, psf))
        else:
            found.append(0.0 if rough is None else rough[index])
    return float(np.median(found))


def pixels(
    picture: Picture, scale: int, rows: tuple[int, int], columns: tuple[int, int]
) -> FloatArray:
    """Return pixels of the working scale, (h, w, 3) float32 sRGB: means of blocks of the photo.

    Args:
        picture: the photo, of any tone curve.
        scale: photo px per px of the working scale.
        rows, columns: first and end, px of the working scale.
    """
    (y0, y1), (x0, x1) = (tuple(edge * scale for edge in ends) for ends in (rows, columns))
    encoded = to_float(picture.samples[y0:y1, x0:x1])
    if scale > 1:
        missing = (y1 - y0 - encoded.shape[0], x1 - x0 - encoded.shape[1])
        encoded = np.pad(encoded, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
    if scale > 1 or picture.tone != SRGB:
        light = picture.tone.to_linear(encoded)
        if scale > 1:
            light = block_means(light, scale)
        encoded = linear_to_srgb(light)
    return np.array(np.broadcast_to(encoded, (*encoded.shape[:2], 3)))


def _nodes(
    picture: Picture, motion: MotionField | None
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the middles of the windows' rows and columns on the working scale."""
    if motion is None:
        return (picture.shape[0] / 2,), (picture.shape[1] / 2,)
    return (
        tuple(c / motion.scale for c in motion.centres_y),
        tuple(c / motion.scale for c in motion.centres_x),
    )


def _around(place: float, side: int) -> tuple[int, int]:
    """Return a window's extent around a place on an axis of some length."""
    start = int(np.clip(place - WINDOW / 2, 0, max(0, side - WINDOW)))
    return start, min(side, start + WINDOW)


def _needed(segment: Segment, halo_px: int) -> slice:
    """Return the written pixels and a halo, within those read."""
    start = max(segment.outer_start, segment.start - halo_px)
    stop = min(segment.outer_stop, segment.stop + halo_px)
    return slice(start - segment.outer_start, stop - segment.outer_start)
