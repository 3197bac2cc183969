"""Which part of a photo moved how: the camera's motion, and what moved by itself.

Where the camera moved, what lies at the photo's borders moved with it; what moved before a still
background seldom reaches most of them. So a motion that holds along most of the borders is the
camera's, any other one an object's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from scipy import ndimage

from unblur.blur.psf import Psf
from unblur.color import FloatArray
from unblur.motion.estimator import MotionEstimator
from unblur.motion.field import mean_of_windows
from unblur.motion.picture import Picture
from unblur.pipeline.assessing import assess_exposed
from unblur.pipeline.gate import Gate, Verdict
from unblur.pipeline.movers import assess_movers
from unblur.pipeline.only import Only, Point
from unblur.pipeline.outcome import Assessment

Kind = Literal["camera", "object"]
"""Whose motion a part's is."""

NO_CAMERA = "no motion of the camera was found"
NO_OBJECT = "nothing that moved by itself was found"

_AT_BORDERS = 0.5
"""Share of the photo's borders along which the camera's motion holds, at least."""


@dataclass(frozen=True, eq=False)
class Part:
    """A part of a photo that moved.

    Attributes:
        kind: whose motion it is.
        found: how it moved; its ``moved`` is where, None for everywhere.
    """

    kind: Kind
    found: Assessment

    @property
    def share(self) -> float:
        """Share of the photo that moved like this."""
        moved = self.found.moved
        return 1.0 if moved is None else float((moved > 0).mean())

    def psf(self) -> Psf:
        """Return its motion, px of the photo: the mean of the windows, by what they show."""
        motion = self.found.motion
        if motion is None:
            return Psf.delta()
        return mean_of_windows(motion).scaled(motion.scale)

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers, for JSON."""
        psf, motion = self.psf(), self.found.motion
        return {
            "kind": self.kind,
            "share": round(self.share, 4),
            "length_px": round(psf.length_px(), 2),
            "angle_deg": round(psf.angle_deg(), 1),
            "confidence": 0.0 if motion is None else round(motion.confidence, 4),
        }


def assess_by_parts(
    picture: Picture, estimator: MotionEstimator, gate: Gate
) -> tuple[Assessment, tuple[Part, ...]]:
    """Tell how a photo moved as a whole, and which parts of it moved how.

    Args:
        picture: what was exposed, without what was drawn over it.
        estimator: tells the motions.
        gate: judges each.

    Returns:
        What :func:`unblur.pipeline.assessing.assess_exposed` tells, and the parts whose motion can
        be undone: at most one of the camera, then those of objects. None of them overlap.
    """
    movers = [one for one in assess_movers(picture, estimator, gate) if not one.verdict.reason]
    if movers:
        return movers[0], tuple(Part(_kind(one), one) for one in movers)
    found = assess_exposed(picture, estimator, gate)
    if found.motion is None or found.verdict.reason:
        return found, ()
    return found, (Part(_kind(found), found),)


def chosen(parts: Sequence[Part], only: Only, at: Point | None = None) -> tuple[Part, ...]:
    """Return the parts that are asked for.

    Args:
        parts: of a photo.
        only: "camera": what the camera's motion moved; "objects": whatever moved by itself;
            "subject": the largest connected piece of that ...
        at: ... or, where this is given, whatever moved by itself at this place.
    """
    if only == "camera":
        return tuple(part for part in parts if part.kind == "camera")
    objects = tuple(part for part in parts if part.kind == "object")
    if at is not None:
        return tuple(part for part in objects if _is_at(part.found.moved, at))
    if only == "objects" or not objects:
        return objects
    pieces = [(_largest_piece(part.found.moved), part) for part in objects]
    piece, part = max(pieces, key=lambda one: 1.0 if one[0] is None else float((one[0] > 0).mean()))
    return (Part("object", replace(part.found, moved=piece)),)


def left_notes(told: Sequence[dict[str, Any]], only: Only) -> tuple[str, ...]:
    """Return what is to be said of the parts that were not restored.

    Args:
        told: of the parts, each with whether it was ``restored``.
        only: what was asked for.
    """
    whose = {"camera": "the camera's motion", "object": "the motion of something else"}
    return tuple(
        f"{whose[one['kind']]} of {one['length_px']:.0f} px in {100 * one['share']:.0f} % of the "
        f"photo was left as it was: {only} alone was asked for"
        for one in told
        if not one["restored"]
    )


def left_out(found: Assessment, only: Only) -> Assessment:
    """Return what a photo is of which nothing that is asked for moved."""
    reason = NO_CAMERA if only == "camera" else NO_OBJECT
    return replace(found, verdict=Verdict.left(reason, *found.verdict.trust.shape), other=None)


def _kind(found: Assessment) -> Kind:
    """Return whose motion it is: the camera's holds along most of the photo's borders."""
    moved = found.moved
    if moved is None:
        return "camera"
    lines = (moved[0], moved[-1], moved[1:-1, 0], moved[1:-1, -1])
    along = float((np.concatenate(lines) > 0).mean())
    return "camera" if along >= _AT_BORDERS else "object"


def _is_at(moved: FloatArray | None, at: Point) -> bool:
    x, y = at
    if moved is None:
        return True
    return 0 <= y < moved.shape[0] and 0 <= x < moved.shape[1] and bool(moved[y, x] > 0)


def _largest_piece(moved: FloatArray | None) -> FloatArray | None:
    if moved is None:
        return None
    pieces, _ = ndimage.label(moved > 0)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return np.where(pieces == int(np.argmax(sizes)), moved, np.float32(0))
