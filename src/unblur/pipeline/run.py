"""The way of a photo, read from top to bottom: :func:`restore_picture`."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np

from unblur.blur.psf import Psf
from unblur.color import FloatArray
from unblur.errors import BadValue, ShapeMismatch
from unblur.motion.drawn import drawn_over
from unblur.motion.estimator import MotionEstimator
from unblur.motion.field import MotionField
from unblur.motion.filling import without
from unblur.motion.known import KnownMotion, plain_noise
from unblur.motion.pasted import exposure_of
from unblur.motion.picture import Picture
from unblur.motion.windows import Box
from unblur.pipeline.assessing import assess_exposed
from unblur.pipeline.both_lights import also_counts, mean_of_lights
from unblur.pipeline.focus import focus_of, tells
from unblur.pipeline.gate import ClosedGate, Gate, NoHarmGate, OpenGate, Verdict
from unblur.pipeline.outcome import (
    Assessment,
    Result,
    beside,
    in_its_frame,
    options_within,
    told_box,
    with_drawn,
)
from unblur.pipeline.parts import assess_by_parts, chosen, left_notes, left_out
from unblur.pipeline.report import Report, RestoreOptions
from unblur.pipeline.tile_reader import measured_noise
from unblur.pipeline.tile_work import Progress, Samples, TileWork
from unblur.restoration.restorers import BlindRestorer
from unblur.zoo.models import Models

_NO_STRENGTH = "strength is 0"


def restore_picture(
    picture: Picture,
    models: Models,
    options: RestoreOptions,
    *,
    progress: Progress | None = None,
) -> Result:
    """Restore a photo: what was exposed of it.

    What was pasted around, and text that was drawn over it, comes back as it was.

    Args:
        picture: its samples and their tone curve; not changed.
        models: what estimates, what tells sharp from blurred, what restores.
        options: what the caller chose.
        progress: called with (tiles done, tiles in all).

    Raises:
        ShapeMismatch: the mask is not of the photo's size.
        BadValue: a PSF for a restorer that takes none.
    """
    _check(picture, models, options)
    box = _exposure(picture, options.psf)
    if box is None:
        return _restore_beneath(picture, models, options, progress)
    inside = options_within(options, box)
    result = _restore_beneath(picture.part(*box), models, inside, progress)
    return in_its_frame(result, picture, box)


def _restore_beneath(
    picture: Picture, models: Models, options: RestoreOptions, progress: Progress | None
) -> Result:
    """Restore what was exposed, beneath what was drawn over it."""
    drawn = drawn_over(picture)
    if drawn is None:
        return _restore_exposed(picture, models, options, progress)
    result = _restore_exposed(without(picture, drawn), models, options, progress)
    return with_drawn(result, picture, drawn)


def _restore_exposed(
    picture: Picture, models: Models, options: RestoreOptions, progress: Progress | None
) -> Result:
    """Restore what was assessed, part by part where only some are asked for."""
    begun = time.perf_counter()
    undone, notes, parts = _assessed(picture, models, options)
    result = _restore_in_its_light(picture, undone[0], models, options, progress, begun)
    for found in undone[1:]:
        begun = time.perf_counter()
        also = _restore_in_its_light(picture, found, models, options, progress, begun)
        result = beside(result, also, picture)
    report = replace(
        result.report,
        notes=(*result.report.notes, *notes),
        only=options.only,
        within=None if undone[0].within is None else list(undone[0].within),
        parts=parts,
    )
    return replace(result, report=report)


def _restore_in_its_light(
    picture: Picture,
    found: Assessment,
    models: Models,
    options: RestoreOptions,
    progress: Progress | None,
    begun: float,
) -> Result:
    """Restore what was assessed; where its light is unsure, in either."""
    result = _restore_assessed(picture, found, models, options, progress, begun)
    less = also_counts(found) if result.report.changed else None
    if less is None:
        return result
    begun = time.perf_counter()
    other = _restore_assessed(picture, less, models, options, progress, begun)
    return mean_of_lights(result, other)


Undone = tuple[tuple[Assessment, ...], tuple[str, ...], tuple[dict[str, Any], ...]]
"""What is to be undone, one motion after the other; notes; what is told of the parts."""


def _assessed(picture: Picture, models: Models, options: RestoreOptions) -> Undone:
    """Propose, judge, refine, trust; within what is asked for."""
    if not options.gated and isinstance(models.restorer, BlindRestorer):
        return (Assessment(picture, None, Verdict.restored()),), (), ()
    focus = focus_of(options.mask) if options.psf is None and options.applied else None
    if focus is None:
        return _assessed_in(picture, models, options)
    undone, notes, parts = _assessed_in(focus.seen(picture), models, options, asked=True)
    where = told_box(focus.box)
    if not tells(undone[0]):
        undone, notes, parts = _assessed_in(picture, models, options)
        told = f"within {where} alone no motion could be told: that of the whole photo was taken"
        return undone, (*notes, told), parts
    placed = tuple(focus.placed(found, picture) for found in undone)
    return placed, (*notes, f"the motion was looked for within {where} alone"), parts


def _assessed_in(
    picture: Picture, models: Models, options: RestoreOptions, *, asked: bool = False
) -> Undone:
    """Assess what is looked at; of its parts those that are asked for."""
    asked = asked or options.only is not None
    gate, estimator = gate_of(models, options, asked=asked), estimator_of(models, options)
    if options.only is None or not options.applied:
        return (assess_exposed(picture, estimator, gate),), (), ()
    found, parts = assess_by_parts(picture, estimator, gate)
    undone = chosen(parts, options.only, options.at)
    motions = [part.found.motion for part in undone]
    told = tuple(
        one.to_dict() | {"restored": any(one.found.motion is motion for motion in motions)}
        for one in parts
    )
    left = left_notes(told, options.only)
    if not undone:
        return (left_out(found, options.only),), left, told
    return tuple(part.found for part in undone), left, told


def _restore_assessed(
    picture: Picture,
    found: Assessment,
    models: Models,
    options: RestoreOptions,
    progress: Progress | None,
    begun: float,
) -> Result:
    """Restore tile by tile, check."""
    restorer = models.restorer
    original, picture, motion, verdict = picture, found.picture, found.motion, found.verdict
    if options.applied == 0:
        verdict = Verdict.left(_NO_STRENGTH)
    analysed = time.perf_counter()
    samples, noise = picture.samples, None
    if not verdict.reason:
        known = None if isinstance(restorer, BlindRestorer) else motion
        noise = measured_noise(picture, known) if found.noise is None else found.noise
        within = _within(options, found.moved)
        work = TileWork(picture, known, verdict.trust, restorer, within, noise=noise)
        samples = work.run(progress)
        gate = gate_of(models, options)
        box = found.within or (0, 0, *picture.shape)
        after = Picture(samples, picture.tone)
        verdict = gate.check(verdict, picture.part(*box), after.part(*box))
    if found.moved is not None:
        samples = np.where(found.moved[..., None] > 0, samples, original.samples)
    changed = not verdict.reason and _differ(samples, original.samples)
    report = Report(
        model=restorer.name,
        changed=changed,
        reason=verdict.reason,
        motion=None if motion is None else motion.to_dict(),
        trust=[[round(float(v), 4) for v in row] for row in verdict.trust],
        noise=round(plain_noise(picture, motion), 6),
        restoration_noise=None if noise is None else round(noise, 6),
        strength=options.applied,
        seconds={
            "analyse": round(analysed - begun, 3),
            "restore": round(time.perf_counter() - analysed, 3),
        },
        notes=(*_notes(models, options), *_still_notes(found.moved)),
    )
    return Result(samples if changed else original.samples, motion, report, found.tone)


def gate_of(models: Models, options: RestoreOptions, *, asked: bool = False) -> Gate:
    """Return the gate that options ask for.

    Args:
        models: the blur detector, and what restores.
        options: what the caller chose.
        asked: whether the caller says that something moved where it is asked.
    """
    if options.applied == 0:
        return ClosedGate(_NO_STRENGTH)
    if not options.gated:
        return OpenGate()
    by_window = not isinstance(models.restorer, BlindRestorer)
    return NoHarmGate(models.detector, options.settings, by_window=by_window, asked=asked)


def estimator_of(models: Models, options: RestoreOptions) -> MotionEstimator:
    """Return what tells the motion: what was given, or the models' estimator."""
    return models.estimator if options.psf is None else KnownMotion(options.psf)


def _exposure(picture: Picture, psf: Psf | MotionField | None) -> Box | None:
    """Return what was exposed of a photo; None for all of it."""
    if isinstance(psf, MotionField) and psf.shape != picture.shape:
        return None  # which is an error, and told in the photo's own size
    return exposure_of(picture)


def _check(picture: Picture, models: Models, options: RestoreOptions) -> None:
    if options.mask is not None and options.mask.shape != picture.shape:
        raise ShapeMismatch(
            f"the mask has shape {options.mask.shape}, the photo {picture.shape}; "
            "they must be equal"
        )
    if isinstance(models.restorer, BlindRestorer) and options.psf is not None:
        raise BadValue(f"{models.restorer.name} restores without a PSF; leave the PSF out")


def _within(options: RestoreOptions, moved: FloatArray | None) -> RestoreOptions:
    """Return the options for the part of a photo that moved."""
    if moved is None:
        return options
    mask = moved if options.mask is None else moved * options.mask
    return replace(options, mask=mask, only=None, at=None)  # which has been decided


def _still_notes(moved: FloatArray | None) -> tuple[str, ...]:
    if moved is None:
        return ()
    share = 100 * float(np.mean(moved == 0))
    return (f"{share:.0f} % of the photo did not move like the rest and was left as it was",)


def _notes(models: Models, options: RestoreOptions) -> tuple[str, ...]:
    """Return what was asked for and could not be done."""
    if options.settings.regularisation == 1 or models.restorer.regularised:
        return ()
    return (f"{models.restorer.name} has no regularisation to change; that setting was not used",)


def _differ(a: Samples, b: Samples) -> bool:
    """Compare row by row, so that no third copy of the photo is needed."""
    return any(not np.array_equal(x, y) for x, y in zip(a, b, strict=True))
