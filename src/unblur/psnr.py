"""The peak signal-to-noise ratio of two pictures, for whoever scores and whoever trains."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unblur.checks import check_pair, check_range


def psnr_db(restored: NDArray[Any], sharp: NDArray[Any], *, data_range: float) -> float:
    """Return the peak signal-to-noise ratio in dB; infinite for equal images.

    ``10 log10(data_range^2 / mean((restored - sharp)^2))`` over all pixels and channels.

    Args:
        restored, sharp: one shape, any dtype, one scale.
        data_range: largest possible value, as 1.0 or 255.
    """
    check_pair(restored, sharp)
    check_range(data_range)
    error = np.mean(np.square(restored.astype(np.float64) - sharp.astype(np.float64)))
    return float("inf") if error == 0 else float(10 * np.log10(data_range**2 / error))
