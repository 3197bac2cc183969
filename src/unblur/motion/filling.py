"""A photo in which something is left out goes on smoothly there: a moved one has nothing finer."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from unblur.color import FloatArray, quantise, to_float
from unblur.motion.picture import Picture
from unblur.motion.windows import Mask

_FADE_PX = 4.0
"""Sigma of the Gaussian by which the known pixels go on."""
_FILLED_PX = 1600
"""Longer side up to which what is left out is filled pixel by pixel."""


def without(picture: Picture, away: Mask) -> Picture:
    """Return a picture in which the photo goes on, smoothly, where a part of it is left out.

    Args:
        picture: as it is.
        away: (H, W), what is left out: what was drawn over it, or did not move.
    """
    step = -(-max(picture.shape) // _FILLED_PX)
    few, gone = to_float(picture.samples[::step, ::step]), away[::step, ::step]
    if step > 1:
        gone = ndimage.binary_dilation(away, iterations=step)[::step, ::step]
    if not gone.any() or gone.all():
        return picture
    filled = quantise(np.clip(continued(few, gone), 0, 1), picture.samples.dtype)
    samples = picture.samples.copy()
    if step > 1:
        filled = filled.repeat(step, axis=0).repeat(step, axis=1)
        filled = filled[: samples.shape[0], : samples.shape[1]]
    samples[away] = filled[away]
    return Picture(samples, picture.tone, picture.assumed)


def continued(part: FloatArray, away: Mask) -> FloatArray:
    """Return a part whose unknown pixels go on smoothly from the nearest known ones."""
    nearest = ndimage.distance_transform_edt(away, return_distances=False, return_indices=True)
    begun = part[nearest[0], nearest[1]]
    soft = ndimage.gaussian_filter(begun, (_FADE_PX, _FADE_PX, 0), truncate=2)
    return np.asarray(np.where(away[..., None], soft, part), np.float32)
