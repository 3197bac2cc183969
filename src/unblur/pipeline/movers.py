"""What moved by itself in a photo that did not move as a whole, each with its own motion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from unblur.motion.estimator import MotionEstimator
from unblur.motion.filling import without
from unblur.motion.moved_parts import moved_parts
from unblur.motion.part_masks import box_around, fading
from unblur.motion.picture import Picture
from unblur.pipeline.gate import Gate
from unblur.pipeline.outcome import Assessment

_OWN = 0.5
"""Share of a part that must not belong to one found before it: the same object told twice."""


def assess_movers(picture: Picture, estimator: MotionEstimator, gate: Gate) -> Iterator[Assessment]:
    """Yield what moved by itself before a still background, the likeliest first.

    Args:
        picture: one that did not move as a whole, in the light that is known or assumed.
        estimator: asked about small windows, then about each part by itself.
        gate: says whether a part moved by itself, and how far its motion is undone.

    Yields:
        Assessments whose ``moved`` is the part; none overlaps with another one.
    """
    taken = np.zeros(picture.shape, bool)
    for moved, told in moved_parts(picture, estimator):
        own = moved & ~taken
        if own.sum() < _OWN * moved.sum():
            continue
        wide, weights = fading(~own)
        rest = replace(without(picture, wide), assumed=False)
        y0, x0, y1, x1 = box_around(own) or (0, 0, *picture.shape)
        part = rest.part(y0, x0, y1, x1)
        if not estimator.least.fits(part.shape):
            continue
        proposed = estimator.propose(part)
        if gate.alone(part, proposed, told):
            taken |= own
            field = estimator.refine(part, proposed)
            motion = field.seen_from(-y0, -x0, picture.shape)
            yield Assessment(rest, motion, gate.trust(proposed, field), moved=weights)
