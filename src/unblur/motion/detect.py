"""The blur detector: is a photo sharp, moved or out of focus; how far; which way.

A few telling windows are looked at, or all of them for a map. Each gives probabilities; together
they give the photo's, windows counting the more the more detail they have and the likelier they
are sharp, so that a sharp subject before a soft background makes a sharp photo. Where that leaves
doubt, MapNet is asked as well: it sees what moved by other means, and errs on other photos.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import special

from unblur.color import FloatArray, is_screened
from unblur.engines.base import Engine
from unblur.errors import ShapeMismatch
from unblur.motion.light import light_features
from unblur.motion.motion_map import read_map
from unblur.motion.picture import Picture
from unblur.motion.windows import TELLING, WINDOW, telling_windows
from unblur.tone import LINEAR

Kind = Literal["sharp", "motion", "defocus"]
KINDS: tuple[Kind, ...] = get_args(Kind)

TEMPERATURE = 1.0
"""Divides a photo's logits, so that of the photos given 80 % eight of ten are so; chosen on
validation photos."""

DETAIL_WEIGHT = 0.5
"""How much more a window counts whose detail is ten times as strong; chosen likewise."""

SHARP_WEIGHT = 0.3
"""Power of a window's probability of being sharp with which it counts. Validation photos alone
would have it 1, but those of the test split lose as much by that as the others gain."""

SURE = 0.97
"""Probability of the likeliest kind from which on MapNet is not asked: 37 % of 195 photos of the
validation set (``configs/detector_recipe.toml``) are less sure."""

_MAPPED = 0.05
"""Shares of light that moved nearer to 0 or 1 are not believed."""

_SURELY_SHARP = (1 - 2e-6, 1e-6, 1e-6)

_HOP = 128
_MOST_ROWS = 10
_BATCH = 16


@dataclass(frozen=True)
class BlurWindow:
    """What one window shows.

    Attributes:
        y, x: middle, in photo px.
        probabilities: of sharp, motion and defocus; they sum to 1.
        length_px: extent of the blur in photo px, if there is any.
        length_spread: standard deviation of the logarithm to base 2 of the length.
        angle_deg: direction of the motion, [0, 180), counter-clockwise as seen.
        angle_spread_deg: its standard deviation; 52 or more says nothing.
        detail: logarithm to base 10 of the mean high-pass energy.
    """

    y: float
    x: float
    probabilities: tuple[float, float, float]
    length_px: float
    length_spread: float
    angle_deg: float
    angle_spread_deg: float
    detail: float

    @property
    def blur_probability(self) -> float:
        """Probability of not being sharp."""
        return 1 - self.probabilities[0]


@dataclass(frozen=True)
class Detection:
    """What blurred a photo.

    Attributes:
        shape: (H, W) of the photo in px.
        scale: photo px per analysed px: blur much shorter than this is not seen.
        kind: the likeliest: "sharp", "motion" or "defocus".
        probabilities: of sharp, motion and defocus; they sum to 1.
        length_px, length_spread, angle_deg, angle_spread_deg: as of :class:`BlurWindow`.
        sharpness: mean high-pass energy (log10) of the most detailed windows, to compare
            photos of one scene.
        windows: those looked at.
    """

    shape: tuple[int, int]
    scale: int
    kind: Kind
    probabilities: tuple[float, float, float]
    length_px: float
    length_spread: float
    angle_deg: float
    angle_spread_deg: float
    sharpness: float
    windows: tuple[BlurWindow, ...]

    @property
    def blur_probability(self) -> float:
        """Probability of not being sharp: moved or out of focus."""
        return 1 - self.probabilities[0]

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict for JSON, without the windows."""
        blurred = self.kind != "sharp"
        moved = self.kind == "motion"
        low, high = (self.length_px * 2 ** (s * 1.96 * self.length_spread) for s in (-1, 1))
        return {
            "kind": self.kind,
            "blur_probability": round(self.blur_probability, 4),
            "probabilities": {
                name: round(p, 4) for name, p in zip(KINDS, self.probabilities, strict=True)
            },
            "length_px": round(self.length_px, 2) if blurred else None,
            "length_px_95": [round(low, 2), round(high, 2)] if blurred else None,
            "angle_deg": round(self.angle_deg, 1) if moved else None,
            "angle_spread_deg": round(self.angle_spread_deg, 1) if moved else None,
            "sharpness": round(self.sharpness, 4),
            "width": self.shape[1],
            "height": self.shape[0],
            "scale": self.scale,
        }


class BlurDetector:
    """Judges photos: sharp, moved or out of focus.

    Args:
        engine: runs BlurNet.
        mapper: runs MapNet, which is asked as well where BlurNet is unsure; None to ask nobody.
    """

    def __init__(self, engine: Engine, mapper: Engine | None = None) -> None:
        self._engine, self._mapper = engine, mapper

    def __call__(
        self,
        luma: FloatArray,
        *,
        scale: int = 1,
        shape: tuple[int, int] | None = None,
        everywhere: bool = False,
        screened: bool = False,
    ) -> Detection:
        """Judge a photo.

        What is dithered or screened (see :func:`unblur.color.is_screened`) is sharp, whatever its
        dots look like: BlurNet has seen photos only.

        Args:
            luma: (h, w) float32, linear light, as large as TELLING.
            scale: photo px per px of ``luma``.
            shape: (H, W) of the photo; ``scale`` times that of ``luma`` if omitted.
            everywhere: look at all of it, not only at the most telling window of each quarter.
            screened: whether the photo itself is, of which ``luma`` shows less.

        Raises:
            ShapeMismatch: too small.
        """
        if luma.ndim != 2 or not TELLING.fits(luma.shape):
            raise ShapeMismatch(f"blur can be judged in photos with {TELLING}, got {luma.shape}")
        places = _grid(luma.shape) if everywhere else telling_windows(luma)
        windows: list[BlurWindow] = []
        for start in range(0, len(places), _BATCH):
            windows += self._windows(luma, places[start : start + _BATCH], scale)
        if screened or is_screened(luma):
            windows = [replace(window, probabilities=_SURELY_SHARP) for window in windows]
        found = combined(windows, shape or (luma.shape[0] * scale, luma.shape[1] * scale), scale)
        if self._mapper is None or max(found.probabilities) >= SURE:
            return found
        shares = [_share_that_moved(luma, place, self._mapper) for place in telling_windows(luma)]
        return weighed(found, shares)

    def _windows(
        self, luma: FloatArray, places: Sequence[tuple[int, int]], scale: int
    ) -> list[BlurWindow]:
        """Return what a batch of windows shows, by their first rows and columns."""
        height, width = (min(WINDOW, side) for side in luma.shape)
        features = [light_features(luma[y : y + height, x : x + width]) for y, x in places]
        (out,) = self._engine(
            np.stack([f.maps for f in features]),
            np.stack([f.pooled for f in features]),
            np.stack([f.pixels for f in features]),
        )
        return [
            _window(row, (y + height / 2) * scale, (x + width / 2) * scale, scale, f.pooled)
            for row, (y, x), f in zip(out, places, features, strict=True)
        ]


def _share_that_moved(luma: FloatArray, place: tuple[int, int], mapper: Engine) -> float:
    """Return the share of a window's light that moved, by its first row and column."""
    y, x = place
    window = np.ascontiguousarray(luma[y : y + WINDOW, x : x + WINDOW, None])
    return float(read_map(Picture(window, LINEAR), mapper).moved.mean())


def weighed(found: Detection, moved: Sequence[float]) -> Detection:
    """Return a photo's verdict with MapNet's word: the odds of motion are multiplied by its own.

    Args:
        found: BlurNet's verdict.
        moved: shares of the light that moved in the most telling windows.
    """
    shares = np.clip(moved, _MAPPED, 1 - _MAPPED)
    odds = float(np.exp(np.log(shares / (1 - shares)).mean()))
    sharp, motion, defocus = (max(value, 1e-6) for value in found.probabilities)
    total = sharp + motion * odds + defocus
    probabilities = (sharp / total, motion * odds / total, defocus / total)
    kind = KINDS[int(np.argmax(probabilities))]
    return replace(found, kind=kind, probabilities=probabilities)


def combined(windows: Sequence[BlurWindow], shape: tuple[int, int], scale: int) -> Detection:
    """Return the photo's verdict from its windows'."""
    detail = np.array([w.detail for w in windows])
    weights = 10.0 ** (DETAIL_WEIGHT * (detail - detail.max()))
    each = np.maximum([w.probabilities for w in windows], 1e-6)
    telling = weights * each[:, 0] ** SHARP_WEIGHT
    probabilities = special.softmax(telling / telling.sum() @ np.log(each) / TEMPERATURE)
    kind = KINDS[int(np.argmax(probabilities))]
    shown = weights * np.maximum(1 - each[:, 0], 1e-6)
    shown /= shown.sum()
    lengths = np.log2([w.length_px for w in windows])
    length = float(shown @ lengths)
    inner = shown @ np.square([w.length_spread for w in windows])
    outer = shown @ np.square(lengths - length)
    moved = weights * each[:, 1]
    moved /= moved.sum()
    doubled = np.deg2rad([2 * w.angle_deg for w in windows])
    sure = np.exp(-2 * np.square(np.deg2rad([w.angle_spread_deg for w in windows])))
    pointing = complex(moved @ (sure * np.exp(1j * doubled)))
    return Detection(
        shape=shape,
        scale=scale,
        kind=kind,
        probabilities=_three(probabilities),
        length_px=2.0**length,
        length_spread=float(np.sqrt(inner + outer)),
        angle_deg=float(np.rad2deg(np.angle(pointing)) / 2 % 180),
        angle_spread_deg=_spread_deg(abs(pointing)),
        sharpness=float(np.sort(detail)[-max(1, len(detail) // 2) :].mean()),
        windows=tuple(windows),
    )


def _window(row: FloatArray, y: float, x: float, scale: int, pooled: FloatArray) -> BlurWindow:
    return BlurWindow(
        y=y,
        x=x,
        probabilities=_three(special.softmax(row[:3].astype(np.float64))),
        length_px=float(2.0 ** np.clip(row[3], 0, 7)) * scale,
        length_spread=float(np.exp(np.clip(row[4], -3, 2))),
        angle_deg=float(np.rad2deg(np.arctan2(row[6], row[5])) / 2 % 180),
        angle_spread_deg=_spread_deg(float(np.hypot(row[5], row[6]))),
        detail=float(pooled.mean()),
    )


def _three(values: NDArray[np.float64]) -> tuple[float, float, float]:
    sharp, motion, defocus = (float(value) for value in values)
    return sharp, motion, defocus


def _spread_deg(resultant: float) -> float:
    """Standard deviation of an angle whose doubled unit vectors have this mean length."""
    return float(np.rad2deg(np.sqrt(-2 * np.log(np.clip(resultant, 1e-6, 1)))) / 2)


def _grid(shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """First rows and columns of windows that cover the photo."""

    def starts(side: int) -> list[int]:
        room = max(0, side - WINDOW)
        return [round(s) for s in np.linspace(0, room, min(_MOST_ROWS, -(-room // _HOP) + 1))]

    return [(y, x) for y in starts(shape[0]) for x in starts(shape[1])]
