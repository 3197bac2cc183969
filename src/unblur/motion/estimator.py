"""The seam between the pipeline and whatever tells how a photo moved."""

from __future__ import annotations

from typing import Protocol

from unblur.motion.field import MotionField
from unblur.motion.picture import Picture
from unblur.motion.windows import LeastSize
from unblur.tone import Tone


class MotionEstimator(Protocol):
    """Tells how a picture moved: first cheaply, then as well as it can.

    The two steps are apart because most photos need no second one: the no-harm gate judges the
    first estimate, and only what is to be restored is refined. A field that is refined comes from
    the same estimator and picture; any other field of the picture is taken as well, at the price
    of another first step.

    Attributes:
        least: how large a picture must be.
    """

    @property
    def least(self) -> LeastSize:
        """How large a picture must be."""

    def propose(self, picture: Picture) -> MotionField:
        """Return a cheap estimate: where there is motion, and about how long it is.

        Raises:
            ShapeMismatch: the picture is too small.
            BadPsf: the motion is given, and of a photo of another size.
        """

    def refine(self, picture: Picture, field: MotionField) -> MotionField:
        """Return the best estimate that can be had, begun with what was proposed.

        Args:
            picture: the one that ``field`` is of.
            field: as proposed.
        """

    def tone(self, picture: Picture, field: MotionField) -> Tone:
        """Return the tone curve of a blurry picture whose file does not tell it.

        Linear light with evidence "estimate" where that explains the picture best; else sRGB's
        curve, assumed.

        Args:
            picture: in the light that is assumed.
            field: as proposed.
        """
