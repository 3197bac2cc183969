"""How one photo of a burst lies on another: a shift and a small turn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft, ndimage

from unblur.blocks import block_means
from unblur.color import FloatArray
from unblur.tapers import hann

_COARSE_PX = 192
_FINE_PX = 768
_ANGLES_DEG = np.arange(-4.0, 4.01, 0.5)


@dataclass(frozen=True)
class Placement:
    """Where a photo lies on another.

    Attributes:
        angle_deg: turn about the photo's middle, counter-clockwise.
        y_px, x_px: shift after the turn.
        likeness: correlation of the fine detail where both overlap, -1 to 1.
    """

    angle_deg: float
    y_px: float
    x_px: float
    likeness: float


def place(photo: FloatArray, onto: FloatArray) -> Placement:
    """Find how a photo must be turned and shifted to lie on another of the same size.

    Turns of up to 4 degrees are tried on small copies, the best three are followed up on larger
    ones; each shift comes from the peak of a half-whitened cross-correlation.

    Args:
        photo, onto: (H, W, 3) float32 sRGB in [0, 1].

    Reference:
        Reddy and Chatterji, An FFT-based technique for translation, rotation, and
        scale-invariant image registration, IEEE TIP 1996, doi:10.1109/83.506761 (the
        correlation; the angles are simply tried).
    """
    coarse = [_detail(x, _COARSE_PX) for x in (photo, onto)]
    tried = sorted(
        ((_peak(_turn(coarse[0][0], a), coarse[1][0]), float(a)) for a in _ANGLES_DEG),
        reverse=True,
    )
    (fine, step), (target, _) = (_detail(x, _FINE_PX) for x in (photo, onto))
    around = {round(a + d, 3) for _, a in tried[:2] for d in (-0.25, 0.0, 0.25)}
    angle = _best(fine, target, around)
    angle = _best(fine, target, {angle + d for d in (-0.12, -0.06, 0.0, 0.06, 0.12)})
    y, x = _shift(_turn(fine, angle), target)
    moved = _warp(fine, angle, y, x)
    inside = _warp(np.ones_like(fine), angle, y, x) > 0.99
    return Placement(angle, y * step, x * step, _likeness(moved[inside], target[inside]))


def laid_on(photo: FloatArray, placement: Placement, onto: FloatArray) -> FloatArray:
    """Return a photo turned and shifted onto another; the other's pixels where it has none."""
    angle, y, x = placement.angle_deg, placement.y_px, placement.x_px
    planes = [_warp(photo[..., c], angle, y, x) for c in range(3)]
    inside = _warp(np.ones(photo.shape[:2], np.float32), angle, y, x) > 0.99
    moved = np.clip(np.stack(planes, axis=2), 0, 1)
    return np.where(inside[..., None], moved, onto).astype(np.float32)


def _best(photo: FloatArray, onto: FloatArray, angles: set[float]) -> float:
    return max((_peak(_turn(photo, a), onto), a) for a in sorted(angles))[1]


def _detail(photo: FloatArray, side: int) -> tuple[FloatArray, int]:
    """Return a small, high-passed copy of a photo's brightness, and by how much it shrank."""
    grey = photo @ np.array([0.25, 0.5, 0.25], np.float32)
    step = max(1, round(max(grey.shape) / side))
    small = block_means(grey, step)
    smooth = ndimage.gaussian_filter(small, 0.8)
    return np.asarray(smooth - ndimage.uniform_filter(small, 11), dtype=np.float32), step


def _correlation(photo: FloatArray, onto: FloatArray) -> FloatArray:
    window = hann(*onto.shape).astype(np.float32)
    a, b = (fft.rfft2(x * window) for x in (photo, onto))
    cross = b * np.conj(a)
    surface = fft.irfft2(cross / (np.sqrt(np.abs(cross)) + 1e-6), s=onto.shape)
    norm = float(np.sqrt(np.abs(a).sum() * np.abs(b).sum())) + 1e-9
    return np.asarray(surface * (surface.size / norm), dtype=np.float32)


def _peak(photo: FloatArray, onto: FloatArray) -> float:
    return float(_correlation(photo, onto).max())


def _shift(photo: FloatArray, onto: FloatArray) -> tuple[float, float]:
    """Return the shift (y, x) of the peak, to a fraction of a pixel."""
    surface = _correlation(photo, onto)
    place = np.unravel_index(int(surface.argmax()), surface.shape)
    found = []
    for axis, size in enumerate(surface.shape):
        line = np.take(surface, place[1 - axis], axis=1 - axis)
        i = int(place[axis])
        low, mid, high = line[i - 1], line[i], line[(i + 1) % size]
        bend = low - 2 * mid + high
        offset = float(np.clip(0.5 * (low - high) / bend, -0.5, 0.5)) if bend < 0 else 0.0
        found.append((i - size if i > size // 2 else i) + offset)
    return found[0], found[1]


def _turn(plane: FloatArray, angle_deg: float) -> FloatArray:
    return plane if angle_deg == 0 else _warp(plane, angle_deg, 0.0, 0.0)


def _warp(plane: FloatArray, angle_deg: float, y: float, x: float) -> FloatArray:
    """Turn a plane about its middle, then shift it; 0 where nothing is known."""
    angle = np.deg2rad(angle_deg)
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    centre = (np.array(plane.shape) - 1) / 2
    start = centre - matrix @ (centre + np.array([y, x]))
    return np.asarray(ndimage.affine_transform(plane, matrix, start, order=1), dtype=np.float32)


def _likeness(a: FloatArray, b: FloatArray) -> float:
    if a.size < 64:
        return 0.0
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / (np.sqrt((a * a).sum() * (b * b).sum()) + 1e-12))
