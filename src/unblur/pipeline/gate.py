"""The no-harm gate: whether a photo is sharp, and how far each window's restoration is trusted.

A stage of the pipeline, asked three times: about the proposed motion (:meth:`Gate.judge`), about
the refined one (:meth:`Gate.trust`) and about the result (:meth:`Gate.check`). Its evidence: the
probability that there is motion blur at all, the length of motion that the windows agree on, the
blur detector's opinion, and the expected quality of the estimated PSFs. Where that does not
convince, the photo stays as it is. What it must reach is in :mod:`unblur.pipeline.settings`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from unblur.color import FloatArray, is_screened
from unblur.motion.detect import BlurDetector, Detection
from unblur.motion.field import MotionField
from unblur.motion.picture import Picture
from unblur.motion.psf_estimate import PsfEstimate
from unblur.pipeline.settings import DEFAULTS, Settings

SHARP = "this photo is already sharp: no motion blur found"
UNSURE = "the motion could not be estimated reliably enough"


@dataclass(frozen=True)
class GateParams:
    """The gate's numbers that nobody tunes; those that are tuned stand in the settings.

    Attributes:
        seen_px: side of the middle part that the blur detector is shown, px of the motion's
            scale: bounds its memory.
        lost: share of its light that no photo loses by having its motion undone, but for what
            lies in the dark: blur moves light about, and only lamps that are saturated when sharp
            lose some. Of photos that were restored well the largest change was 0.16; a wrong
            motion in too small a photo lost 0.23.
        dark: light, added before shares are taken, below which nothing counts.
        doubt: see :class:`Gate`; the probability from which on a short motion is believed. Of the
            204 sharp photos of the validation and test sets 9 reach it, and none is let through.
        lamp: times the mean light from which on a pixel may be a lamp's: at night a photo rightly
            loses 0.35 by their being saturated, and elsewhere less than 0.15.
    """

    seen_px: int = 2048
    lost: float = 0.2
    dark: float = 0.005
    lamp: float = 3.0
    doubt: float = 0.75


PARAMS = GateParams()
"""What every published figure was made with."""


@dataclass(frozen=True, eq=False)
class Verdict:
    """What a gate says of a photo.

    Attributes:
        sharp: whether there is no motion blur to undo.
        reason: why the photo is left as it is, for the user; empty where it is restored.
        trust: (rows, columns) float32 in [0, 1], one for each window of the motion field: how much
            of the restoration counts there. All 0 where there is a reason.
    """

    sharp: bool
    reason: str
    trust: FloatArray

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
        doubt: probability of blur from which on a photo that is called sharp is looked at in the
            other light too, where its light is not known.
    """

    by_part: bool
    doubt: float

    def judge(self, picture: Picture, proposed: MotionField) -> Verdict:
        """Say of a proposed motion whether it is worth refining."""

    def trust(self, proposed: MotionField, field: MotionField) -> Verdict:
        """Say how far the refined motion may be undone.

        Args:
            proposed: as it was judged.
            field: as it was refined.
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
    doubt = 1.0

    def judge(self, picture: Picture, proposed: MotionField) -> Verdict:
        """See :class:`Gate`."""
        return Verdict.restored(*_windows(proposed))

    def trust(self, proposed: MotionField, field: MotionField) -> Verdict:
        """See :class:`Gate`."""
        return Verdict.restored(*_windows(field))

    def check(self, verdict: Verdict, before: Picture, after: Picture) -> Verdict:
        """See :class:`Gate`."""
        return verdict


class ClosedGate:
    """Leaves every photo as it is, for a reason that is known beforehand: nothing is refined."""

    by_part = False
    doubt = 1.0

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def judge(self, picture: Picture, proposed: MotionField) -> Verdict:
        """See :class:`Gate`."""
        return Verdict.left(self._reason)

    def trust(self, proposed: MotionField, field: MotionField) -> Verdict:
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
        params: the gate's other numbers.
    """

    by_part = True

    def __init__(
        self,
        detector: BlurDetector | None = None,
        settings: Settings = DEFAULTS,
        *,
        by_window: bool = True,
        params: GateParams = PARAMS,
    ) -> None:
        self._detector, self._settings, self._by_window = detector, settings, by_window
        self._params = params
        self.doubt = params.doubt

    def judge(self, picture: Picture, proposed: MotionField) -> Verdict:
        """See :class:`Gate`."""
        sharp = is_sharp(proposed, proposed.mean_length_px(), self._settings)
        # A probability of 1 comes from light streaks, not from an estimate: it stands.
        if not sharp and self._detector is not None and proposed.blur_probability < 1:
            seen = detection(picture, proposed.scale, self._detector, self._params)
            sharp = is_likely_sharp(seen, proposed, self._settings)
        shape = _windows(proposed)
        return Verdict.left(SHARP, *shape, sharp=True) if sharp else Verdict.restored(*shape)

    def trust(self, proposed: MotionField, field: MotionField) -> Verdict:
        """See :class:`Gate`."""
        if not self._by_window:
            return Verdict.restored(*_windows(field))
        trust = trust_map(field, proposed.mean_length_px(), self._settings)
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


def is_sharp(field: MotionField, length_px: float, settings: Settings = DEFAULTS) -> bool:
    """Return whether the photo as a whole shows no motion blur.

    Texture, soft lenses and sharpening can look like a little motion, so a short motion must be
    nearly certain and a long one only likely. The default bounds were chosen on validation
    photos so that sharp ones stay untouched.

    Args:
        field: the motion, proposed or refined.
        length_px: of the motion as proposed, px of the scale it was measured on: the search that
            follows explains sharp photos, too, by some motion.
        settings: what the evidence must reach.
    """
    wanted = settings.likely if length_px >= settings.long_px else settings.certain
    return length_px < settings.shortest_px or field.blur_probability < wanted


def is_likely_sharp(
    detection: Detection, field: MotionField, settings: Settings = DEFAULTS
) -> bool:
    """Return whether motion field and blur detector together find a photo sharp.

    The motion field looks at the blur as a kernel, the blur detector at the picture as well, so
    each is deceived by other photos; their odds are multiplied as those of independent evidence.
    """
    still, moved = 1 - field.blur_probability, field.blur_probability
    sharp = detection.probabilities[0]
    for_sharp, against = sharp * still, (1 - sharp) * moved
    return for_sharp >= settings.likely_sharp * (for_sharp + against)


def lost_light(before: Picture, after: Picture, params: GateParams = PARAMS) -> float:
    """Return the share of its light by which a restoration changes a photo too much, or 0.

    Args:
        before, after: the photo and its restoration.
        params: how much is too much.

    Returns:
        The largest change of a channel's mean in linear light, of a photo that lost light without
        its lamps if that is less; 0 where it may well be.
    """
    step = max(1, min(before.shape) // 256)
    was, now = (_sampled_light(picture, step) for picture in (before, after))
    changes = [_change(was, now, params.dark)]
    lamp = params.lamp * was.mean()
    dim = (was.mean(axis=2) < lamp) & (now.mean(axis=2) < lamp)
    if now.mean() < was.mean() and dim.mean() > 0.5:
        changes.append(_change(was[dim], now[dim], params.dark))
    return min(changes) if min(changes) > params.lost else 0.0


def _sampled_light(picture: Picture, step: int) -> FloatArray:
    few = Picture(np.ascontiguousarray(picture.samples[::step, ::step]), picture.tone)
    return few.light(0, 0, *few.shape)


def _change(was: FloatArray, now: FloatArray, dark: float) -> float:
    """Return the largest relative change of a channel's mean."""
    before, after = (light.reshape(-1, light.shape[-1]).mean(axis=0) for light in (was, now))
    return float(np.abs((after + dark) / (before + dark) - 1).max())


def detection(
    picture: Picture, scale: int, detector: BlurDetector, params: GateParams = PARAMS
) -> Detection:
    """Return the blur detector's opinion, on the scale at which the motion was measured.

    Of a large photo the middle is looked at, so that memory stays bounded.
    """
    side_px = params.seen_px * scale
    starts = [max(0, side - side_px) // 2 for side in picture.shape]
    middle = picture.part(*starts, *(start + side_px for start in starts))
    screened = is_screened(middle.samples)
    return detector(middle.shrunk_luma(scale), scale=scale, screened=screened)


def trust_map(field: MotionField, length_px: float, settings: Settings = DEFAULTS) -> FloatArray:
    """Return how much of the restoration to apply at each window.

    Args:
        field: the motion as refined.
        length_px: of the motion as proposed, see :func:`is_sharp`.
        settings: what the evidence must reach.

    Returns:
        (rows, columns) float32 in [0, 1]; 0 leaves the pixels untouched.
    """
    if is_sharp(field, length_px, settings):
        return np.zeros(_windows(field), np.float32)
    trust = [[_trust(window, field, settings) for window in row] for row in field.windows]
    return np.array(trust, np.float32)


def _trust(window: PsfEstimate, field: MotionField, settings: Settings) -> float:
    # A window of a uniformly shaken photo moved with all others, even if it shows nothing.
    probability = max(window.blur_probability, field.blur_probability if field.uniform else 0.0)
    moved = rise(probability, *settings.probability)
    return moved * rise(window.confidence, *settings.confidence)


def rise(value: float, low: float, high: float) -> float:
    """Return a smooth step: 0 up to ``low``, 1 from ``high`` on."""
    t = float(np.clip((value - low) / (high - low), 0, 1))
    return t * t * (3 - 2 * t)
