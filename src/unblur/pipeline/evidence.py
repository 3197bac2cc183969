"""The evidence of the no-harm gate: each function weighs one piece of it.

:mod:`unblur.pipeline.gate` asks them in order. What the evidence must reach stands in
:mod:`unblur.pipeline.settings` where it may be tuned, and in :class:`GateParams` otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unblur.color import FloatArray, is_screened
from unblur.motion.detect import BlurDetector, Detection
from unblur.motion.field import MotionField
from unblur.motion.picture import Picture
from unblur.motion.psf_estimate import PsfEstimate
from unblur.pipeline.settings import DEFAULTS, Settings


@dataclass(frozen=True)
class AloneParams:
    """When a part that a map shows as moved is believed to have moved by itself.

    Chosen on 40 composed scenes and 120 sharp photos of the training set.

    Attributes:
        contrast: by how much it stands out from what lies around, log odds of having moved ...
        border: ... and nearly all of it from nearly all of that: of what stood still around 6 parts
            with less, three lost 0.2 to 0.7 dB, around 17 with more, one 0.14.
        factor: least and most that the length that was found is of the likeliest one.
        shortest_px: least length, px of the photo.
        gain_db: least gain that JudgeNet tells of undoing the motion there, with what the depth of
            the line is worth: 2.7 and more of 20 objects of 40 scenes, 2.2 and less of 70 sharp
            photos whose soft parts pass all else, 2.5 of one of the validation set ...
        depth_db: ... of a depth of 1.
        deepest: most depth: a moved edge is there twice, at half its strength, so no motion shows
            more than a half. Slats and their shadows do.
    """

    contrast: float = 2.2
    border: float = 1.9
    factor: tuple[float, float] = (0.4, 2.2)
    shortest_px: float = 7.0
    gain_db: float = 2.6
    depth_db: float = 5.0
    deepest: float = 0.5


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
        doubt: the probability from which on a short motion is believed. Of the
            204 sharp photos of the validation and test sets 9 reach it, and none is let through.
        lamp: times the mean light from which on a pixel may be a lamp's: at night a photo rightly
            loses 0.35 by their being saturated, and elsewhere less than 0.15.
        short_motion: probability of motion by the blur detector from which on a motion below the
            shortest is tried. 9 of 204 moved photos of the validation and test sets were too short
            and reach it (0.81 to 1.0); of 60 soft or defocused ones none does (0.5 at most), of
            their 204 sharp ones two do.
        short_gain_db: what undoing it must gain then, told by JudgeNet: those 9 told 0.5 to 2.7 dB
            (the true gain is 0.3 to 4.3 dB), the two sharp ones -0.1 and 1.3, and a sharp frame of
            a camera in motion 1.6.
        asked: what must be known of a part that moved by itself before a still background, where
            the caller says that something moved ...
        unasked: ... and where nobody says so.
    """

    seen_px: int = 2048
    lost: float = 0.2
    dark: float = 0.005
    lamp: float = 3.0
    doubt: float = 0.75
    short_motion: float = 0.8
    short_gain_db: float = 1.8
    asked: AloneParams = AloneParams(contrast=1.5, border=0.5, shortest_px=5.0, gain_db=1.0)
    unasked: AloneParams = AloneParams()


PARAMS = GateParams()
"""What every published figure was made with."""


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


def may_be_short(field: MotionField, length_px: float, settings: Settings = DEFAULTS) -> bool:
    """Return whether only its length speaks against a motion.

    Args:
        field, length_px, settings: as for :func:`is_sharp`.
    """
    return length_px < settings.shortest_px and field.blur_probability >= settings.certain


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


def trust_map(
    field: MotionField, length_px: float, settings: Settings = DEFAULTS, *, short: bool = False
) -> FloatArray:
    """Return how much of the restoration to apply at each window.

    Args:
        field: the motion as refined.
        length_px: of the motion as proposed, see :func:`is_sharp`.
        settings: what the evidence must reach.
        short: whether its length was seen not to speak against the motion.

    Returns:
        (rows, columns) float32 in [0, 1]; 0 leaves the pixels untouched.
    """
    if not short and is_sharp(field, length_px, settings):
        return np.zeros((len(field.centres_y), len(field.centres_x)), np.float32)
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
