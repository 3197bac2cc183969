"""The no-harm gate: whether a photo is sharp, and how far each window's restoration is trusted.

A stage of the pipeline, asked three times: about the proposed motion (:meth:`Gate.judge`), about
the refined one (:meth:`Gate.trust`) and about the result (:meth:`Gate.check`). Its evidence: the
probability that there is motion blur at all, the length of motion that the windows agree on, the
blur detector's opinion, and the expected quality of the estimated PSFs. Where that does not
convince, the photo stays as it is. What it must reach is in :mod:`unblur.pipeline.settings`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from unblur.color import FloatArray
from unblur.motion.detect import BlurDetector
from unblur.motion.field import MotionField
from unblur.motion.line_search import expected_px
from unblur.motion.moved_parts import MovedPart
from unblur.motion.part_motion import PartMotion
from unblur.motion.picture import Picture
from unblur.pipeline.evidence import (
    PARAMS,
    GateParams,
    detection,
    is_likely_sharp,
    is_sharp,
    lost_light,
    may_be_short,
    trust_map,
)
from unblur.pipeline.settings import DEFAULTS, Settings

SHARP = "this photo is already sharp: no motion blur found"
MIXED = "parts of this photo moved differently, and could not be told apart"
UNSURE = "the motion could not be estimated reliably enough"


@dataclass(frozen=True, eq=False)
class Verdict:
    """What a gate says of a photo.

    Attributes:
        sharp: whether there is no motion blur to undo.
        reason: why the photo is left as it is, for the user; empty where it is restored.
        least_gain_db: what undoing the motion must gain, as it is told, to be undone at all; None
            where that is not asked.
        trust: (rows, columns) float32 in [0, 1], one for each window of the motion field: how much
            of the restoration counts there. All 0 where there is a reason.
    """

    sharp: bool
    reason: str
    trust: FloatArray
    least_gain_db: float | None = None

    @staticmethod
    def left(reason: str, rows: int = 0, columns: int = 0, *, sharp: bool = False) -> Verdict:
        """Return the verdict on a photo that is left as it is."""
        return Verdict(sharp, reason, np.zeros((rows, columns), np.float32))

    @staticmethod
    def restored(rows: int = 1, columns: int = 1) -> Verdict:
        """Return the verdict on a photo that is fully restored everywhere."""
        return Verdict(False, "", np.ones((rows, columns), np.float32))


class Gate(Protocol):
    """Decides what is left alone.

    Attributes:
        by_part: whether parts of a photo that did not move like the rest are left alone.
        whole: whether a photo is left alone whose parts moved differently and cannot be told
            apart.
        movers: whether what moved by itself before a still background is looked for.
        doubt: probability of blur from which on a photo that is called sharp is looked at in the
            other light too, where its light is not known.
    """

    by_part: bool
    whole: bool
    movers: bool
    doubt: float

    def judge(self, picture: Picture, proposed: MotionField) -> Verdict:
        """Say of a proposed motion whether it is worth refining."""

    def alone(self, part: MovedPart, motion: PartMotion | None = None) -> bool:
        """Say whether a part moved by itself before a still background.

        Args:
            part: what the map tells of it.
            motion: the part's; None while it is not known: then whether it is worth looking for.
        """

    def trust(self, proposed: MotionField, field: MotionField, *, short: bool = False) -> Verdict:
        """Say how far the refined motion may be undone.

        Args:
            proposed: as it was judged.
            field: as it was refined.
            short: whether its length was seen not to speak against it.
        """

    def check(self, verdict: Verdict, before: Picture, after: Picture) -> Verdict:
        """Say of a result whether it can be right.

        Args:
            verdict: so far, without a reason.
            before, after: the photo and its restoration.
        """


class OpenGate:
    """Lets everything through: for given motion, and where the caller sets the gate aside."""

    by_part = False
    whole = False
    movers = False
    doubt = 1.0

    def judge(self, picture: Picture, proposed: MotionField) -> Verdict:
        """See :class:`Gate`."""
        return Verdict.restored(*_windows(proposed))

    def alone(self, part: MovedPart, motion: PartMotion | None = None) -> bool:
        """See :class:`Gate`."""
        return False

    def trust(self, proposed: MotionField, field: MotionField, *, short: bool = False) -> Verdict:
        """See :class:`Gate`."""
        return Verdict.restored(*_windows(field))

    def check(self, verdict: Verdict, before: Picture, after: Picture) -> Verdict:
        """See :class:`Gate`."""
        return verdict


class ClosedGate:
    """Leaves every photo as it is, for a reason that is known beforehand: nothing is refined."""

    by_part = False
    whole = False
    movers = False
    doubt = 1.0

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def judge(self, picture: Picture, proposed: MotionField) -> Verdict:
        """See :class:`Gate`."""
        return Verdict.left(self._reason)

    def alone(self, part: MovedPart, motion: PartMotion | None = None) -> bool:
        """See :class:`Gate`."""
        return False

    def trust(self, proposed: MotionField, field: MotionField, *, short: bool = False) -> Verdict:
        """See :class:`Gate`."""
        return Verdict.left(self._reason)

    def check(self, verdict: Verdict, before: Picture, after: Picture) -> Verdict:
        """See :class:`Gate`."""
        return verdict


class NoHarmGate:
    """Leaves alone what is sharp, what could not be estimated well, and what came out wrong.

    Args:
        detector: further evidence of what is sharp; without it the motion alone decides.
        settings: what the evidence must reach.
        by_window: whether the restoration rests on the windows' PSFs, so that each window is
            trusted by itself; otherwise all of a photo that is not sharp is.
        asked: whether the caller says that something moved.
        params: the gate's other numbers.
    """

    by_part = True

    def __init__(
        self,
        detector: BlurDetector | None = None,
        settings: Settings = DEFAULTS,
        *,
        by_window: bool = True,
        asked: bool = False,
        params: GateParams = PARAMS,
    ) -> None:
        self._detector, self._settings, self._by_window = detector, settings, by_window
        self._asked, self._params = asked, params
        self.doubt = params.doubt
        self.whole = by_window
        self.movers = by_window

    def judge(self, picture: Picture, proposed: MotionField) -> Verdict:
        """See :class:`Gate`."""
        length_px, shape = proposed.mean_length_px(), _windows(proposed)
        sharp = is_sharp(proposed, length_px, self._settings)
        short = may_be_short(proposed, length_px, self._settings)
        least_gain_db = None
        # A probability of 1 comes from light streaks, not from an estimate: it stands.
        if self._detector is not None and proposed.blur_probability < 1 and (short or not sharp):
            seen = detection(picture, proposed.scale, self._detector, self._params)
            if short and seen.probabilities[1] >= self._params.short_motion:
                sharp, least_gain_db = False, self._params.short_gain_db
            sharp = sharp or is_likely_sharp(seen, proposed, self._settings)
        if sharp:
            return Verdict.left(SHARP, *shape, sharp=True)
        return replace(Verdict.restored(*shape), least_gain_db=least_gain_db)

    def alone(self, part: MovedPart, motion: PartMotion | None = None) -> bool:
        """See :class:`Gate`."""
        wanted = self._params.asked if self._asked else self._params.unasked
        if part.contrast < wanted.contrast or part.border < wanted.border:
            return False
        if motion is None:
            return True
        length_px, likeliest = motion.length_px(), expected_px(part.length_px)
        least, most = (factor * likeliest for factor in wanted.factor)
        if not max(least, wanted.shortest_px) <= length_px <= most:
            return False
        told_db = motion.gain_db + wanted.depth_db * motion.depth
        return motion.depth <= wanted.deepest and told_db >= wanted.gain_db

    def trust(self, proposed: MotionField, field: MotionField, *, short: bool = False) -> Verdict:
        """See :class:`Gate`."""
        if not self._by_window:
            return Verdict.restored(*_windows(field))
        trust = trust_map(field, proposed.mean_length_px(), self._settings, short=short)
        return Verdict(False, "" if trust.any() else UNSURE, trust)

    def check(self, verdict: Verdict, before: Picture, after: Picture) -> Verdict:
        """See :class:`Gate`."""
        lost = lost_light(before, after, self._params)
        if not lost:
            return verdict
        reason = (
            "undoing the motion that was found would have changed the photo's light by "
            f"{100 * lost:.0f} %, so it was found wrongly"
        )
        return Verdict.left(reason, *verdict.trust.shape)


def _windows(field: MotionField) -> tuple[int, int]:
    return len(field.centres_y), len(field.centres_x)
