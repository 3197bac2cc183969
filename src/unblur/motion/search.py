"""The classical estimator: one PSF for the whole picture, by coarse-to-fine MAP search alone."""

from __future__ import annotations

from unblur.motion.coarse_to_fine import LEAST_SIDE_PX, estimate_psf_map
from unblur.motion.field import MotionField, uniform_field
from unblur.motion.known import middle_noise
from unblur.motion.picture import Picture


class SearchEstimator:
    """No network; see :class:`unblur.motion.estimator.MotionEstimator`.

    The search has no cheap form and tells nothing of its own errors: it proposes what it finds
    with a confidence and a blur probability of 1, so a gate can only go by the motion's length
    and by other evidence.
    """

    least_px = LEAST_SIDE_PX

    def propose(self, picture: Picture) -> MotionField:
        """Return the field of the PSF that is found."""
        height, width = picture.shape
        psf = estimate_psf_map(picture.luma(0, 0, height, width))
        return uniform_field(picture.shape, psf, middle_noise(picture))

    def refine(self, picture: Picture, field: MotionField) -> MotionField:
        """Return the field as it is: the search has been taken to its end."""
        return field
