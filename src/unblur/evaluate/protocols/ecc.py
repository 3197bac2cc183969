"""Alignment by a homography of the largest enhanced correlation, as RealBlur is scored.

Own code on NumPy and SciPy of the published method: OpenCV, which the benchmark's script calls,
is a large dependency for one function. What differs is told in :func:`find_homography`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from unblur.checks import check_pair

Array = NDArray[np.float64]

STEPS = 100
STILL_PX = 1e-3
"""Corners that move by less have arrived."""

_BLUR_SIGMA, _BLUR_REACH = 1.1, 2
_CUBIC = -0.75


def find_homography(template: Array, image: Array, *, steps: int = STEPS) -> Array | None:
    """Return the homography at which an image correlates best with a template.

    Both are blurred a little (5 x 5, sigma 1.1), and the enhanced correlation coefficient is
    maximised from the identity, with additive updates of the eight parameters.

    Differences from OpenCV's ``findTransformECC`` as the benchmark calls it (100 steps, always):
    steps end when the corners move by less than 1e-3 px; positions are not rounded to 1/32 px.

    Args:
        template, image: (H, W), one shape and scale.
        steps: at most.

    Returns:
        (3, 3) that takes (x, y, 1) of the template to its place in the image; None if the two
        do not correlate.

    Reference:
        Evangelidis and Psarakis, Parametric image alignment using enhanced correlation
        coefficient maximization, IEEE TPAMI 2008, doi:10.1109/TPAMI.2008.113.
    """
    check_pair(template, image)
    soft = [_blurred(plane) for plane in (template, image)]
    slopes = [_central_difference(soft[1], axis) for axis in (1, 0)]
    height, width = template.shape
    grid = np.meshgrid(np.arange(width, dtype=np.float64), np.arange(height, dtype=np.float64))
    matrix = np.eye(3)
    for _ in range(steps):
        at = places(matrix, grid)
        inside = is_inside(at, template.shape).ravel()
        warped = [sample_linear(plane, at).ravel()[inside] for plane in (soft[1], *slopes)]
        step = _step(soft[0].ravel()[inside], warped, _jacobian(matrix, grid, warped[1:], inside))
        if step is None:
            return None
        before, matrix = matrix, matrix + step
        if _moved(before, matrix, height, width) < STILL_PX:
            break
    return matrix


@dataclass(frozen=True, eq=False)
class Places:
    """Where the pixels of a template lie in an image: x and y in px, (H, W) each."""

    x: Array
    y: Array


def places(matrix: Array, grid: Sequence[Array]) -> Places:
    """Return where a homography takes the pixels of a grid (x, y)."""
    x, y = grid
    down = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2]
    return Places(
        (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]) / down,
        (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]) / down,
    )


def is_inside(at: Places, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return whether the nearest pixel of each place exists."""
    x, y = np.rint(at.x), np.rint(at.y)
    return np.asarray((x >= 0) & (y >= 0) & (x <= shape[1] - 1) & (y <= shape[0] - 1))


def sample_linear(plane: Array, at: Places) -> Array:
    """Return bilinear samples; outside lies 0."""
    return np.asarray(
        ndimage.map_coordinates(plane, [at.y, at.x], order=1, mode="grid-constant", cval=0.0)
    )


def sample_cubic(image: Array, at: Places) -> Array:
    """Return bicubic samples (a = -0.75, as OpenCV's); outside, the edge pixel is mirrored.

    Args:
        image: (H, W, C).
        at: places, (H, W).
    """
    y0, x0 = np.floor(at.y).astype(int), np.floor(at.x).astype(int)
    wy, wx = _cubic_weights(at.y - y0), _cubic_weights(at.x - x0)
    out = np.zeros((*at.x.shape, image.shape[2]))
    columns = [_mirrored(x0 + j - 1, image.shape[1]) for j in range(4)]
    for i in range(4):
        rows = _mirrored(y0 + i - 1, image.shape[0])
        for j in range(4):
            out += (wy[i] * wx[j])[..., None] * image[rows, columns[j]]
    return out


def _cubic_weights(t: Array) -> list[Array]:
    a = _CUBIC
    first = ((a * (t + 1) - 5 * a) * (t + 1) + 8 * a) * (t + 1) - 4 * a
    second = ((a + 2) * t - (a + 3)) * t**2 + 1
    third = ((a + 2) * (1 - t) - (a + 3)) * (1 - t) ** 2 + 1
    return [first, second, third, 1 - first - second - third]


def _mirrored(index: NDArray[np.int_], side: int) -> NDArray[np.int_]:
    folded = np.mod(index, 2 * side)
    return np.asarray(np.where(folded < side, folded, 2 * side - 1 - folded))


def _blurred(plane: Array) -> Array:
    # scipy's "mirror" is what OpenCV calls reflect 101.
    return np.asarray(
        ndimage.gaussian_filter(plane, _BLUR_SIGMA, radius=_BLUR_REACH, mode="mirror")
    )


def _central_difference(plane: Array, axis: int) -> Array:
    return np.asarray(ndimage.correlate1d(plane, [-0.5, 0, 0.5], axis=axis, mode="mirror"))


def _jacobian(
    matrix: Array, grid: Sequence[Array], slopes: Sequence[Array], inside: NDArray[np.bool_]
) -> Array:
    """Return (N, 8): how the samples change with h00, h01, h02, h10, h11, h12, h20, h21."""
    x, y = (axis.ravel()[inside] for axis in grid)
    down = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2]
    u = (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]) / down
    v = (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]) / down
    gx, gy = slopes[0] / down, slopes[1] / down
    depth = -(u * gx + v * gy)
    return np.stack([gx * x, gx * y, gx, gy * x, gy * y, gy, depth * x, depth * y], axis=1)


def _step(template: Array, warped: list[Array], jacobian: Array) -> Array | None:
    """Return the change (3, 3) of the homography; None if the two do not correlate."""
    if len(template) < jacobian.shape[1]:
        return None
    fixed, moved = template - template.mean(), warped[0] - warped[0].mean()
    hessian = jacobian.T @ jacobian
    of_moved, of_fixed = jacobian.T @ moved, jacobian.T @ fixed
    try:
        solved = np.linalg.solve(hessian, of_moved)
        below = float(fixed @ moved - of_fixed @ solved)
        if below <= 0:
            return None
        factor = float(moved @ moved - of_moved @ solved) / below
        change = np.linalg.solve(hessian, jacobian.T @ (factor * fixed - moved))
    except np.linalg.LinAlgError:
        return None
    return np.append(change, 0.0).reshape(3, 3)


def _moved(before: Array, after: Array, height: int, width: int) -> float:
    """Return by how many px the corners moved, at most."""
    corners = [
        np.array([[0.0, width - 1, 0.0, width - 1]]),
        np.array([[0.0, 0.0, height - 1, height - 1]]),
    ]
    a, b = places(before, corners), places(after, corners)
    return float(np.hypot(a.x - b.x, a.y - b.y).max())
