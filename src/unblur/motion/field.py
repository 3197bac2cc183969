"""The motion field: one PSF per window of a photo, made consistent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unblur.blur.psf import Psf
from unblur.motion.frequency import GRID
from unblur.motion.fusion import mean_psf
from unblur.motion.params import FIELD, ROLL, FieldParams, RollParams
from unblur.motion.psf_estimate import PsfEstimate
from unblur.motion.psf_tools import aligned, clean_psf, similarities
from unblur.motion.roll import falls_with_distance


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
        exposure: (y0, x0, y1, x1), the part of the photo that was exposed, where something was
            pasted around it; only there the field holds. None for all of it.
    """

    shape: tuple[int, int]
    scale: int
    centres_y: tuple[float, ...]
    centres_x: tuple[float, ...]
    windows: tuple[tuple[PsfEstimate, ...], ...]
    uniform: bool
    exposure: tuple[int, int, int, int] | None = field(default=None, kw_only=True)

    @property
    def blur_probability(self) -> float:
        """Mean probability of motion blur, windows weighted by how much they show."""
        return self._mean_of(lambda window: window.blur_probability)

    @property
    def confidence(self) -> float:
        """Mean confidence in the PSFs, windows weighted by how much they show."""
        return self._mean_of(lambda window: window.confidence)

    def _mean_of(self, told: Callable[[PsfEstimate], float]) -> float:
        flat = [w for row in self.windows for w in row]
        weights = np.array([visibility(w) for w in flat])
        return float(np.average([told(w) for w in flat], weights=weights))

    @property
    def length_px(self) -> float:
        """Median length of the motion in photo px, of the windows that show it."""
        seen = [w.psf.length_px() for row in self.windows for w in row if w.blur_probability > 0.5]
        return float(np.median(seen)) * self.scale if seen else 0.0

    def bare(self) -> MotionField:
        """Return the field alone, without what an estimator keeps in it to refine it."""
        return MotionField(**{f.name: getattr(self, f.name) for f in fields(MotionField)})

    def seen_from(self, y: float, x: float, shape: tuple[int, int]) -> MotionField:
        """Return the field of another section of the photo.

        Args:
            y, x: the section's first pixel, px of this field's own; negative for a larger one.
            shape: (H, W) of the section, px.
        """
        rows, columns = ((c - y for c in self.centres_y), (c - x for c in self.centres_x))
        return replace(self, shape=shape, centres_y=tuple(rows), centres_x=tuple(columns))

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
            "exposure": None if self.exposure is None else list(self.exposure),
            "blur_probability": round(self.blur_probability, 4),
            "length_px": round(self.length_px, 2),
            "windows": [
                {
                    "y": round(y, 1),
                    "x": round(x, 1),
                    "length_px": round(w.psf.length_px() * self.scale, 2),
                    "angle_deg": round(w.psf.angle_deg(), 1),
                    "confidence": round(w.confidence, 4),
                    "fused_confidence": _rounded(w.fused_confidence),
                    "blur_probability": round(w.blur_probability, 4),
                }
                for y, row in zip(self.centres_y, self.windows, strict=True)
                for x, w in zip(self.centres_x, row, strict=True)
            ],
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def visibility(window: PsfEstimate) -> float:
    """Return how much a window's word counts: little where nothing is to be seen."""
    return float(window.confidence * 10.0 ** np.clip(window.detail + 1.0, -2.0, 0.0)) + 1e-6


def uniform_field(shape: tuple[int, int], psf: Psf, noise: float) -> MotionField:
    """Return the field of a photo whose single PSF is given, in photo px."""
    estimate = PsfEstimate(
        psf=psf,
        confidence=1.0,
        blur_probability=1.0,
        noise=noise,
        detail=0.0,
    )
    middle = (shape[0] / 2,), (shape[1] / 2,)
    return MotionField(shape, 1, *middle, ((estimate,),), uniform=True)


@dataclass(frozen=True, eq=False)
class Comparison:
    """The windows' PSFs, aligned with each other and compared.

    A PSF is known up to a shift only, so they are aligned first.

    Attributes:
        grids: (N, GRID, GRID), aligned.
        reference: (GRID, GRID), their mean, weighted by trust.
        trust: (N,), how much each window's word counts.
        apart: (N, N), squares of the distances between the windows' middles, photo px.
        alike: (N, N), similarities of the PSFs, slightly blurred.
    """

    grids: NDArray[Any]
    reference: NDArray[Any]
    trust: NDArray[Any]
    apart: NDArray[Any]
    alike: NDArray[Any]

    def agreement(self) -> float:
        """Return the mean similarity between the windows' PSFs."""
        return float(np.average(self.alike @ (self.trust / self.trust.sum()), weights=self.trust))

    def varies(self, heard: float = FIELD.heard, roll: RollParams = ROLL) -> bool:
        """Return whether windows far from each other are less alike than near ones.

        Args:
            heard: see :class:`unblur.motion.params.FieldParams`.
            roll: what is suspected to be camera roll.
        """
        counted = np.flatnonzero(self.trust >= heard * self.trust.max())
        where = np.ix_(counted, counted)
        return falls_with_distance(self.alike[where], self.apart[where], roll)


def compared(field: MotionField) -> Comparison:
    """Align and compare the PSFs of a field's windows."""
    flat = [w for row in field.windows for w in row]
    grids = np.stack([w.psf.embedded(GRID) for w in flat])
    trust = _trust(flat)
    reference = grids[int(np.argmax(trust))]
    for _ in range(2):
        grids = np.stack([aligned(g, reference) for g in grids])
        reference = np.tensordot(trust / trust.sum(), grids, axes=1)
    place = places(field)
    apart = np.square(place[:, None] - place[None]).sum(axis=2)
    return Comparison(grids, reference, trust, apart, similarities(grids))


def reconcile(
    field: MotionField,
    comparison: Comparison | None = None,
    *,
    may_share: bool = True,
    params: FieldParams = FIELD,
) -> MotionField:
    """Make the windows of a field agree as far as they can.

    Where the windows' PSFs are alike, one PSF (their mean, weighted by trust) replaces them all:
    the blur is uniform. Otherwise each is averaged with its neighbours, the trusted and similar
    ones counting most, so that windows without texture borrow.

    Args:
        field: as estimated.
        comparison: of its windows; made if omitted.
        may_share: whether one PSF may replace them all.
        params: when, and over what distance windows borrow.
    """
    flat = [w for row in field.windows for w in row]
    if len(flat) == 1:
        return replace(field, uniform=True)
    found = compared(field) if comparison is None else comparison
    if may_share and found.agreement() >= params.uniform:
        grids = [_centred_grid(found.reference)] * len(flat)
        shared = _with_psfs(field, grids, uniform=True)
        confidence = float(np.average([w.confidence for w in flat], weights=found.trust))
        rows = tuple(tuple(replace(w, confidence=confidence) for w in r) for r in shared.windows)
        return replace(shared, windows=rows)
    weights = (
        np.exp(-0.5 * found.apart / (params.borrow_px * field.scale) ** 2)
        * found.trust
        * np.clip(found.alike, params.least_alike, 1) ** 2
    )
    weights /= weights.sum(axis=1, keepdims=True)
    mixed = np.tensordot(weights, found.grids, axes=1)
    shift = _centring_shift(found.reference)
    return _with_psfs(field, [np.roll(g, shift, (0, 1)) for g in mixed], uniform=False)


def places(field: MotionField) -> NDArray[Any]:
    """Return the windows' middles (y, x), row by row."""
    return np.array([(y, x) for y in field.centres_y for x in field.centres_x])


def _trust(windows: list[PsfEstimate]) -> NDArray[Any]:
    return np.array([visibility(w) * max(w.confidence, 0.05) ** 2 for w in windows])


def mean_of_windows(field: MotionField) -> Psf:
    """Return the mean of the windows' PSFs, the trusted ones counting most."""
    flat = [w for row in field.windows for w in row]
    trust = _trust(flat)
    return mean_psf([w.psf for w in flat], trust)


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


def carried_up(field: MotionField, longest_px: float) -> MotionField:
    """Return a field in px of the photo itself, or as near to it as the longest motion allows.

    It is undone at full size with PSFs as they are on the smaller picture: on nine pictures whose
    motion could not be found again at full size (four own ones, five public ones) that gains 0.2 dB
    more on average than a smaller restoration.

    Args:
        field: on any scale.
        longest_px: motion that is undone at full size.
    """
    factor = 1
    while factor < field.scale and 2 * factor * field.mean_length_px() <= longest_px:
        factor *= 2
    windows = tuple(
        tuple(replace(w, psf=w.psf.scaled(float(factor))) for w in row) for row in field.windows
    )
    return replace(field, windows=windows, scale=field.scale // factor)
