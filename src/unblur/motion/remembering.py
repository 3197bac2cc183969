"""An estimator that remembers: for searches that restore the same pictures again and again."""

from __future__ import annotations

from functools import lru_cache

from unblur.motion.estimator import MotionEstimator
from unblur.motion.field import MotionField
from unblur.motion.picture import Picture
from unblur.motion.windows import LeastSize
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
