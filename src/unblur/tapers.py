"""How pictures fade towards their borders, so that these do not show in a Fourier transform."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray


def edge_ramp(size: int, border_px: float) -> NDArray[np.float64]:
    """Return (size,) weights that fall to 0 at both ends, by half a cosine.

    Args:
        size: of the line, px.
        border_px: over which they fall, at least 1.
    """
    place = np.arange(size) + 0.5
    near = np.minimum(1.0, np.minimum(place, size - place) / max(border_px, 1))
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * near))


@lru_cache(maxsize=32)
def ramp_taper(height: int, width: int, border_px: float | None = None) -> NDArray[np.float32]:
    """Return a (H, W) window that falls to 0 at the borders.

    The array is shared between calls; do not write to it.

    Args:
        height, width: of the window.
        border_px: over which it falls; a quarter of each side if omitted.
    """
    rows, columns = (
        edge_ramp(side, side / 4 if border_px is None else border_px) for side in (height, width)
    )
    return np.asarray(np.outer(rows, columns), dtype=np.float32)


def hann(height: int, width: int) -> NDArray[Any]:
    """Return Hann's window, (H, W) float64, without the zeros of its borders."""
    return np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1])
