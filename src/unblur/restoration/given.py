"""Motion that the caller gives, in place of an estimate."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unblur.blur.psf import Psf
from unblur.color import luma, srgb_to_linear, to_float
from unblur.errors import BadPsf
from unblur.motion.features import noise_sigma
from unblur.motion.field import MotionField, uniform_field

_NOISE_PATCH = 512


def given_motion(psf: Psf | MotionField, samples: NDArray[Any]) -> MotionField:
    """Return the motion field of a photo whose PSF or field is given, its noise measured.

    Args:
        psf: one PSF in photo px, or a field of them; where the field has a noise, that stays.
        samples: (H, W, C) uint8, uint16 or float32 in [0, 1], sRGB.

    Raises:
        BadPsf: the field is of a photo of another size.
    """
    height, width = samples.shape[:2]
    y, x = max(0, (height - _NOISE_PATCH) // 2), max(0, (width - _NOISE_PATCH) // 2)
    patch = to_float(samples[y : y + _NOISE_PATCH, x : x + _NOISE_PATCH])
    noise = noise_sigma(luma(srgb_to_linear(patch)))
    if isinstance(psf, Psf):
        return uniform_field((height, width), psf, noise)
    if psf.shape != (height, width):
        raise BadPsf(
            f"the motion field is of a photo of {psf.shape[1]} x {psf.shape[0]} px, this one "
            f"has {width} x {height}; export it from this photo"
        )
    rows = (
        tuple(replace(w, noise=noise) if np.isnan(w.noise) else w for w in row)
        for row in psf.windows
    )
    return replace(psf, windows=tuple(rows))
