"""How a picture is to be turned before it is shown: FFmpeg's display matrix, all nine numbers.

A matrix ``(a, b, u, c, d, v, x, y, w)`` sends the point (p, q) of the stored picture to
``(a p + c q + x, b p + d q + y)``; a to d, x and y are 16.16 fixed-point numbers, u, v and w 2.30
(ISO/IEC 14496-12, 6.2.2). Cameras write one of the eight orientations of a square, often with the
shift that moves the turned picture back into the positive quadrant.
"""

from __future__ import annotations

import math
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = tuple[int, ...]
"""Nine integers."""

_ONE, _W = 1 << 16, 1 << 30

APPLE = frozenset({"mov", "mp4"})
"""Containers whose HEVC is called hvc1, else Apple's players refuse it."""

_WHOLE = APPLE | {"3gp"}
"""Containers that hold all nine numbers."""

_ORIENTATION = frozenset({"matroska", "webm"})
"""Containers that hold turning and mirroring (as a pose), but neither shift nor scale."""

_SLIGHT = 1e-3
"""Matrices whose entries differ by less say the same."""


def matrix_of(frame: Any) -> Matrix | None:
    """Return the display matrix of a decoded frame; None where it has none or says nothing."""
    for data in frame.side_data:
        if data.type.name == "DISPLAYMATRIX" and data.buffer_size == 36:
            matrix = struct.unpack("=9i", bytes(data))
            plain = matrix == (_ONE, 0, 0, 0, _ONE, 0, 0, 0, _W)
            regular = _linear(matrix).any() and abs(np.linalg.det(_linear(matrix))) > _SLIGHT
            return matrix if regular and not plain else None
    return None


def held(container: str) -> bool:
    """Return whether a container says how its picture is turned and mirrored."""
    return container in _WHOLE or container in _ORIENTATION


def lost(matrix: Matrix, container: str, size: tuple[int, int]) -> str | None:
    """Tell what of a matrix a container does not keep, for the user; None if nothing that counts.

    Args:
        matrix: of the source.
        container: FFmpeg's name of the output's.
        size: (width, height) of the stored picture.
    """
    if container in _WHOLE:
        return None
    missing = []
    if container not in _ORIENTATION and not _is_orientation(matrix):
        missing.append("the part of its turn that is no quarter")
    if any(abs(np.hypot(*row) - 1) > _SLIGHT for row in _linear(matrix).T):
        missing.append("its scale")
    shift = np.array(matrix[6:8]) / _ONE
    if np.abs(shift).max() >= 1 and np.abs(shift - _home(matrix, size)).max() >= 1:
        missing.append(f"its shift by {shift[0]:g}, {shift[1]:g} px")
    if matrix[2] or matrix[5] or matrix[8] != _W:
        missing.append("its perspective")
    if not missing:
        return None
    return f"the display matrix loses {' and '.join(missing)}: {container} cannot hold it"


def resized(matrix: Matrix, size: tuple[int, int], new: tuple[int, int]) -> Matrix:
    """Return the matrix for a picture of another size: the shift home follows the sides.

    Args:
        matrix: for a picture of ``size``.
        size, new: (width, height) px.
    """
    home = _home(matrix, size)
    if size == new or np.abs(np.array(matrix[6:8]) / _ONE - home).max() >= 1:
        return matrix
    moved = (round(v * _ONE) for v in _home(matrix, new))
    return (*matrix[:6], *moved, matrix[8])


def quarter_turned(samples: NDArray[Any], matrix: Matrix) -> NDArray[Any]:
    """Return pixels as they are to be shown, to the nearest of the eight orientations.

    Args:
        samples: (H, W, C).
        matrix: see the module.
    """
    across, down = _signs(matrix)
    if _swaps(matrix):
        samples = samples.swapaxes(0, 1)
    return samples[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1]


def swaps_sides(matrix: Matrix) -> bool:
    """Return whether width and height change places."""
    return _swaps(matrix)


def _linear(matrix: Matrix) -> NDArray[np.float64]:
    """Return the 2 x 2 part that acts on columns (p, q)."""
    return np.array([[matrix[0], matrix[3]], [matrix[1], matrix[4]]], np.float64) / _ONE


def _swaps(matrix: Matrix) -> bool:
    a, c, b, d = _linear(matrix).ravel()
    return bool(abs(b) + abs(c) > abs(a) + abs(d))


def _signs(matrix: Matrix) -> tuple[float, float]:
    """Return the signs by which the shown x and y run along the stored sides."""
    a, c, b, d = _linear(matrix).ravel()
    return (c, b) if _swaps(matrix) else (a, d)


def _is_orientation(matrix: Matrix) -> bool:
    a, c, b, d = _linear(matrix).ravel()
    small, large = ((a, d), (b, c)) if _swaps(matrix) else ((b, c), (a, d))
    even = math.isclose(abs(large[0]), abs(large[1]), rel_tol=_SLIGHT)
    return bool(max(map(abs, small)) < _SLIGHT) and even


def _home(matrix: Matrix, size: tuple[int, int]) -> NDArray[np.float64]:
    """Return the shift that moves the turned picture's corner to the origin."""
    corners = np.array([(0, 0), (size[0], 0), (0, size[1]), size], np.float64)
    return np.asarray(-(corners @ _linear(matrix).T).min(axis=0))
