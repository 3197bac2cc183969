"""The motion field: one PSF per window of a photo, made consistent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from unblur.blur.psf import Psf
from unblur.color import FloatArray
from unblur.engines.base import Engine
from unblur.motion.frequency import GRID
from unblur.motion.fusion import aligned, mean_psf
from unblur.motion.kernel import PsfEstimate, Seen, clean_psf, estimate_psfs, look, see_all
from unblur.motion.pyramid import LumaReader, Pyramid, window_starts
from unblur.motion.refinement import finer, look_again, look_again_shared
from unblur.motion.rolling import falls_with_distance, neighbours_know_better

MIN_SIDE = 96
"""Photos with a shorter side are too small to tell their motion."""

LONGEST_PX = 34.0
"""Longest motion that fits the kernel grid; longer ones are looked at on a smaller picture."""

LONGEST_UNDONE_PX = 100.0
"""Longest motion that is undone on the picture itself; longer ones on a smaller picture."""

_MOST_ROWS = 6
_COARSE_WINDOWS = 3
_UNIFORM = 0.8
"""Mean similarity between the windows' PSFs above which one PSF may serve the whole photo."""

_TOLD = 0.1
"""Share of the largest trust from which on a window has a say in whether the motion changes."""

_BORROW_PX = 80.0
"""Distance, on the working scale, over which windows borrow from each other."""

_WORTH_LOOKING = 0.1
"""Blur probability of a photo below which no second look is taken."""

Judge = Callable[["MotionField"], bool]
"""Says of a photo's first look whether the photo is sharp."""


@dataclass(frozen=True, eq=False)
class MotionField:
    """How each part of a photo moved.

    Attributes:
        shape: (H, W) of the photo in px.
        scale: factor of the smaller picture on which the motion was measured; lengths in
            ``windows`` are in its pixels.
        centres_y, centres_x: middles of the windows' rows and columns in photo px.
        windows: rows of estimates.
        uniform: whether all windows share one PSF.
        first_px: mean length of the windows' motion at the first look, in px of the scale it was
            made on; later answers tell better how it moved, but not whether. None if there was
            no look.
        sharp: what the judge said, or None.
        steady: whether the windows' PSFs differ without order, not as where the camera rolled.
    """

    shape: tuple[int, int]
    scale: int
    centres_y: tuple[float, ...]
    centres_x: tuple[float, ...]
    windows: tuple[tuple[PsfEstimate, ...], ...]
    uniform: bool
    first_px: float | None = None
    sharp: bool | None = None
    steady: bool = True

    @property
    def blur_probability(self) -> float:
        """Mean probability of motion blur, windows weighted by how much they show."""
        flat = [w for row in self.windows for w in row]
        weights = np.array([visibility(w) for w in flat])
        return float(np.average([w.blur_probability for w in flat], weights=weights))

    @property
    def length_px(self) -> float:
        """Median length of the motion in photo px, of the windows that show it."""
        seen = [w.psf.length_px() for row in self.windows for w in row if w.blur_probability > 0.5]
        return float(np.median(seen)) * self.scale if seen else 0.0

    def mean_length_px(self) -> float:
        """Mean length of the windows' motion on the working scale, by how much they show."""
        windows = [w for row in self.windows for w in row]
        weights = np.array([visibility(w) for w in windows])
        return float(np.average([w.psf.length_px() for w in windows], weights=weights))

    def to_dict(self) -> dict[str, Any]:
        """Return the field for JSON, without the PSFs' pixels; lengths in photo px."""
        return {
            "scale": self.scale,
            "uniform": self.uniform,
            "blur_probability": round(self.blur_probability, 4),
            "length_px": round(self.length_px, 2),
            "windows": [
                {
                    "y": round(y, 1),
                    "x": round(x, 1),
                    "length_px": round(w.psf.length_px() * self.scale, 2),
                    "angle_deg": round(w.psf.angle_deg(), 1),
                    "confidence": round(w.confidence, 4),
                    "blur_probability": round(w.blur_probability, 4),
                }
                for y, row in zip(self.centres_y, self.windows, strict=True)
                for x, w in zip(self.centres_x, row, strict=True)
            ],
        }


def visibility(window: PsfEstimate) -> float:
    """Return how much a window's word counts: little where nothing is to be seen."""
    return float(window.confidence * 10.0 ** np.clip(window.detail + 1.0, -2.0, 0.0)) + 1e-6


def analyse_luma(
    read: LumaReader,
    shape: tuple[int, int],
    engine: Engine,
    *,
    fuse_engine: Engine | None = None,
    judge: Judge | None = None,
) -> MotionField:
    """Estimate the motion field of a photo.

    The photo is looked at as a small picture first; as long as the motion found is short
    enough, on one of twice the size, down to the photo itself.

    Args:
        read: returns luma (linear light, float32) of the photo's ``[y0:y1, x0:x1]``.
        shape: (H, W) of the photo, sides at least MIN_SIDE.
        engine: runs KernelNet.
        fuse_engine: runs FuseNet, which has the last word on a motion that is alike everywhere;
            without it the mean of several answers is taken.
        judge: asked after the first look; a photo that it calls sharp is not looked at again,
            which is what takes the time.
    """
    pyramid = Pyramid(read, shape)
    level = pyramid.levels - 1
    while level > 0:
        windows = pyramid.windows(level, *window_starts(pyramid.shape(level), _COARSE_WINDOWS))
        length = _typical_length(estimate_psfs([w for row in windows for w in row], engine))
        if 2 * length > LONGEST_PX:
            break
        level -= 1
    rows, columns = window_starts(pyramid.shape(level), _MOST_ROWS)
    windows = pyramid.windows(level, rows, columns)
    seen = see_all([w for row in windows for w in row])
    first = look(seen, engine)
    scale = 2**level
    sides = pyramid.window_sides(level)
    centres_y = tuple((y + sides[0] / 2) * scale for y in rows)
    centres_x = tuple((x + sides[1] / 2) * scale for x in columns)

    def arranged(flat: list[PsfEstimate]) -> MotionField:
        count = len(columns)
        grid = tuple(tuple(flat[i : i + count]) for i in range(0, len(flat), count))
        return MotionField(shape, scale, centres_y, centres_x, grid, uniform=False)

    field = reconcile(arranged(first))
    field = replace(field, first_px=field.mean_length_px())
    if judge is not None:
        field = replace(field, sharp=judge(field))
    if field.sharp or field.blur_probability < _WORTH_LOOKING:
        return field
    psf, confidence, middle = look_again_shared(
        partial(pyramid.luma, level),
        pyramid.shape(level),
        mean_answer(field),
        engine,
        fuse_engine,
    )
    if not field.uniform or not field.steady:
        apart = look_again(seen, first, psf, engine)
        if not field.uniform or _rolls(seen, apart, psf, field):
            again = reconcile(arranged(apart), may_share=False)
            return replace(again, first_px=field.first_px, sharp=field.sharp)
    while level > 0 and 2 * psf.length_px() <= LONGEST_UNDONE_PX:
        middle = (2 * middle[0], 2 * middle[1])
        found = finer(partial(pyramid.luma, level - 1), pyramid.shape(level - 1), psf, middle)
        if found is None:
            break
        psf, level = found, level - 1
    shared = tuple(
        tuple(replace(w, psf=psf, confidence=confidence) for w in row) for row in field.windows
    )
    return replace(field, windows=shared, scale=2**level)


def uniform_field(shape: tuple[int, int], psf: Psf, noise: float) -> MotionField:
    """Return the field of a photo whose single PSF is given, in photo px."""
    estimate = PsfEstimate(
        psf=psf,
        confidence=1.0,
        blur_probability=1.0,
        length_px=psf.length_px(),
        angle_deg=psf.angle_deg(),
        noise=noise,
        detail=0.0,
    )
    middle = (shape[0] / 2,), (shape[1] / 2,)
    return MotionField(shape, 1, *middle, ((estimate,),), uniform=True)


def reconcile(field: MotionField, *, may_share: bool = True) -> MotionField:
    """Make the windows of a field agree as far as they can.

    A PSF is known up to a shift only, so the windows' PSFs are first aligned with each other.
    Where they are alike, one PSF (their mean, weighted by trust) replaces them all: the blur
    is uniform. Otherwise each is averaged with its neighbours, the trusted and similar ones
    counting most, so that windows without texture borrow.

    Args:
        field: as estimated.
        may_share: whether one PSF may replace them all.
    """
    flat = [w for row in field.windows for w in row]
    if len(flat) == 1:
        return replace(field, uniform=True)
    grids = np.stack([w.psf.embedded(GRID) for w in flat])
    trust = _trust(flat)
    reference = grids[int(np.argmax(trust))]
    for _ in range(2):
        grids = np.stack([aligned(g, reference) for g in grids])
        reference = np.tensordot(trust / trust.sum(), grids, axes=1)
    place = _places(field)
    apart = np.square(place[:, None] - place[None]).sum(axis=2)
    smooth = _smoothed(grids)
    pairwise = smooth @ smooth.T
    agreement = float(np.average(pairwise @ (trust / trust.sum()), weights=trust))
    told = np.flatnonzero(trust >= _TOLD * trust.max())
    falls = falls_with_distance(pairwise[np.ix_(told, told)], apart[np.ix_(told, told)])
    field = replace(field, steady=not falls)
    if may_share and agreement >= _UNIFORM:
        shared = _with_psfs(field, [_centred_grid(reference)] * len(flat), uniform=True)
        confidence = float(np.average([w.confidence for w in flat], weights=trust))
        rows = tuple(tuple(replace(w, confidence=confidence) for w in r) for r in shared.windows)
        return replace(shared, windows=rows)
    weights = (
        np.exp(-0.5 * apart / (_BORROW_PX * field.scale) ** 2)
        * trust
        * np.clip(pairwise, 0.05, 1) ** 2
    )
    weights /= weights.sum(axis=1, keepdims=True)
    mixed = np.tensordot(weights, grids, axes=1)
    shift = _centring_shift(reference)
    return _with_psfs(field, [np.roll(g, shift, (0, 1)) for g in mixed], uniform=False)


def _rolls(seen: list[Seen], found: list[PsfEstimate], shared: Psf, field: MotionField) -> bool:
    weights = np.array([visibility(w) for row in field.windows for w in row])
    windows = [s.window for s in seen]
    psfs = [e.psf for e in found]
    return neighbours_know_better(windows, psfs, shared, _places(field), weights)


def _places(field: MotionField) -> NDArray[Any]:
    """Return the windows' middles (y, x), row by row."""
    return np.array([(y, x) for y in field.centres_y for x in field.centres_x])


def _trust(windows: list[PsfEstimate]) -> NDArray[Any]:
    return np.array([visibility(w) * max(w.confidence, 0.05) ** 2 for w in windows])


def mean_answer(field: MotionField) -> Psf:
    """Return the mean of the windows' PSFs, the trusted ones counting most."""
    flat = [w for row in field.windows for w in row]
    trust = _trust(flat)
    return mean_psf([w.psf for w in flat], trust)


def _typical_length(estimates: list[PsfEstimate]) -> float:
    """Return the length that most of the trusted windows do not exceed."""
    moving = [e for e in estimates if e.blur_probability > 0.5]
    if not moving:
        return 0.0
    lengths = np.array([e.psf.length_px() for e in moving])
    trust = np.array([visibility(e) for e in moving])
    order = np.argsort(lengths)
    share = np.cumsum(trust[order]) / trust.sum()
    return float(lengths[order][np.searchsorted(share, 0.5)])


def _smoothed(grids: FloatArray) -> FloatArray:
    """Flattened, blurred and normalised, so that inner products are similarities."""
    frequency = np.fft.fftfreq(GRID)
    gain = np.exp(-2 * (np.pi * 1.5) ** 2 * frequency**2)
    soft = fft.ifft2(fft.fft2(grids) * gain[:, None] * gain).real.reshape(len(grids), -1)
    norm = np.linalg.norm(soft, axis=1, keepdims=True)
    return np.asarray(soft / np.maximum(norm, 1e-12), dtype=np.float32)


def _centring_shift(grid: NDArray[Any]) -> tuple[int, int]:
    total = grid.sum()
    index = np.arange(GRID) - GRID // 2
    y = float((grid.sum(axis=1) * index).sum() / total)
    x = float((grid.sum(axis=0) * index).sum() / total)
    return -round(y), -round(x)


def _centred_grid(grid: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(np.roll(grid, _centring_shift(grid), (0, 1)))


def _with_psfs(field: MotionField, grids: list[NDArray[Any]], *, uniform: bool) -> MotionField:
    # One shift for all: each window's own centring would undo the alignment.
    psfs = iter(clean_psf(np.asarray(g, np.float32), centre=False) for g in grids)
    rows = tuple(tuple(replace(w, psf=next(psfs)) for w in row) for row in field.windows)
    return replace(field, windows=rows, uniform=uniform)
