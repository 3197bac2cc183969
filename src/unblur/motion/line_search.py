"""The steady motion along a line that a part's own autocorrelation shows.

What is spread evenly along a line of length ``L`` has, differentiated along it, every edge twice:
as it is where the exposure began, and with the opposite sign ``L`` further where it ended. So the
autocorrelation of the derivative along the motion has its minimum at the lag ``L``, and the deeper
that is, the surer there was such a motion. A sharp picture has none.

The autocorrelation is that of a part of any outline: products of derivatives within the mask, over
the number of pairs of its pixels at each lag. It is computed once for both axes; along any
direction the derivative is a sum of both.

What repeats in a part shows minima of its own, and at long lags there are few pairs. So a minimum
counts by the root of their number, and what is told beforehand of length and direction is a prior.
In 54 composed scenes this finds 65 % of the lines, within 15 % and 8 degrees; the deepest minimum
within wide bounds is right in 46 %.

Reference:
    Yitzhaky and Kopeika, Identification of blur parameters from motion blurred images, Graphical
    Models and Image Processing 1997, doi:10.1006/gmip.1997.0435; own formulation for parts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from unblur.blur.psf import Psf
from unblur.color import FloatArray
from unblur.motion.windows import Mask


@dataclass(frozen=True)
class LineSearchParams:
    """Where the minimum is looked for.

    Attributes:
        soft_px: sigma of the Gaussian that takes off noise first.
        turn_deg: farthest from the direction told, and step.
        off_deg: standard deviation of the direction told.
        octaves: of the length, for one told as MapNet does: constant and factor of its log2. It
            tends to the middle, so the true one of 9 px is 16, of 24 is 27.
        off_octaves: standard deviation of that.
        prior: what the square of a standard deviation is worth, in depth.
        most: lines that are returned, at most ...
        apart: ... of which any two differ by so many octaves or degrees.
        near_px, near_deg: how near a line a minimum must be to be its own.
        lags_px: shortest and longest lag.
        pairs: least share of the mask's pixels that must have a partner at a lag.
        longer_px: by which the lag exceeds the length: the Gaussian's and a pixel's own width.
    """

    soft_px: float = 0.7
    turn_deg: tuple[float, float] = (20.0, 2.0)
    off_deg: float = 8.0
    octaves: tuple[float, float] = (2.2, 0.563)
    off_octaves: float = 0.5
    prior: float = 0.025
    most: int = 6
    apart: tuple[float, float] = (0.2, 8.0)
    near_px: float = 2.0
    near_deg: float = 6.0
    lags_px: tuple[float, float] = (5.0, 64.0)
    pairs: float = 0.12
    longer_px: float = 0.6


LINE_SEARCH = LineSearchParams()


@dataclass(frozen=True)
class Line:
    """A motion along a line, or nearly so.

    Attributes:
        length_px, angle_deg: counter-clockwise as seen.
        hurry: by how much the speed changes, as a share: 0 for a steady one, 0.3 for one that ends
            1.9 times as fast as it began.
        bend: how far the middle of the path lies beside the line through its ends, a share of the
            length.
        evidence: for it: the depth of the minimum that shows it, a share of the derivative's
            variance, times the root of the share of pixels with a partner; less what speaks against
            such a line beforehand.
    """

    length_px: float
    angle_deg: float
    hurry: float = 0.0
    bend: float = 0.0
    evidence: float = 0.0

    def psf(self) -> Psf:
        """Return its PSF: that of constant acceleration, along and across."""
        time = np.linspace(-0.5, 0.5, max(2, 8 * int(np.ceil(self.length_px)) + 1))
        along = time + self.hurry * np.square(time)
        across = 4 * self.bend * np.square(time)
        angle = np.deg2rad(self.angle_deg)
        x = along * np.cos(angle) + across * np.sin(angle)
        y = across * np.cos(angle) - along * np.sin(angle)
        path = np.stack([x, y], 1) * self.length_px
        return Psf.from_points(path - path.mean(axis=0))


def lines_in(
    luma: FloatArray,
    mask: Mask,
    length_px: float,
    angle_deg: float,
    params: LineSearchParams = LINE_SEARCH,
) -> list[Line]:
    """Return the lines near one told that a part shows, the one of most evidence first.

    Args:
        luma: (H, W) float32, linear light.
        mask: (H, W), the part.
        length_px, angle_deg: as MapNet tells them.
        params: where they are looked for.

    Returns:
        Lines that differ by more than a little; none where the part is too small.
    """
    shown = _autocorrelations(luma, mask, params)
    if shown is None:
        return []
    reach, planes = shown
    lags = np.arange(params.lags_px[0], min(params.lags_px[1], reach), 0.5)
    farthest, step = params.turn_deg
    turns = np.arange(-farthest, farthest + step / 2, step)
    depths = np.stack([_along(planes, reach, angle_deg + turn, lags) for turn in turns])
    octaves = np.log2(lags - params.longer_px)
    off = (octaves - np.log2(expected_px(length_px, params))) / params.off_octaves
    doubt = np.square(off) + np.square(turns / params.off_deg)[:, None]
    evidence = depths - params.prior * doubt
    found: list[Line] = []
    while len(found) < params.most and np.isfinite(evidence).any():
        row, column = np.unravel_index(np.argmax(evidence), evidence.shape)
        length = float(lags[column]) - params.longer_px
        angle = float(angle_deg + turns[row]) % 180
        found.append(Line(length, angle, evidence=float(evidence[row, column])))
        same = np.abs(octaves - octaves[column]) < params.apart[0]
        evidence[np.ix_(np.abs(turns - turns[row]) < params.apart[1], same)] = -np.inf
    return found


def depth_of(
    luma: FloatArray, mask: Mask, line: Line, params: LineSearchParams = LINE_SEARCH
) -> float:
    """Return how clearly a part shows a line: the depth of the deepest minimum near it.

    Args:
        luma, mask, params: as for :func:`lines_in`.
        line: its length and direction.

    Returns:
        The depth, 0 where there is no minimum or the part is too small.
    """
    shown = _autocorrelations(luma, mask, params)
    if shown is None:
        return 0.0
    reach, planes = shown
    lags = line.length_px + params.longer_px + np.arange(-params.near_px, params.near_px + 0.1, 0.5)
    lags = lags[lags < reach]
    turns = np.arange(-params.near_deg, params.near_deg + 0.1, 2.0)
    if lags.size == 0:
        return 0.0
    return max(
        0.0, *(float(_along(planes, reach, line.angle_deg + turn, lags).max()) for turn in turns)
    )


def expected_px(length_px: float, params: LineSearchParams = LINE_SEARCH) -> float:
    """Return the length that is likeliest where MapNet tells one."""
    constant, factor = params.octaves
    return float(2.0 ** (constant + factor * np.log2(max(length_px, 1.0))))


def _autocorrelations(
    luma: FloatArray, mask: Mask, params: LineSearchParams
) -> tuple[int, NDArray[np.float64]] | None:
    """Return a reach and (4, 2 reach + 1, 2 reach + 1): of x and x, x and y, y and y; of pairs."""
    inner = ndimage.binary_erosion(mask, iterations=2)
    rows, columns = (np.flatnonzero(inner.any(axis=axis)) for axis in (1, 0))
    if len(rows) < 2 * params.lags_px[0] or len(columns) < 2 * params.lags_px[0]:
        return None
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    soft = ndimage.gaussian_filter(luma, params.soft_px)
    counts = inner[box].astype(np.float64)
    gy, gx = (np.asarray(np.gradient(soft, axis=axis))[box] * counts for axis in (0, 1))
    reach = int(min(params.lags_px[1], max(counts.shape) - 1)) + 1
    size = [fft.next_fast_len(side + reach + 1, real=True) for side in counts.shape]
    x, y, one = (fft.rfft2(plane, s=size) for plane in (gx, gy, counts))
    near = np.arange(-reach, reach + 1)

    def correlated(a: NDArray[np.complex128], b: NDArray[np.complex128]) -> NDArray[np.float64]:
        plane = fft.irfft2(np.conj(a) * b, s=size)
        return np.asarray(plane[np.ix_(near % size[0], near % size[1])])

    cross = correlated(x, y)
    pairs = correlated(one, one)
    planes = np.stack([correlated(x, x), cross + cross[::-1, ::-1], correlated(y, y), pairs])
    enough = pairs >= params.pairs * counts.sum()
    planes[:3] = np.where(enough, planes[:3] / np.maximum(pairs, 1), np.nan)
    return reach, planes


def _along(
    planes: NDArray[np.float64], reach: int, angle_deg: float, lags: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the depth along a direction; minus infinity where there are too few pairs."""
    dx, dy = np.cos(np.deg2rad(angle_deg)), -np.sin(np.deg2rad(angle_deg))
    of_direction = dx * dx * planes[0] + dx * dy * planes[1] + dy * dy * planes[2]
    places = np.stack([reach + dy * lags, reach + dx * lags])
    found = ndimage.map_coordinates(of_direction, places, order=1, cval=np.nan)
    pairs = ndimage.map_coordinates(planes[3], places, order=1) / max(planes[3].max(), 1.0)
    variance = max(float(of_direction[reach, reach]), 1e-12)
    depth = -found / variance * np.sqrt(np.clip(pairs, 0, 1))
    return np.asarray(np.where(np.isfinite(found), depth, -np.inf))
