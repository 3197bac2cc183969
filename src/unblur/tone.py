"""Tone curves: how a file's samples encode light, and the way back.

Motion mixes light, not samples, so everything that undoes motion must know the curve of the
photo at hand. A curve belongs to the photo; nothing may assume sRGB's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from unblur.blocks import block_means
from unblur.color import FloatArray, linear_to_srgb, luma, srgb_to_linear, to_float
from unblur.errors import BadValue

Evidence = Literal["caller", "file", "estimate", "assumed"]
"""Who says which curve it is: the caller, the file's own tags, an estimate, or nobody."""

_GAMMAS = (0.2, 6.0)
"""Exponents accepted; those of displays and files lie between 1 and 2.8."""

_SLOPE_STEP = 1 / 512
"""Half the interval over which a table's slope is measured: two levels of an 8-bit file."""

_STRIP_ROWS = 64
"""Rows of a shrunk picture that are made at a time: bounds the memory."""


@dataclass(frozen=True, eq=False)
class ToneCurve:
    """A monotonic curve from encoded samples in [0, 1] to linear light.

    Attributes:
        name: ``srgb``, ``linear``, ``gamma:2.2`` or what a table was made from, as ``pq``.
        gamma: exponent of a pure power, None for sRGB's curve and for tables.
        table: (C, N) float32, linear light at N evenly spaced samples from 0 to 1, rising, for
            each channel or (C = 1) for all; None for sRGB's curve and for powers.
    """

    name: str
    gamma: float | None = None
    table: NDArray[np.float32] | None = field(default=None, repr=False)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ToneCurve):
            return NotImplemented
        if self.table is None or other.table is None:
            same = (self.name, self.gamma) == (other.name, other.gamma)
            return same and self.table is other.table
        return np.array_equal(self.table, other.table)

    def __hash__(self) -> int:
        return hash((self.name, self.gamma))

    @property
    def is_linear(self) -> bool:
        """Whether samples are proportional to light."""
        return self.gamma == 1.0

    def of_luma(self) -> ToneCurve:
        """Return the curve for one plane: sRGB's where each channel has a table of its own."""
        return self if self.table is None or len(self.table) == 1 else SRGB

    def to_linear(self, encoded: FloatArray) -> FloatArray:
        """Return linear light of encoded samples.

        Args:
            encoded: float32, nominally in [0, 1]; (..., C) for a table of C > 1 channels.

        Returns:
            New float32 array of the same shape; below 0 a power or a table gives 0.
        """
        if self.table is not None:
            nodes = np.linspace(0, 1, self.table.shape[1])
            return self._by_channel(encoded, lambda x, curve: np.interp(x, nodes, curve))
        if self.gamma is None:
            return srgb_to_linear(encoded)
        if self.is_linear:
            return np.array(encoded, np.float32)
        return np.power(np.maximum(encoded, 0), np.float32(self.gamma), dtype=np.float32)

    def to_encoded(self, linear: FloatArray) -> FloatArray:
        """Return the samples that encode linear light; inverse of :meth:`to_linear`."""
        if self.table is not None:
            nodes = np.linspace(0, 1, self.table.shape[1])
            return self._by_channel(linear, lambda x, curve: np.interp(x, curve, nodes))
        if self.gamma is None:
            return linear_to_srgb(linear)
        if self.is_linear:
            return np.array(linear, np.float32)
        return np.power(np.maximum(linear, 0), np.float32(1 / self.gamma), dtype=np.float32)

    def slope(self, encoded: FloatArray) -> FloatArray:
        """Return by how much linear light changes per change of the samples, float32, >= 0."""
        x = np.clip(np.asarray(encoded, np.float32), 0, 1)
        low, high = np.maximum(x - _SLOPE_STEP, 0), np.minimum(x + _SLOPE_STEP, 1)
        rise = self.to_linear(high) - self.to_linear(low)
        return np.asarray(rise / (high - low), np.float32)

    def _by_channel(
        self, values: FloatArray, curve: Callable[[FloatArray, FloatArray], NDArray[Any]]
    ) -> FloatArray:
        assert self.table is not None
        if len(self.table) == 1:
            return np.asarray(curve(values, self.table[0]), np.float32)
        planes = [curve(values[..., c], row) for c, row in enumerate(self.table)]
        return np.stack(planes, axis=-1).astype(np.float32)


SRGB = ToneCurve("srgb")
LINEAR = ToneCurve("linear", gamma=1.0)


def power_curve(gamma: float) -> ToneCurve:
    """Return the curve ``light = sample ** gamma``.

    Raises:
        BadValue: an exponent that no file uses.
    """
    if not _GAMMAS[0] <= gamma <= _GAMMAS[1]:
        raise BadValue(
            f"gamma must be between {_GAMMAS[0]:g} and {_GAMMAS[1]:g}, got {gamma:g}; "
            "2.2 is usual, 1 is linear light"
        )
    return LINEAR if gamma == 1 else ToneCurve(f"gamma:{gamma:g}", gamma=float(gamma))


def table_curve(name: str, table: NDArray[np.floating[Any]]) -> ToneCurve:
    """Return the curve of sampled light.

    Args:
        name: what the table was made from, as ``pq`` or ``profile``.
        table: (N,) or (C, N), N >= 2, light at evenly spaced samples from 0 to 1.

    Raises:
        BadValue: not such a table, not finite, or falling anywhere.
    """
    rows = np.atleast_2d(np.asarray(table, np.float64))
    if rows.ndim != 2 or rows.shape[1] < 2 or not np.isfinite(rows).all():
        raise BadValue(f"a tone curve's table must be (N,) or (C, N) and finite, got {rows.shape}")
    if (np.diff(rows, axis=1) < 0).any() or (rows[:, -1] <= rows[:, 0]).any():
        raise BadValue("a tone curve's table must rise from its first value to its last")
    return ToneCurve(name, table=rows.astype(np.float32))


_NODES = 4096
"""Samples of a standard's curve; between them it is straight to better than 1e-6 of white."""


def _pq(encoded: NDArray[np.float64]) -> NDArray[np.float64]:
    """SMPTE ST 2084: light of 1 is 1,000 cd/m2, so that the brightest code is 10."""
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    root = encoded ** (1 / m2)
    return np.asarray(10 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1))


def _hlg(encoded: NDArray[np.float64]) -> NDArray[np.float64]:
    """ARIB STD-B67, Rec. 2100: light of the scene (inverse OETF, no system gamma), white 1."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    high = (np.exp((np.maximum(encoded, 0.5) - c) / a) + b) / 12
    return np.where(encoded <= 0.5, encoded**2 / 3, high)


def _bt709(encoded: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rec. 709, 601 and 2020: light of the scene (inverse OETF)."""
    high = ((np.maximum(encoded, 0.081) + 0.099) / 1.099) ** (1 / 0.45)
    return np.where(encoded < 0.081, encoded / 4.5, high)


def _standard(name: str, light: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> ToneCurve:
    # Rounded constants make some standards' pieces overlap by less than 1e-4.
    rising = np.maximum.accumulate(light(np.linspace(0, 1, _NODES)))
    return table_curve(name, rising)


PQ = _standard("pq", _pq)
"""HDR10's curve. Linear light of 1 is 1,000 cd/m2; what is brighter lies above 1, up to 10."""

HLG = _standard("hlg", _hlg)
BT709 = _standard("bt709", _bt709)

_NAMED = {curve.name: curve for curve in (SRGB, LINEAR, BT709, PQ, HLG)}
_UNSAID = ("auto", "profile")


def parse_tone(text: str) -> ToneCurve | None:
    """Return the curve that a caller names.

    Args:
        text: ``srgb``, ``linear``, ``bt709``, ``pq``, ``hlg`` or ``gamma:2.2``; ``auto`` and
            ``profile`` leave it to the file, the first with an estimate where that says nothing.

    Returns:
        The curve, or None where it is left to the file.

    Raises:
        BadValue: anything else.

    Example:
        >>> parse_tone("gamma:1.8").gamma
        1.8
    """
    wanted = text.strip().lower()
    if wanted in _UNSAID:
        return None
    if wanted in _NAMED:
        return _NAMED[wanted]
    kind, _, number = wanted.partition(":")
    try:
        gamma = float(number) if kind == "gamma" else None
    except ValueError:
        gamma = None
    if gamma is None:
        known = ", ".join((*_UNSAID, *_NAMED))
        raise BadValue(f"there is no tone curve {text!r}; take {known} or gamma:2.2")
    return power_curve(gamma)


UNSURE = (0.25, 0.65)
"""Probability of linear light between which a light is unsure. On 67 windows of validation photos
in either light the mean of both trials gains 0.3 to 0.9 dB more than the likelier one between 0.25
and 0.55, and loses outside of 0.25 and 0.65."""


def is_unsure(linear: float) -> bool:
    """Return whether so much probability of linear light leaves the light unsure."""
    least, most = UNSURE
    return least <= linear <= most


@dataclass(frozen=True)
class Tone:
    """The tone curve of a photo, and how it is known.

    Attributes:
        curve: from samples to linear light.
        evidence: who says so.
        probability: that it is this curve, where it was estimated; 1 where it is known.
        source: what in the file says so, as "ICC profile" or "PNG cICP"; empty otherwise.
    """

    curve: ToneCurve = SRGB
    evidence: Evidence = "assumed"
    probability: float = 1.0
    source: str = ""

    @property
    def linear_probability(self) -> float:
        """Probability of linear light, where the curve is that or else sRGB's."""
        return self.probability if self.curve.is_linear else 1 - self.probability

    def to_dict(self) -> dict[str, Any]:
        """Return the same with the curve's name, for JSON."""
        return {
            "curve": self.curve.name,
            "evidence": self.evidence,
            "probability": round(self.probability, 4),
            "source": self.source,
        }


ASSUMED = Tone()
"""sRGB, because nothing says anything else."""


def shrunk_luma(samples: NDArray[Any], scale: int, tone: ToneCurve = SRGB) -> FloatArray:
    """Return luma (linear light, float32) shrunk by a whole factor, strip by strip.

    Args:
        samples: (H, W, C) uint8, uint16 or float in [0, 1], sides at least ``scale``.
        scale: at least 1; each pixel is the mean of a block, what is left over is dropped.
        tone: curve of the samples.
    """
    rows = _STRIP_ROWS * scale
    return np.concatenate(
        [
            block_means(luma(tone.to_linear(to_float(samples[y : y + rows]))), scale)
            for y in range(0, samples.shape[0], rows)
            if samples.shape[0] - y >= scale
        ]
    )
