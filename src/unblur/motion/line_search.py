"""The steady motion along a line that a part's own autocorrelation shows.

What is spread evenly along a line of length ``L`` has, differentiated along it, every edge twice:
as it is where the exposure began, and with the opposite sign ``L`` further where it ended. So the
autocorrelation of the derivative along the motion has its minimum at the lag ``L``, and the deeper
that is, the surer there was such a motion. A sharp picture has none.

The autocorrelation is that of a part of any outline: products of derivatives within the mask, over
the number of pairs of its pixels at each lag. It is computed once for both axes; along any
direction the derivative is a sum of both.

Reference:
    Yitzhaky and Kopeika, Identification of blur parameters from motion blurred images, Graphical
    Models and Image Processing 1997, doi:10.1006/gmip.1997.0435; own formulation for parts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from unblur.color import FloatArray
from unblur.motion.windows import Mask


@dataclass(frozen=True)
class LineSearchParams:
    """Where the minimum is looked for.

    Attributes:
        soft_px: sigma of the Gaussian that takes off noise first.
        turn_deg: farthest from the direction told ...
        step_deg: ... step, and step beside the best.
        lags_px: shortest and longest lag.
        shorter, longer: how many times the length told it may be.
        pairs: least share of the mask's pixels that must have a partner at a lag.
        longer_px: by which the lag exceeds the length: the Gaussian's and a pixel's own width.
    """

    soft_px: float = 0.7
    turn_deg: float = 20.0
    step_deg: tuple[float, float] = (4.0, 1.0)
    lags_px: tuple[float, float] = (5.0, 64.0)
    shorter: float = 0.5
    longer: float = 2.5
    pairs: float = 0.12
    longer_px: float = 0.6


LINE_SEARCH = LineSearchParams()


@dataclass(frozen=True)
class Line:
    """A steady motion along a line.

    Attributes:
        length_px, angle_deg: counter-clockwise as seen.
        depth: of the minimum that shows it, a share of the derivative's variance; above 0.15 there
            is hardly a doubt.
    """

    length_px: float
    angle_deg: float
    depth: float


def line_in(
    luma: FloatArray,
    mask: Mask,
    length_px: float,
    angle_deg: float,
    params: LineSearchParams = LINE_SEARCH,
) -> Line | None:
    """Return the line near one told that a part shows most clearly; None where it is too small.

    Args:
        luma: (H, W) float32, linear light.
        mask: (H, W), the part.
        length_px, angle_deg: as told.
        params: where it is looked for.
    """
    shown = _autocorrelations(luma, mask, params)
    if shown is None:
        return None
    reach, planes = shown
    low = max(params.lags_px[0], params.shorter * length_px)
    high = min(params.lags_px[1], params.longer * length_px, reach)
    lags = np.arange(low, high, 0.5)
    if lags.size == 0:
        return None
    coarse, fine = params.step_deg
    best: Line | None = None
    for farthest, step in ((params.turn_deg, coarse), (coarse, fine)):
        about = angle_deg if best is None else best.angle_deg
        for turn in np.arange(-farthest, farthest + 1e-6, step):
            along = _along(planes, reach, about + float(turn), lags)
            at = int(np.argmin(along))
            depth = -float(along[at])
            if np.isfinite(depth) and (best is None or depth > best.depth):
                length = float(lags[at]) - params.longer_px
                best = Line(length, (about + float(turn)) % 180, depth)
    return best


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
    """Return the autocorrelation along a direction; infinite where there are too few pairs."""
    dx, dy = np.cos(np.deg2rad(angle_deg)), -np.sin(np.deg2rad(angle_deg))
    of_direction = dx * dx * planes[0] + dx * dy * planes[1] + dy * dy * planes[2]
    places = np.stack([reach + dy * lags, reach + dx * lags])
    found = ndimage.map_coordinates(of_direction, places, order=1, cval=np.nan)
    variance = max(float(of_direction[reach, reach]), 1e-12)
    return np.asarray(np.where(np.isfinite(found), found / variance, np.inf))
