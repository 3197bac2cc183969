"""The way of a photo: motion field, tiles, restoration, referee, report.

Memory is bounded by the tiles: the photo's samples and the result's are held in the photo's
own depth, everything else only for one row of tiles.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unblur.blur.psf import Psf
from unblur.color import (
    FloatArray,
    linear_to_srgb,
    luma,
    quantise,
    srgb_to_linear,
    to_float,
)
from unblur.engines.base import Engine
from unblur.errors import BadValue, ShapeMismatch
from unblur.motion.features import noise_sigma
from unblur.motion.field import MIN_SIDE, MotionField, analyse_luma, uniform_field
from unblur.restoration import referee
from unblur.restoration.restorers import BlindRestorer, Restorer, Tile, WeightedPsf
from unblur.restoration.tiling import Segment, node_weights, plan_axis, plan_windows

Samples = NDArray[Any]
Progress = Callable[[int, int], None]

TILE_PX = 512
FADE_PX = 32
_NOISE_PATCH = 512


@dataclass(frozen=True, eq=False)
class RestoreOptions:
    """What the caller may choose.

    Attributes:
        strength: 0 leaves the photo, 1 applies the restoration fully.
        psf: use this PSF everywhere instead of estimating; the referee then stands aside.
        mask: (H, W) bool or float in [0, 1]; only where it is above 0 is anything restored.
        tile_px: side of the tiles.
        gate: let the referee decide what is left alone; False restores the whole photo.
    """

    strength: float = 1.0
    psf: Psf | None = None
    mask: NDArray[Any] | None = None
    tile_px: int = TILE_PX
    gate: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 1:
            raise BadValue(f"strength must be between 0 and 1, got {self.strength}")


@dataclass(frozen=True)
class Report:
    """What was done where, for people and machines.

    Attributes:
        model: name of the restorer.
        changed: whether any sample differs from the input.
        reason: why nothing was changed, or empty.
        motion: the motion field, see :meth:`MotionField.to_dict`; None for tiny photos, and
            where nobody asked for it.
        trust: rows of the referee's decisions, 0 untouched to 1 fully restored.
        noise: estimated standard deviation of the noise, linear light.
        strength: as asked for.
        seconds: time for analysis and restoration.
        notes: remarks of the reader of the file and of the pipeline.
    """

    model: str
    changed: bool
    reason: str
    motion: dict[str, Any] | None
    trust: list[list[float]]
    noise: float
    strength: float
    seconds: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def analyse_samples(samples: Samples, kernel_engine: Engine) -> MotionField | None:
    """Estimate the motion field of a photo's samples.

    Args:
        samples: (H, W, C) uint8, uint16 or float32 in [0, 1], sRGB, C 1 or 3.
        kernel_engine: runs KernelNet.

    Returns:
        The field, or None for a photo too small to tell.
    """
    if min(samples.shape[:2]) < MIN_SIDE:
        return None

    def read(y0: int, x0: int, y1: int, x1: int) -> FloatArray:
        return luma(srgb_to_linear(to_float(samples[y0:y1, x0:x1])))

    return analyse_luma(read, (samples.shape[0], samples.shape[1]), kernel_engine)


def restore_samples(
    samples: Samples,
    restorer: Restorer,
    kernel_engine: Engine,
    options: RestoreOptions,
    *,
    blur_engine: Engine | None = None,
    progress: Progress | None = None,
) -> tuple[Samples, MotionField | None, Report]:
    """Restore a photo's samples.

    Args:
        samples: (H, W, C) uint8, uint16 or float32 in [0, 1], sRGB, C 1 or 3; not changed.
        restorer: what restores the tiles.
        kernel_engine: runs KernelNet.
        options: what the caller chose.
        blur_engine: runs BlurNet, a second witness of what is sharp; without it the motion
            field alone decides.
        progress: called with (tiles done, tiles in all).

    Returns:
        Restored samples of the same shape and dtype (the very same array where nothing is to
        be done), the motion field, and the report.

    Raises:
        ShapeMismatch: the mask is not of the photo's size.
    """
    if options.mask is not None and options.mask.shape != samples.shape[:2]:
        raise ShapeMismatch(
            f"the mask has shape {options.mask.shape}, the photo {samples.shape[:2]}; "
            "they must be equal"
        )
    blind = isinstance(restorer, BlindRestorer)
    if blind and options.psf is not None:
        raise BadValue(f"{restorer.name} restores without a PSF; leave the PSF out")
    begun = time.perf_counter()
    motion = None if blind and not options.gate else _motion(samples, kernel_engine, options)
    analysed = time.perf_counter()
    trust, reason = _decide(samples, motion, blur_engine, options, blind=blind)
    noise = _typical_noise(motion)
    restored = samples
    if not reason:
        if blind or motion is None:
            still = Psf(np.ones((1, 1), np.float32))
            field = uniform_field((samples.shape[0], samples.shape[1]), still, 0.0)
            work = _Work(samples, field, np.ones((1, 1), np.float32), noise, restorer, options)
        else:
            work = _Work(samples, motion, trust, noise, restorer, options)
        restored = work.run(progress)
    done = time.perf_counter()
    changed = restored is not samples and _differ(restored, samples)
    report = Report(
        model=restorer.name,
        changed=changed,
        reason=reason,
        motion=motion.to_dict() if motion is not None else None,
        trust=[[round(float(v), 4) for v in row] for row in trust],
        noise=round(noise, 6),
        strength=options.strength,
        seconds={
            "analyse": round(analysed - begun, 3),
            "restore": round(done - analysed, 3),
        },
    )
    return (restored if changed else samples), motion, report


def _differ(a: Samples, b: Samples) -> bool:
    """Compare row by row, so that no third copy of the photo is needed."""
    return any(not np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def _motion(samples: Samples, engine: Engine, options: RestoreOptions) -> MotionField | None:
    if options.psf is None:
        return analyse_samples(samples, engine)
    height, width = samples.shape[:2]
    y, x = max(0, (height - _NOISE_PATCH) // 2), max(0, (width - _NOISE_PATCH) // 2)
    patch = to_float(samples[y : y + _NOISE_PATCH, x : x + _NOISE_PATCH])
    return uniform_field((height, width), options.psf, noise_sigma(luma(srgb_to_linear(patch))))


def _decide(
    samples: Samples,
    motion: MotionField | None,
    blur_engine: Engine | None,
    options: RestoreOptions,
    *,
    blind: bool,
) -> tuple[FloatArray, str]:
    """Return the trust map and, if nothing is to be done, why.

    A blind restorer is asked for nothing of a sharp photo, and trusted all over another one:
    the windows' trust speaks of their PSFs, which it does not use.
    """
    none = np.zeros((0, 0), np.float32)
    if options.strength == 0:
        return none, "strength is 0"
    if blind and not options.gate:
        return np.ones((1, 1), np.float32), ""
    if motion is None:
        return none, f"the photo is too small to tell its motion (sides below {MIN_SIDE} px)"
    if options.psf is None and options.gate:
        return _judge(samples, motion, blur_engine, blind=blind)
    return np.ones((len(motion.centres_y), len(motion.centres_x)), np.float32), ""


def _judge(
    samples: Samples, motion: MotionField, blur_engine: Engine | None, *, blind: bool
) -> tuple[FloatArray, str]:
    trust = referee.trust_map(motion)
    if referee.is_sharp(motion) or (
        blur_engine is not None
        and referee.is_surely_sharp(referee.detection(samples, motion, blur_engine))
    ):
        return np.zeros_like(trust), "this photo is already sharp: no motion blur found"
    if blind:
        return np.ones_like(trust), ""
    if not trust.any():
        return trust, "the motion could not be told reliably enough"
    return trust, ""


def _typical_noise(motion: MotionField | None) -> float:
    if motion is None:
        return 0.0
    return float(np.median([w.noise for row in motion.windows for w in row]))


class _Work:
    """One photo's restoration, tile by tile, on the scale at which its motion was measured."""

    def __init__(
        self,
        samples: Samples,
        motion: MotionField,
        trust: FloatArray,
        noise: float,
        restorer: Restorer,
        options: RestoreOptions,
    ) -> None:
        self._samples, self._motion, self._trust = samples, motion, trust
        self._noise, self._restorer, self._options = noise, restorer, options
        scale = motion.scale
        self._size = tuple(-(-side // scale) for side in samples.shape[:2])
        self._nodes_y = tuple(c / scale for c in motion.centres_y)
        self._nodes_x = tuple(c / scale for c in motion.centres_x)
        reach = max(max(w.psf.shape) // 2 for row in motion.windows for w in row)
        halo = restorer.halo_px + reach
        tile = max(options.tile_px, 2 * reach)
        self._rows, self._columns = (
            plan_windows(side, window=restorer.window_px[axis], halo=halo, fade=FADE_PX)
            if isinstance(restorer, BlindRestorer)
            else plan_axis(side, tile=tile, halo=halo, fade=FADE_PX)
            for axis, side in enumerate(self._size)
        )

    def run(self, progress: Progress | None) -> Samples:
        """Return the restored samples."""
        out = self._samples.copy()
        total = len(self._rows) * len(self._columns)
        carried: FloatArray | None = None
        before = np.zeros((0, self._size[1], 3), np.float32)
        for i, row in enumerate(self._rows):
            band = np.zeros((row.stop - row.start, self._size[1], 3), np.float32)
            for j, column in enumerate(self._columns):
                band[:, column.start : column.stop] += self._tile(row, column)
                if progress is not None:
                    progress(i * len(self._columns) + j + 1, total)
            if carried is not None:
                band[: row.fade_in] += carried
            keep = band.shape[0] - row.fade_out
            carried = band[keep:]
            self._write(out, row.start, band[:keep], before, carried[:1])
            before = band[keep - 1 : keep]
        return out

    def _tile(self, row: Segment, column: Segment) -> FloatArray:
        """Return a tile's weighted correction on the working scale, (h, w, 3) sRGB."""
        trust = self._interpolate(self._trust, row, column)
        weights = row.weights()[:, None] * column.weights()[None, :] * trust
        if not weights.any() or not self._is_wanted(row, column):
            return np.zeros((*weights.shape, 3), np.float32)
        srgb = self._read(row, column)
        tile = Tile(
            srgb=srgb,
            psfs=self._psfs(row, column),
            confidence=self._confidence(row, column),
            noise=self._noise,
        )
        correction = self._restorer(tile) - srgb
        return np.asarray(weights[..., None] * correction[row.inner, column.inner])

    def _read(self, row: Segment, column: Segment) -> FloatArray:
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

    def _interpolate(self, values: FloatArray, row: Segment, column: Segment) -> FloatArray:
        weights_y = node_weights(self._nodes_y, row.start, row.stop)
        weights_x = node_weights(self._nodes_x, column.start, column.stop)
        return np.asarray(weights_y.T @ values @ weights_x, dtype=np.float32)

    def _is_wanted(self, row: Segment, column: Segment) -> bool:
        """Return whether the mask has anything in a tile, or there is none."""
        if self._options.mask is None:
            return True
        scale = self._motion.scale
        # A pixel of the working scale reaches a pixel further when it is enlarged.
        y0, x0 = (max(0, s.start - 1) * scale for s in (row, column))
        y1, x1 = ((s.stop + 1) * scale for s in (row, column))
        return bool(self._options.mask[y0:y1, x0:x1].any())

    def _write(
        self, out: Samples, start: int, band: FloatArray, above: FloatArray, below: FloatArray
    ) -> None:
        """Add a band of corrections, from row ``start`` of the working scale, to the samples.

        ``above`` and ``below`` hold the neighbouring row on each side, or none at the borders,
        so that bands enlarge without a seam.
        """
        scale = self._motion.scale
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
            if self._options.mask is not None:
                part = part * self._options.mask[y0:y1, :, None].astype(np.float32)
            if part.any():
                moved = to_float(out[y0:y1]) + np.float32(self._options.strength) * part
                out[y0:y1] = quantise(np.clip(moved, 0, 1), out.dtype)


def _enlarge(part: FloatArray, scale: int) -> FloatArray:
    """Return corrections enlarged smoothly, (h * scale, w * scale, 3)."""
    size = (part.shape[1] * scale, part.shape[0] * scale)
    planes = [
        np.asarray(Image.fromarray(part[..., c]).resize(size, Image.Resampling.BILINEAR))
        for c in range(3)
    ]
    return np.stack(planes, axis=2)
