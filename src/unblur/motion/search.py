"""The classical estimator: one PSF for the whole picture, by coarse-to-fine MAP search alone."""

from __future__ import annotations

import numpy as np

from unblur.blocks import halve
from unblur.motion.candidates import candidates
from unblur.motion.choice import choose
from unblur.motion.coarse_to_fine import CROP_PX, LEAST_SIDE_PX
from unblur.motion.field import MotionField, uniform_field
from unblur.motion.known import middle_noise
from unblur.motion.picture import Picture
from unblur.motion.tone_estimate import estimate_tone
from unblur.motion.windows import LeastSize, most_structured
from unblur.tone import Tone

LONGEST_SEARCHED_PX = 2 * CROP_PX
"""Longer side of a picture up to which very long motion is searched in all of it."""


class SearchEstimator:
    """No network; see :class:`unblur.motion.estimator.MotionEstimator`.

    The search has no cheap form and tells nothing of its own errors: it proposes what it finds
    with a confidence and a blur probability of 1, so a gate can only go by the motion's length
    and by other evidence.
    """

    least = LeastSize(LEAST_SIDE_PX)

    def propose(self, picture: Picture) -> MotionField:
        """Return the field of the PSF that is found."""
        height, width = picture.shape
        luma = picture.luma(0, 0, height, width)
        half = halve(luma) if max(picture.shape) <= LONGEST_SEARCHED_PX else None
        window = np.ascontiguousarray(most_structured(luma, CROP_PX))
        psf = choose(window, candidates(window, None, half), tone=picture.tone).psf
        return uniform_field(picture.shape, psf, middle_noise(picture))

    def refine(self, picture: Picture, field: MotionField) -> MotionField:
        """Return the field as it is: the search has been taken to its end."""
        return field

    def tone(self, picture: Picture, field: MotionField) -> Tone:
        """Return the tone curve that explains a blurry picture best."""
        return estimate_tone(picture, scale=field.scale)
