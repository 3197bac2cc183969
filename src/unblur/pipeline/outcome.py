"""What a photo is, and what became of it; and both put back where a part was looked at alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from unblur.color import FloatArray
from unblur.motion.field import MotionField
from unblur.motion.picture import Picture
from unblur.motion.windows import Box, Mask
from unblur.pipeline.gate import Verdict
from unblur.pipeline.report import Report, RestoreOptions
from unblur.pipeline.tile_work import Samples
from unblur.tone import Tone


@dataclass(frozen=True, eq=False)
class Result:
    """What became of a photo.

    Attributes:
        samples: of the input's shape and dtype; the very same array where nothing was changed.
        motion: the motion field; None for a photo too small to tell, and where a restorer that
            takes no PSF ran without the gate.
        report: what was done where.
        tone: the estimated tone curve; None where it was known, or nothing was to be restored.
    """

    samples: Samples
    motion: MotionField | None
    report: Report
    tone: Tone | None = None


Judged = tuple[MotionField, Verdict]
"""A proposed motion, and what the gate says of it."""


@dataclass(frozen=True, eq=False)
class Assessment:
    """What a photo is: everything up to the tiles.

    Attributes:
        picture: the photo in the light in which its motion was found.
        motion: the motion field; None for a photo too small to tell.
        verdict: the gate's.
        tone: the estimated tone curve; None where it was known, or nothing is to be restored.
        moved: (H, W) float32 in [0, 1], how far the motion is undone at each pixel, where part of
            the photo stood still; None for everywhere.
        other: the same in the other light, where the first estimate of the light was unsure.
        gain_db: what undoing the motion would gain, where that was asked to tell what stood still,
            or the light.
        within: the box in which alone the motion was looked for; None for the whole photo.
        noise: what restoration reckons with, where it was measured in that box.
        judged: what was proposed in the light that was assumed, and the gate's verdict on it, as
            long as the other light may be asked for.
    """

    picture: Picture
    motion: MotionField | None
    verdict: Verdict
    tone: Tone | None = None
    moved: FloatArray | None = None
    other: Assessment | None = None
    gain_db: float | None = None
    within: Box | None = None
    noise: float | None = None
    judged: Judged | None = None


def options_within(options: RestoreOptions, box: Box) -> RestoreOptions:
    """Return the options for a part of a photo."""
    y0, x0, y1, x1 = box
    mask, psf = options.mask, options.psf
    if isinstance(psf, MotionField):
        psf = psf.seen_from(y0, x0, (y1 - y0, x1 - x0))
    at = None if options.at is None else (options.at[0] - x0, options.at[1] - y0)
    return replace(options, psf=psf, mask=None if mask is None else mask[y0:y1, x0:x1], at=at)


def told_box(box: Box) -> str:
    """Return where a box lies, for people."""
    y0, x0, y1, x1 = box
    return f"x {x0} to {x1}, y {y0} to {y1}"


def in_its_frame(result: Result, picture: Picture, box: Box) -> Result:
    """Return what became of a photo, from what became of a part of it."""
    y0, x0, y1, x1 = box
    samples, motion = picture.samples, None
    if result.report.changed:
        samples = samples.copy()
        samples[y0:y1, x0:x1] = result.samples
    if result.motion is not None:
        motion = placed(result.motion, picture, box)
    note = f"the photo lies within {told_box(box)}; what was pasted around it is left as it was"
    within = result.report.within
    report = replace(
        result.report,
        motion=None if motion is None else motion.to_dict(),
        notes=(*result.report.notes, note),
        within=within and [side + first for side, first in zip(within, (y0, x0) * 2, strict=True)],
    )
    return replace(result, samples=samples, motion=motion, report=report)


def beside(result: Result, other: Result, picture: Picture) -> Result:
    """Return what became of a photo of which two parts, that do not overlap, were restored.

    Args:
        result, other: of the parts; the first one's motion is reported.
        picture: the photo.
    """
    if not other.report.changed:
        return result
    if not result.report.changed:
        return other
    theirs = (other.samples != picture.samples).any(axis=2, keepdims=True)
    notes = tuple(dict.fromkeys((*result.report.notes, *other.report.notes)))
    report = replace(result.report, seconds=seconds_of_both(result, other), notes=notes)
    return replace(result, samples=np.where(theirs, other.samples, result.samples), report=report)


def seconds_of_both(result: Result, other: Result) -> dict[str, float]:
    """Return what two restorations of a photo have taken together, by the first one's stages."""
    return {
        name: round(spent + other.report.seconds.get(name, 0.0), 3)
        for name, spent in result.report.seconds.items()
    }


def with_drawn(result: Result, picture: Picture, drawn: Mask) -> Result:
    """Return what became of a photo, with the text that had been drawn over it."""
    samples = picture.samples
    if result.report.changed:
        samples = np.where(drawn[..., None], picture.samples, result.samples)
    note = "text that was drawn over the photo was left as it was"
    report = replace(result.report, notes=(*result.report.notes, note))
    return replace(result, samples=samples, report=report)


def placed(motion: MotionField, picture: Picture, box: Box) -> MotionField:
    """Return the motion field of an exposed part as that of the photo around it."""
    inner = motion.exposure
    if inner is not None:
        box = (box[0] + inner[0], box[1] + inner[1], box[0] + inner[2], box[1] + inner[3])
    y, x = (box[0], box[1]) if inner is None else (box[0] - inner[0], box[1] - inner[1])
    return replace(motion.seen_from(-y, -x, picture.shape), exposure=box)
