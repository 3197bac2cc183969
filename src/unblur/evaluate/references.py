"""What photos have always been sharpened with, to compare with."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from unblur.color import quantise, to_float
from unblur.evaluate.samples import Samples

UNSHARP_SIGMA_PX, UNSHARP_AMOUNT = 2.0, 0.5
"""A mild setting, as photo editors propose it."""


def unsharp_mask(samples: Samples) -> Samples:
    """Return a photo with its fine detail raised: it undoes no motion, it looks crisper.

    Args:
        samples: (H, W, C) uint8, uint16 or float32 in [0, 1], sRGB.

    Returns:
        The same shape and dtype.
    """
    image = to_float(samples)
    soft = ndimage.gaussian_filter(image, (UNSHARP_SIGMA_PX, UNSHARP_SIGMA_PX, 0))
    sharpened = np.clip(image + np.float32(UNSHARP_AMOUNT) * (image - soft), 0, 1)
    return quantise(sharpened, samples.dtype)
