"""An estimator that remembers: for searches that restore the same pictures again and again."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from unblur.color import FloatArray
from unblur.motion.estimator import MotionEstimator
from unblur.motion.field import MotionField
from unblur.motion.local import LocalEstimate, LocalEstimator
from unblur.motion.picture import Picture
from unblur.motion.told_gain import GainTeller
from unblur.motion.windows import Box, LeastSize
from unblur.tone import Tone


class RememberingEstimator:
    """Asks another estimator about a picture once; see :class:`MotionEstimator`.

    Args:
        estimator: whose candidates are kept.
        most: pictures that are remembered; each is held as long as its motion.
    """

    def __init__(self, estimator: MotionEstimator, *, most: int) -> None:
        self._estimator = estimator
        # Fields are kept bare: what refining them begins with is worth megabytes each.
        self._proposed = lru_cache(maxsize=most)(lambda picture: estimator.propose(picture).bare())
        self._refined = lru_cache(maxsize=most)(
            lambda picture: estimator.refine(picture, self._proposed(picture))
        )
        self._gains = lru_cache(maxsize=most)(
            lambda picture, field, boxes: (
                estimator.gains(picture, field, boxes) if isinstance(estimator, GainTeller) else []
            )
        )

    @property
    def least(self) -> LeastSize:
        """Shortest side of a picture that it takes, px."""
        return self._estimator.least

    def propose(self, picture: Picture) -> MotionField:
        """Return what the estimator has proposed."""
        return self._proposed(picture)

    def refine(self, picture: Picture, field: MotionField) -> MotionField:
        """Return what the estimator has made of it."""
        return self._refined(picture)

    def tone(self, picture: Picture, field: MotionField) -> Tone:
        """Return what the estimator says of the light."""
        return self._estimator.tone(picture, field)

    def local(self, luma: FloatArray, boxes: Sequence[Box] | None = None) -> list[LocalEstimate]:
        """Return what the estimator says of small windows, if it can be asked."""
        other = self._estimator
        return other.local(luma, boxes) if isinstance(other, LocalEstimator) else []

    def gains(self, picture: Picture, field: MotionField, boxes: Sequence[Box]) -> list[float]:
        """Return what the estimator has told of undoing a motion, if it can."""
        return self._gains(picture, field, tuple(boxes))
