"""The point-spread function: one small picture of where the camera went.

Conventions, kept everywhere in the package:

* shape ``(kH, kW)``, both odd; the centre is the pixel ``(kH // 2, kW // 2)``;
* non-negative, sum 1: each value is the share of the exposure spent at that offset;
* applied by *true convolution*, ``blurry[y, x] = sum_ij psf[i, j] sharp[y - i + cy, x - j + cx]``,
  so a single bright point becomes the PSF, unflipped;
* trajectories are ``(x, y)`` points in pixels, x right and y down.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft, ndimage

from unblur.checks import check_psf_array
from unblur.color import FloatArray
from unblur.errors import BadPsf

_LENGTH_QUANTILES = (0.01, 0.99)
_LENGTH_STEP_DEG = 5


@dataclass(frozen=True, eq=False)
class Psf:
    """A validated point-spread function.

    Attributes:
        array: (kH, kW) float32, odd sides, >= 0, sums to 1, read-only.

    Raises:
        BadPsf: even sides, negative, non-finite or all-zero values.

    Example:
        >>> Psf(np.array([[0, 0, 0], [0, 2, 2], [0, 0, 0]])).array[1].tolist()
        [0.0, 0.5, 0.5]
    """

    array: FloatArray

    def __post_init__(self) -> None:
        raw: NDArray[Any] = np.asarray(self.array)
        check_psf_array(raw)
        clean = (raw.astype(np.float64) / raw.sum(dtype=np.float64)).astype(np.float32)
        clean.setflags(write=False)
        object.__setattr__(self, "array", clean)

    @property
    def shape(self) -> tuple[int, int]:
        """(kH, kW)."""
        return self.array.shape[0], self.array.shape[1]

    @classmethod
    def delta(cls, size: int = 1) -> Psf:
        """Return the PSF of a photo without blur."""
        array = np.zeros((size, size), np.float32)
        array[size // 2, size // 2] = 1
        return cls(array)

    @classmethod
    def from_points(
        cls, points: ArrayLike, *, weights: ArrayLike | None = None, size: int | None = None
    ) -> Psf:
        """Draw a PSF from points of a trajectory, each shared among its four pixels.

        Args:
            points: (T, 2) offsets (x, y) in px from the centre, x right, y down.
            weights: (T,) share of the exposure spent at each point; equal if omitted.
            size: odd side of the result; the smallest that holds all points if omitted.

        Raises:
            BadPsf: the size is even, or too small for the points.
        """
        xy = np.asarray(points, dtype=np.float64).reshape(-1, 2)
        w = np.full(len(xy), 1.0) if weights is None else np.asarray(weights, dtype=np.float64)
        reach = int(np.ceil(np.abs(xy).max())) if len(xy) else 0
        side = 2 * reach + 3 if size is None else size
        half = side // 2
        if side % 2 == 0 or reach > half:
            raise BadPsf(
                f"a trajectory reaching {reach} px does not fit an odd side of {side}; "
                f"use size={2 * reach + 1} or more"
            )
        padded = splat(xy + (half + 1), w, side + 2)
        return cls(padded[1:-1, 1:-1])

    @classmethod
    def from_line(cls, length_px: float, angle_deg: float) -> Psf:
        """Return the PSF of steady motion along a line.

        Args:
            length_px: distance travelled during the exposure, in px, >= 0.
            angle_deg: direction, counter-clockwise as seen: (cos, -sin) in (x right, y down).
        """
        steps = np.linspace(-0.5, 0.5, max(2, 8 * int(np.ceil(length_px)) + 1)) * length_px
        angle = np.deg2rad(angle_deg)
        return cls.from_points(np.stack([steps * np.cos(angle), -steps * np.sin(angle)], 1))

    def centroid(self) -> tuple[float, float]:
        """Return the mean offset (x, y) in px from the centre."""
        ys, xs = np.mgrid[: self.shape[0], : self.shape[1]]
        x = float((self.array * (xs - self.shape[1] // 2)).sum())
        y = float((self.array * (ys - self.shape[0] // 2)).sum())
        return x, y

    def shifted(self, dx: float, dy: float) -> Psf:
        """Return the PSF moved by (dx, dy) px (bilinear), enlarged so that nothing is lost."""
        grow = int(np.ceil(max(abs(dx), abs(dy))))
        moved = ndimage.shift(np.pad(self.array, grow), (dy, dx), order=1, mode="constant")
        return Psf(np.maximum(moved, 0))

    def centred(self) -> Psf:
        """Return the PSF with its centroid on the centre pixel, to the nearest whole pixel.

        A PSF is only known up to a translation; this is the house's choice among them.
        """
        x, y = self.centroid()
        dx, dy = -round(x), -round(y)
        if dx == 0 and dy == 0:
            return self
        return Psf(self.shifted(dx, dy).array).cropped()

    def cropped(self, *, threshold: float = 0.0) -> Psf:
        """Return the PSF without empty margins, still centred on the same pixel.

        Args:
            threshold: values below this share of the largest one count as empty.
        """
        kept = np.where(self.array > threshold * self.array.max(), self.array, 0)
        ys, xs = np.nonzero(kept)
        cy, cx = self.shape[0] // 2, self.shape[1] // 2
        ry, rx = int(np.abs(ys - cy).max()), int(np.abs(xs - cx).max())
        return Psf(kept[cy - ry : cy + ry + 1, cx - rx : cx + rx + 1])

    def scaled(self, factor: float) -> Psf:
        """Return the PSF of the same motion on an image ``factor`` times as large."""
        ys, xs = np.nonzero(self.array)
        weights = self.array[ys, xs]
        cy, cx = self.shape[0] // 2, self.shape[1] // 2
        if factor > 1:  # each pixel spreads over a factor x factor square
            sub = (np.arange(int(np.ceil(factor)) * 2) + 0.5) / (int(np.ceil(factor)) * 2) - 0.5
            oy, ox = (a.ravel() for a in np.meshgrid(sub, sub, indexing="ij"))
            ys_f = ((ys - cy)[:, None] + oy) * factor
            xs_f = ((xs - cx)[:, None] + ox) * factor
            points = np.stack([xs_f.ravel(), ys_f.ravel()], 1)
            return Psf.from_points(points, weights=np.repeat(weights / len(oy), len(oy))).cropped()
        points = np.stack([(xs - cx) * factor, (ys - cy) * factor], 1)
        return Psf.from_points(points, weights=weights).cropped()

    def embedded(self, size: int) -> FloatArray:
        """Return the PSF in the middle of a (size, size) map, centre at size // 2; may cut."""
        out = np.zeros((size, size), np.float32)
        ky, kx = self.shape
        for_y = _overlap(ky, size)
        for_x = _overlap(kx, size)
        out[for_y[1], for_x[1]] = self.array[for_y[0], for_x[0]]
        return out

    def otf(self, shape: tuple[int, int]) -> NDArray[np.complex64]:
        """Return the half-plane Fourier transform of the PSF on a periodic grid.

        Args:
            shape: (H, W) of the grid, at least as large as the PSF.

        Returns:
            (H, W // 2 + 1) complex64, with the PSF centre at the origin, so the OTF of a
            delta is 1 everywhere.
        """
        if shape[0] < self.shape[0] or shape[1] < self.shape[1]:
            raise BadPsf(f"a PSF of {self.shape} does not fit a grid of {shape}; use larger tiles")
        grid = np.zeros(shape, np.float32)
        grid[: self.shape[0], : self.shape[1]] = self.array
        grid = np.roll(grid, (-(self.shape[0] // 2), -(self.shape[1] // 2)), (0, 1))
        return np.asarray(fft.rfft2(grid), dtype=np.complex64)

    def length_px(self) -> float:
        """Return the extent of the motion in px: its longest projection over all directions.

        The outer 1 % of the exposure at each end is left out, so that noise does not count;
        a PSF of one pixel has length 0.
        """
        return self._length_px

    @cached_property
    def _length_px(self) -> float:
        ys, xs = np.nonzero(self.array)
        angles = np.deg2rad(np.arange(0, 180, _LENGTH_STEP_DEG))[:, None]
        along = xs * np.cos(angles) - ys * np.sin(angles)
        order = np.argsort(along, axis=1)
        along = np.take_along_axis(along, order, axis=1)
        passed = np.cumsum(self.array[ys, xs][order], axis=1)
        low, high = (
            np.minimum((passed < share * passed[:, -1:]).sum(axis=1), along.shape[1] - 1)
            for share in _LENGTH_QUANTILES
        )
        every = np.arange(len(along))
        return float((along[every, high] - along[every, low]).max())

    def angle_deg(self) -> float:
        """Return the main direction in degrees, [0, 180), counter-clockwise as seen."""
        ys, xs = np.mgrid[: self.shape[0], : self.shape[1]]
        mx, my = self.centroid()
        x = xs - self.shape[1] // 2 - mx
        y = -(ys - self.shape[0] // 2 - my)
        cxy = float((self.array * x * y).sum())
        cxx, cyy = float((self.array * x * x).sum()), float((self.array * y * y).sum())
        return float(np.rad2deg(0.5 * np.arctan2(2 * cxy, cxx - cyy)) % 180)


def splat(points: NDArray[np.float64], weights: NDArray[np.float64], side: int) -> FloatArray:
    """Add weighted points to a (side, side) map, each shared bilinearly by four pixels.

    Args:
        points: (T, 2) positions (x, y) in px, in [0, side - 1).
        weights: (T,).
        side: of the square map.
    """
    base = np.floor(points).astype(np.intp)
    frac = points - base
    flat = np.zeros(side * side)
    for oy in (0, 1):
        for ox in (0, 1):
            wx = frac[:, 0] if ox else 1 - frac[:, 0]
            wy = frac[:, 1] if oy else 1 - frac[:, 1]
            index = np.clip(base[:, 1] + oy, 0, side - 1) * side + np.clip(
                base[:, 0] + ox, 0, side - 1
            )
            flat += np.bincount(index, weights * wx * wy, minlength=side * side)
    return flat.reshape(side, side).astype(np.float32)


def _overlap(inner: int, outer: int) -> tuple[slice, slice]:
    """Return the slices of a centred (odd) array and of its frame where they overlap."""
    low = outer // 2 - inner // 2
    high = low + inner
    return slice(max(0, -low), inner - max(0, high - outer)), slice(max(0, low), min(outer, high))
