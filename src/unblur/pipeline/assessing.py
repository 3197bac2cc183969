"""What a photo is: how it moved or which part of it did, in which light, and what may be undone."""

from __future__ import annotations

from dataclasses import dataclass, replace

from unblur.motion.drawn import drawn_over
from unblur.motion.estimator import MotionEstimator
from unblur.motion.field import MotionField
from unblur.motion.filling import without
from unblur.motion.known import KnownMotion
from unblur.motion.part_masks import fading
from unblur.motion.parts import WordOfWindows, at_night, still_by_edges, still_by_windows
from unblur.motion.pasted import exposure_of
from unblur.motion.picture import Picture
from unblur.motion.told_gain import mean_gain
from unblur.motion.windows import Box, Mask
from unblur.pipeline.both_lights import other_light, weighed
from unblur.pipeline.gate import MIXED, SHARP, Gate, Verdict
from unblur.pipeline.movers import assess_movers
from unblur.pipeline.outcome import Assessment, Judged, placed
from unblur.tone import LINEAR, Tone

MOST_STILL = 0.85
"""Share of a photo from which on nothing is tried in the rest, where part of it stood still."""

_AS_A_WHOLE_DB = 3.0
"""What undoing the motion of the whole must gain so that nothing is taken to have moved by itself.
Six composed objects before still backgrounds tell 0.9 to 1.9 dB, a shaken facade of which a part
was taken for one, and which lost 3.8 dB by it, 4.6."""


def assess(picture: Picture, estimator: MotionEstimator, gate: Gate) -> Assessment:
    """Tell how a photo moved, in which light, and what of that may be undone.

    Everybody who wants to know what a photo is asks here. The light is estimated only where
    it is not known and something is to be restored.

    Raises:
        BadPsf: a motion field that was given is of a photo of another size.
    """
    bare = bare_of(picture)
    return seen_whole(assess_exposed(bare.picture, estimator, gate), picture, bare)


@dataclass(frozen=True, eq=False)
class Bare:
    """What was exposed of a photo, without what was drawn over it.

    Attributes:
        picture: what is left; the photo itself where nothing was added to it.
        box: where it lies in the photo; None for all of it.
        drawn: (H, W) of ``picture``, what was drawn over it; None for nothing.
    """

    picture: Picture
    box: Box | None
    drawn: Mask | None


def bare_of(picture: Picture) -> Bare:
    """Return a photo without what was added to it after the exposure."""
    box = exposure_of(picture)
    exposed = picture if box is None else picture.part(*box)
    drawn = drawn_over(exposed)
    return Bare(exposed if drawn is None else without(exposed, drawn), box, drawn)


def seen_whole(found: Assessment, picture: Picture, bare: Bare) -> Assessment:
    """Return an assessment of a bare photo as that of the photo."""
    if bare.picture is picture and found.moved is None:
        return found
    whole = replace(picture, tone=found.picture.tone, assumed=found.picture.assumed)
    motion = found.motion
    if motion is not None and bare.box is not None:
        motion = placed(motion, picture, bare.box)
    return replace(found, picture=whole, motion=motion)


def assess_exposed(picture: Picture, estimator: MotionEstimator, gate: Gate) -> Assessment:
    """Assess a photo in the light that is known or found; where that is unsure, in either."""
    found = _assess_parts(picture, estimator, gate)
    judged, found = found.judged, replace(found, judged=None)
    curve = other_light(found)
    if curve is None:
        return found
    other = Picture(picture.samples, curve)
    again = judged if curve == picture.tone else None
    also = replace(_assess_parts(other, estimator, gate, again), judged=None)
    return weighed(found, also, estimator)


def _assess_parts(
    picture: Picture, estimator: MotionEstimator, gate: Gate, judged: Judged | None = None
) -> Assessment:
    """Assess a photo as a whole; where part of it stood still, once more without that part.

    What moved by itself is looked for only where the whole is sharp: a shaken page shows lines and
    hard edges that a map may take for a moved part before a still one.
    """
    found = _assess_whole(picture, estimator, gate, by_part=gate.by_part, judged=judged)
    if gate.movers and found.verdict.sharp:
        return next(assess_movers(picture, estimator, gate), found)
    if not gate.by_part or found.motion is None or found.verdict.reason or found.moved is not None:
        return found
    still = still_by_edges(found.picture, found.motion, estimator)
    if still is None:
        return found
    return replace(_assess_rest(found.picture, still, estimator, gate), tone=found.tone)


def _assess_rest(
    picture: Picture, still: Mask, estimator: MotionEstimator, gate: Gate
) -> Assessment:
    """Assess a photo without what stood still."""
    wide, moved = fading(still)
    rest = replace(without(picture, wide), assumed=False)
    return replace(_assess_whole(rest, estimator, gate), moved=moved)


def _assess_whole(
    picture: Picture,
    estimator: MotionEstimator,
    gate: Gate,
    *,
    by_part: bool = False,
    judged: Judged | None = None,
) -> Assessment:
    """Assess a photo of one motion.

    Args:
        picture: the photo.
        estimator: tells how it moved.
        gate: judges.
        by_part: whether what small windows call still is taken out first.
        judged: what was proposed in this light, and the verdict, if that was asked already.
    """
    if not estimator.least.fits(picture.shape):
        too_small = f"the photo is too small to tell its motion (it takes {estimator.least})"
        return Assessment(picture, None, Verdict.left(too_small))
    if judged is None:
        proposed = estimator.propose(picture)
        judged = proposed, gate.judge(picture, proposed)
    proposed, verdict = judged
    # A motion that was given is undone in the light that was given, or else in sRGB's.
    assumed = picture.assumed and not isinstance(estimator, KnownMotion)
    in_linear = None
    if verdict.reason and assumed and proposed.blur_probability >= gate.doubt:
        in_linear = _moved_in_linear_light(picture, estimator, gate)
    if verdict.reason and in_linear is None:
        return Assessment(picture, proposed.bare(), verdict)
    tone = estimator.tone(picture, in_linear or proposed) if assumed else None
    if tone is not None and tone.curve != picture.tone:
        picture = Picture(picture.samples, tone.curve)
        proposed = in_linear or estimator.propose(picture)
    elif verdict.reason:
        return Assessment(picture, proposed.bare(), verdict)
    found = _assess_refined(picture, proposed, verdict, estimator, gate, tone=tone, by_part=by_part)
    return replace(found, judged=judged)


def _assess_refined(
    picture: Picture,
    proposed: MotionField,
    verdict: Verdict,
    estimator: MotionEstimator,
    gate: Gate,
    *,
    tone: Tone | None,
    by_part: bool,
) -> Assessment:
    """Assess a photo that is worth refining.

    Args:
        picture: in its light.
        proposed: its motion, and
        verdict: the gate's on that.
        estimator, gate, by_part: as for :func:`_assess_whole`.
        tone: its light, where it was estimated.
    """
    field, left = estimator.refine(picture, proposed), verdict.trust.shape
    gain_db, short = None, verdict.least_gain_db is not None
    if verdict.least_gain_db is not None:
        gain_db = mean_gain(picture, field, estimator)
        if gain_db is None or gain_db < verdict.least_gain_db:
            return Assessment(picture, proposed.bare(), Verdict.left(SHARP, *left, sharp=True))
    # A probability of 1 comes from light streaks, which small windows do not show.
    said, parted = WordOfWindows(gain_db=gain_db), by_part and not short
    if parted and proposed.blur_probability < 1:
        proposed_px = proposed.mean_length_px() * proposed.scale
        said = still_by_windows(picture, field, estimator, proposed_px)
    still = said.still
    # Windows may take a large object before a soft background for a photo that moved as a whole.
    if gate.movers and (still is not None or (parted and not at_night(picture))):
        alone = _moved_alone(picture, field, said, estimator, gate)
        if alone is not None:
            return replace(alone, tone=tone)
    if still is not None and still.mean() <= MOST_STILL:
        return replace(_assess_rest(picture, still, estimator, gate), tone=tone)
    if still is not None and gate.whole:
        return Assessment(picture, proposed.bare(), Verdict.left(MIXED, *left), tone)
    trusted = gate.trust(proposed, field, short=short)
    return Assessment(picture, field, trusted, tone, gain_db=said.gain_db)


def _moved_alone(
    picture: Picture,
    whole: MotionField,
    said: WordOfWindows,
    estimator: MotionEstimator,
    gate: Gate,
) -> Assessment | None:
    """Return what moved by itself; None where windows call nothing still, and much is gained."""
    alone = next(assess_movers(picture, estimator, gate), None)
    if alone is None or said.still is not None:
        return alone
    gain_db = mean_gain(picture, whole, estimator) if said.gain_db is None else said.gain_db
    return alone if gain_db is None or gain_db < _AS_A_WHOLE_DB else None


def _moved_in_linear_light(
    picture: Picture, estimator: MotionEstimator, gate: Gate
) -> MotionField | None:
    """Return how a photo that looks sharp in the light assumed moved in linear light, if it did.

    In the wrong light KernelNet may take a long motion for a short one.
    """
    other = Picture(picture.samples, LINEAR)
    proposed = estimator.propose(other)
    verdict = gate.judge(other, proposed)
    return None if verdict.reason or verdict.least_gain_db is not None else proposed
