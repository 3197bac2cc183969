"""What one exposure of a clip sees: the scene moved along a path, turned, or frame upon frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from unblur.blur.formation import apply_psf
from unblur.blur.psf import Psf
from unblur.blur.trajectory import Points
from unblur.color import FloatArray
from unblur.errors import BadValue


def seen(light: FloatArray, path: Points, margin: int) -> FloatArray:
    """Return the scene as it stands in the middle of an exposure: moved by whole pixels.

    Whole pixels keep the sharp side as sharp as its source; the blurred side is exact.

    Args:
        light: (H, W, C) float32, linear.
        path: (n, 2) offsets (x, y) in px of the exposure.
        margin: cut off on each side, px; more than the path's reach.
    """
    x, y = middle(path)
    height, width = light.shape[:2]
    return light[margin - y : height - margin - y, margin - x : width - margin - x]


def blurred(light: FloatArray, path: Points, margin: int) -> FloatArray:
    """Return the mean of the scene moved along a path; see :func:`seen`.

    Reference:
        Equal to averaging sub-frames in linear light, as Nah et al. (CVPR 2017,
        doi:10.1109/CVPR.2017.35) do with fast cameras, but without their gaps.
    """
    offset = middle(path)
    around = path - offset
    reach = int(np.ceil(np.abs(around).max())) + 1
    psf = Psf.from_points(around, size=2 * reach + 1)
    x, y = offset
    height, width = light.shape[:2]
    wide = margin - reach
    part = light[wide - y : height - wide - y, wide - x : width - wide - x]
    return apply_psf(part, psf, border="valid")


def middle(path: Points) -> NDArray[np.int64]:
    """Return the whole-pixel offset (x, y) nearest to the mean of an exposure's path."""
    return np.asarray(np.round(path.mean(axis=0)), dtype=np.int64)


def turned(
    light: FloatArray,
    angle_deg: float,
    *,
    zoom: float = 1.0,
    shift_px: tuple[float, float] = (0.0, 0.0),
    order: Literal[1, 3] = 3,
) -> FloatArray:
    """Return a picture turned about its middle, the same size; its border repeats.

    Args:
        light: (H, W, C) float32, linear.
        angle_deg: counter-clockwise.
        zoom: times that it grows.
        shift_px: (x, y) that it moves after that.
        order: of the spline between pixels.
    """
    angle = np.deg2rad(angle_deg)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / zoom
    centre = (np.array(light.shape[:2]) - 1) / 2
    start = centre - matrix @ (centre + np.array(shift_px[::-1]))
    planes = [
        ndimage.affine_transform(light[..., c], matrix, start, order=order, mode="nearest")
        for c in range(light.shape[2])
    ]
    return np.asarray(np.maximum(np.stack(planes, axis=2), 0), np.float32)


def turning(
    light: FloatArray, path: Points, angles_deg: NDArray[np.float64], zooms: NDArray[np.float64]
) -> FloatArray:
    """Return the mean of the scene moved, turned and zoomed, one picture for each step.

    Args:
        light: (H, W, C) float32, linear.
        path: (n, 2) offsets (x, y), px.
        angles_deg, zooms: (n,) at each step.
    """
    steps = zip(path, angles_deg, zooms, strict=True)
    pictures = [
        turned(light, float(angle), zoom=float(zoom), shift_px=(float(x), float(y)), order=1)
        for (x, y), angle, zoom in steps
    ]
    return np.asarray(np.mean(pictures, axis=0, dtype=np.float32))


def averaged(lights: Sequence[FloatArray], exposures: int) -> list[tuple[FloatArray, FloatArray]]:
    """Return what a slow camera sees of the frames of a fast one: (sharp, blurred) of each.

    Args:
        lights: frames in order, (H, W, C) float32, linear.
        exposures: frames that become one, side by side, odd; the middle one is the sharp one.

    Raises:
        BadValue: an even number.

    Reference:
        Nah et al., Deep Multi-scale Convolutional Neural Network for Dynamic Scene Deblurring,
        CVPR 2017, doi:10.1109/CVPR.2017.35.
    """
    if exposures % 2 != 1:
        raise BadValue(f"exposures that become one must be an odd number, got {exposures}")
    groups = [lights[k : k + exposures] for k in range(0, len(lights), exposures)]
    return [
        (group[exposures // 2], np.mean(group, axis=0, dtype=np.float32))
        for group in groups
        if len(group) == exposures
    ]


def settled(path: Points) -> Points:
    """Return an exposure's path moved by less than a pixel, so that its mean is a whole one.

    The sharp side moves by whole pixels; the blurred one must not lie beside it, or what learns
    from both learns to expect the worse of all the places where the picture might be.
    """
    return np.asarray(path + (middle(path) - path.mean(axis=0)))
