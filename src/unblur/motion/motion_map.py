"""A map of what moved: MapNet reads the pixels and says it of each cell of 8 px.

It has learned from scenes of layers (:mod:`unblur.blur.layered`), where a cell's truth is the share
of its light that moved: well inside an object that is 1, over its blurred rim it falls to 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from unblur.blocks import fitting_scale
from unblur.color import FloatArray, linear_to_srgb, to_float
from unblur.engines.base import Engine
from unblur.motion.picture import Picture
from unblur.motion.windows import Box, Mask
from unblur.tone import SRGB


@dataclass(frozen=True)
class MapParams:
    """How a photo is laid before MapNet.

    Attributes:
        longest_px: longer side of the picture that it reads; larger ones are shrunk.
        cell_px: side of a cell, px of that picture.
        rows_px: rows that it reads at once, so that a large picture takes little memory ...
        halo_px: ... and beyond them on both sides; both are multiples of what it takes.
    """

    longest_px: int = 1600
    cell_px: int = 8
    rows_px: int = 512
    halo_px: int = 64


MAP = MapParams()


@dataclass(frozen=True, eq=False)
class MotionMap:
    """What MapNet says of a photo's cells.

    Attributes:
        cell_px: side of a cell, px of the photo.
        moved: (h, w) float32 in [0, 1], share of the light that moved.
        length_px: (h, w) float32, how far it did, px of the photo.
        spread: (h, w) float32, standard deviation of that, octaves.
        direction: (2, h, w) float32, cos and sin of twice the direction, counter-clockwise as
            seen; shorter the less sure.
    """

    cell_px: int
    moved: FloatArray
    length_px: FloatArray
    spread: FloatArray
    direction: FloatArray

    def shares(self, boxes: Sequence[Box], scale: int) -> list[float]:
        """Return the share of the light that moved in boxes, px of the photo shrunk by a scale."""
        found = []
        for y0, x0, y1, x1 in boxes:
            rows, columns = (
                slice(first * scale // self.cell_px, max(1, round(stop * scale / self.cell_px)))
                for first, stop in ((y0, y1), (x0, x1))
            )
            found.append(float(self.moved[rows, columns].mean()))
        return found

    def below(self, share: float, shape: tuple[int, int]) -> Mask:
        """Return where less of the light moved, at the pixels of a photo of a shape, (H, W)."""
        rows, columns = (
            np.minimum(np.arange(side) // self.cell_px, cells - 1)
            for side, cells in zip(shape, self.moved.shape, strict=True)
        )
        return np.asarray((self.moved < share)[np.ix_(rows, columns)])


@runtime_checkable
class MapReader(Protocol):
    """An estimator that can map what moved."""

    def motion_map(self, picture: Picture) -> MotionMap | None:
        """Return the map of a picture; None where nobody can read it."""


def read_map(picture: Picture, network: Engine, params: MapParams = MAP) -> MotionMap:
    """Return MapNet's map of a picture.

    Args:
        picture: any; cells that it does not fill are left out at the far sides.
        network: runs MapNet.
        params: on which scale.
    """
    scale = fitting_scale(picture.shape, params.longest_px)
    pixels = _shrunk(picture, scale)
    height, width = pixels.shape[:2]
    step = network.spec.multiple_of
    padded = np.pad(
        np.moveaxis(pixels, 2, 0),
        ((0, 0), (0, -height % step), (0, -width % step)),
        mode="symmetric" if min(height, width) >= step else "edge",
    )
    said = _in_strips(padded, network, params)
    said = said[:, : max(1, height // params.cell_px), : max(1, width // params.cell_px)]
    return MotionMap(
        cell_px=params.cell_px * scale,
        moved=np.asarray(1 / (1 + np.exp(-np.clip(said[0], -30, 30))), np.float32),
        length_px=np.asarray(np.exp2(np.clip(said[1], 0, 8)) * scale, np.float32),
        spread=np.asarray(np.exp(np.clip(said[2], -3, 2)), np.float32),
        direction=np.asarray(said[3:5], np.float32),
    )


def _in_strips(padded: FloatArray, network: Engine, params: MapParams) -> FloatArray:
    """Return what a network says of a picture that it reads strip by strip."""
    height, parts = padded.shape[1], []
    for first in range(0, height, params.rows_px):
        stop = min(height, first + params.rows_px)
        top, bottom = max(0, first - params.halo_px), min(height, stop + params.halo_px)
        (said,) = network(np.ascontiguousarray(padded[None, :, top:bottom]))
        rows = slice((first - top) // params.cell_px, (stop - top) // params.cell_px)
        parts.append(said[0][:, rows])
    return np.concatenate(parts, axis=1)


def _shrunk(picture: Picture, scale: int) -> FloatArray:
    """Return a picture in sRGB, shrunk by a whole factor, (h, w, 3) float32."""
    samples = picture.samples
    height, width = (side // scale * scale for side in picture.shape)
    strips = []
    for y in range(0, height, 64 * scale):
        part = samples[y : min(y + 64 * scale, height), :width]
        values = to_float(part)
        if scale > 1:
            rows, columns = values.shape[0] // scale, width // scale
            values = values.reshape(rows, scale, columns, scale, -1).mean(axis=(1, 3))
        strips.append(values)
    pixels = np.concatenate(strips)
    if picture.tone != SRGB:
        pixels = linear_to_srgb(np.clip(picture.tone.to_linear(pixels), 0, 1))
    return np.asarray(np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels, np.float32)
