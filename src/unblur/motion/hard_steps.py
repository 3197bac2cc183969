"""Steps in brightness that are over within two pixels: a moved photo has ramps in their place."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from unblur.color import FloatArray, to_float
from unblur.motion.picture import Picture
from unblur.motion.windows import Mask

Levels = NDArray[np.uint8]


@dataclass(frozen=True)
class HardParams:
    """When a step is hard. Levels are of encoded samples, full range 1.

    Attributes:
        around_px: half side of the square in which the range of the brightness is taken.
        hard: share of that range that lies between pixels two apart.
        contrast: least such range: dark text on dark ground has 0.1.
        per_noise: least such range in standard deviations of the noise: that of noise alone is
            about 4.5. Encoded, noise is largest in the dark.
    """

    around_px: int = 3
    hard: float = 0.62
    contrast: float = 0.1
    per_noise: float = 10.0


HARD = HardParams()

DIRECTIONS = 12
"""Directions of steps that are told apart."""

_STRIP_ROWS = 512
_FEW = 1 / 32
"""Share of a strip's pixels up to which each is looked at by itself; changes no result."""
_LEVELS = 32
"""Levels of brightness whose noise is told apart."""
_MASK = (1, -2, 1, -2, 4, -2, 1, -2, 1)
_SAMPLED_PX = 40_000
"""About as many pixels tell the noise ..."""
_FEWEST_PX = 60
"""... of each level, which as many must show."""


def hard_pixels(picture: Picture, params: HardParams = HARD) -> tuple[Levels, Levels]:
    """Return the contrast of hard steps along x and along y, (H, W) uint8 each; strip by strip.

    Args:
        picture: any.
        params: what is hard.

    Returns:
        The range about each hard pixel, 255 for the full one; 0 where a pixel is not hard.
    """
    height, width = picture.shape
    across, down = (np.zeros((height, width), np.uint8) for _ in range(2))
    noise = _noise_of_levels(picture)
    margin = params.around_px + 1
    for y in range(0, height, _STRIP_ROWS):
        y0, y1 = max(0, y - margin), min(height, y + _STRIP_ROWS + margin)
        inner = slice(y - y0, min(height, y + _STRIP_ROWS) - y0)
        found = _hard_steps(to_float(picture.samples[y0:y1]), noise, params)
        across[y : y + _STRIP_ROWS], down[y : y + _STRIP_ROWS] = (f[inner] for f in found)
    return across, down


def _noise_of_levels(picture: Picture) -> FloatArray:
    """Return the noise of each level in each channel, (C, _LEVELS) float32.

    By a mask that neither slopes nor straight edges along the axes pass (Immerkaer, Fast noise
    variance estimation, CVIU 1996), and medians, which details hardly change.
    """
    height, width = picture.shape
    channels = picture.samples.shape[2]
    noise = np.zeros((channels, _LEVELS), np.float32)
    if min(height, width) < 3:
        return noise
    step = max(1, round(float(np.sqrt(height * width / _SAMPLED_PX))))
    parts = [
        to_float(picture.samples[y : height - 2 + y : step, x : width - 2 + x : step])
        for y, x in product(range(3), repeat=2)
    ]
    apart, mean = np.zeros_like(parts[0]), np.zeros_like(parts[0])
    for weight, part in zip(_MASK, parts, strict=True):
        apart += np.float32(weight / 6) * part
        mean += part / 9
    apart = np.abs(apart)
    level = np.asarray(mean * _LEVELS, np.intp).clip(0, _LEVELS - 1)
    for channel in range(channels):
        told = np.full(_LEVELS, np.nan)
        for one in range(_LEVELS):
            values = apart[..., channel][level[..., channel] == one]
            if len(values) >= _FEWEST_PX:
                told[one] = np.median(values) / 0.6745
        known = np.flatnonzero(~np.isnan(told))
        if len(known):
            noise[channel] = np.interp(np.arange(_LEVELS), known, told[known])
    return noise


def _hard_steps(
    samples: FloatArray, noise: FloatArray, params: HardParams
) -> tuple[Levels, Levels]:
    across, down = (np.zeros(samples.shape[:2], np.uint8) for _ in range(2))
    for channel in range(samples.shape[2]):
        plane = np.ascontiguousarray(samples[..., channel])
        steps = [_steps(plane, axis) for axis in (1, 0)]
        # No smaller step can be hard; of a moved photo there are few, and only those are weighed.
        likely = np.maximum(*steps) >= params.hard * params.contrast
        count = int(np.count_nonzero(likely))
        if not count:
            continue
        where: tuple[Any, ...] = (...,)
        if count < _FEW * likely.size:
            where = np.unravel_index(np.flatnonzero(likely), likely.shape)
        low, high = _range_around(plane, params.around_px, where)
        span = high - low
        level = ((high + low) * (_LEVELS / 2)).astype(np.intp).clip(0, _LEVELS - 1)
        enough = np.maximum(params.contrast, params.per_noise * noise[channel][level])
        least = np.where(span >= enough, params.hard * span, np.inf)
        told = np.rint(np.clip(255 * span, 1, 255)).astype(np.uint8)
        for found, step in zip((across, down), steps, strict=True):
            found[where] = np.maximum(found[where], np.where(step[where] >= least, told, 0))
    return across, down


def _range_around(
    plane: FloatArray, reach: int, where: tuple[Any, ...] = (...,)
) -> tuple[FloatArray, FloatArray]:
    """Return the least and largest values in the square about each pixel, mirrored beyond.

    As by ndimage's two rank filters, in a tenth of their time.

    Args:
        plane: (H, W).
        reach: half side of the square.
        where: rows and columns of the pixels that are asked for; all of them if none are named.
    """
    most = least = np.pad(plane, reach, mode="symmetric")
    if len(where) == 2:
        around = sliding_window_view(most, (2 * reach + 1, 2 * reach + 1))[where]
        return np.asarray(around.min(axis=(1, 2))), np.asarray(around.max(axis=(1, 2)))
    for axis in (0, 1):
        most = _running(np.maximum, most, 2 * reach + 1, axis)
        least = _running(np.minimum, least, 2 * reach + 1, axis)
    return least, most


def _running(extreme: np.ufunc, plane: FloatArray, count: int, axis: int) -> FloatArray:
    """Return the largest or smallest of ``count`` values in a row, from each on."""
    along, have = np.moveaxis(plane, axis, 0), 1
    while have < count:
        step = min(have, count - have)
        along, have = extreme(along[:-step], along[step:]), have + step
    return np.asarray(np.moveaxis(along, 0, axis))


def _steps(plane: FloatArray, axis: int) -> FloatArray:
    """Return how far pixels two apart along an axis differ, at the pixel between them."""
    steps = np.zeros_like(plane)
    along, plane = np.moveaxis(steps, axis, 0), np.moveaxis(plane, axis, 0)
    np.subtract(plane[2:], plane[:-2], out=along[1:-1])
    return np.abs(steps, out=steps)


def widened(hard: Mask) -> Mask:
    """Return a mask widened by a pixel on all sides, as by dilation with a square of 3."""
    for axis in (0, 1):
        wide = hard.copy()
        along, to = np.moveaxis(hard, axis, 0), np.moveaxis(wide, axis, 0)
        to[1:] |= along[:-1]
        to[:-1] |= along[1:]
        hard = wide
    return hard


def directions(picture: Picture, hard: Mask) -> NDArray[np.intp]:
    """Return the directions of steps in brightness, in units of 15 degrees, modulo 180.

    Args:
        picture: any.
        hard: (H, W), the N pixels that are asked for, row by row.

    Returns:
        (N,) in [0, DIRECTIONS).
    """
    ys, xs = np.nonzero(hard)
    height, width = picture.shape

    def grey(dy: int, dx: int) -> FloatArray:
        place = np.clip(ys + dy, 0, height - 1), np.clip(xs + dx, 0, width - 1)
        return np.asarray(to_float(picture.samples[place]).mean(axis=1), np.float32)

    turn = np.arctan2(grey(1, 0) - grey(-1, 0), grey(0, 1) - grey(0, -1)) / np.pi
    return np.asarray(np.floor(turn * DIRECTIONS), np.intp) % DIRECTIONS
