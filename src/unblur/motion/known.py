"""Motion that the caller gives, in place of an estimate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from unblur.blur.psf import Psf
from unblur.errors import BadPsf
from unblur.motion.features import noise_sigma
from unblur.motion.field import MotionField, uniform_field
from unblur.motion.picture import Picture
from unblur.motion.windows import LeastSize, span
from unblur.tone import Tone

_NOISE_PX = 512
"""Side of the middle part in which the noise of a photo with a given motion is measured."""


class KnownMotion:
    """An estimator whose motion is given; see :class:`unblur.motion.estimator.MotionEstimator`.

    Args:
        motion: one PSF in photo px, or a field of them; where the field has a noise, that stays.
    """

    least = LeastSize(1)

    def __init__(self, motion: Psf | MotionField) -> None:
        self._motion = motion

    def propose(self, picture: Picture) -> MotionField:
        """Return the given motion, with the photo's noise.

        Raises:
            BadPsf: the field is of a photo of another size.
        """
        noise = middle_noise(picture)
        if isinstance(self._motion, Psf):
            return uniform_field(picture.shape, self._motion, noise)
        if self._motion.shape != picture.shape:
            (height, width), (rows, columns) = picture.shape, self._motion.shape
            raise BadPsf(
                f"the motion field is of a photo of {columns} x {rows} px, this one "
                f"has {width} x {height}; export it from this photo"
            )
        windows = tuple(
            tuple(replace(w, noise=noise) if np.isnan(w.noise) else w for w in row)
            for row in self._motion.windows
        )
        return replace(self._motion, windows=windows)

    def refine(self, picture: Picture, field: MotionField) -> MotionField:
        """Return the field as it is."""
        return field

    def tone(self, picture: Picture, field: MotionField) -> Tone:
        """Return sRGB's curve, assumed: a motion that is given is undone in the light given."""
        return Tone()


def plain_noise(picture: Picture, field: MotionField | None) -> float:
    """Return the noise of a picture's finest detail, linear light.

    The median of a field's windows; of the picture's middle where there is no field.
    """
    if field is None:
        return middle_noise(picture)
    return float(np.median([w.noise for row in field.windows for w in row]))


def middle_noise(picture: Picture) -> float:
    """Return the standard deviation of the luma's noise in a picture's middle, linear light."""
    (y0, y1), (x0, x1) = (span(side // 2, side, _NOISE_PX) for side in picture.shape)
    return noise_sigma(picture.luma(y0, x0, y1, x1))
