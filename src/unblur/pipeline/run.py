"""The way of a photo, read from top to bottom: :func:`restore_picture`."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from unblur.blur.psf import Psf
from unblur.color import FloatArray
from unblur.errors import BadValue, ShapeMismatch
from unblur.motion.drawn import drawn_over, without
from unblur.motion.estimator import MotionEstimator
from unblur.motion.field import MotionField
from unblur.motion.known import KnownMotion, plain_noise
from unblur.motion.parts import box_around, fading, moved_differently, parts_of
from unblur.motion.pasted import exposure_of
from unblur.motion.picture import Picture
from unblur.motion.tone_estimate import estimate_tone
from unblur.motion.windows import Box
from unblur.pipeline.gate import MIXED, ClosedGate, Gate, NoHarmGate, OpenGate, Verdict
from unblur.pipeline.outcome import (
    ASKED,
    FRAMED,
    Assessment,
    Result,
    in_its_frame,
    options_within,
    placed,
    with_drawn,
)
from unblur.pipeline.report import Report, RestoreOptions
from unblur.pipeline.tile_reader import measured_noise
from unblur.pipeline.tile_work import Progress, Samples, TileWork
from unblur.restoration.restorers import BlindRestorer
from unblur.tone import LINEAR
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
        return _restore_part(picture, models, options, progress)
    inside = options_within(options, box)
    result = _restore_part(picture.part(*box), models, inside, progress)
    return in_its_frame(result, picture, box, FRAMED)


def _restore_part(
    picture: Picture, models: Models, options: RestoreOptions, progress: Progress | None
) -> Result:
    """Restore what was exposed; where that is left as it was, what the mask wants by itself.

    What moved before a still background is too little to make the photo a moved one.
    """
    result = _restore_beneath(picture, models, options, progress)
    if result.report.changed or options.mask is None or not options.gated or not options.applied:
        return result
    box = box_around(options.mask)
    if box is None or not models.estimator.least.fits((box[2] - box[0], box[3] - box[1])):
        return result
    inside = options_within(options, box)
    alone = _restore_beneath(picture.part(*box), models, inside, progress)
    return in_its_frame(alone, picture, box, ASKED) if alone.report.changed else result


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
    """Propose, judge, refine, trust, restore tile by tile, check."""
    restorer, gate = models.restorer, gate_of(models, options)
    begun = time.perf_counter()
    blind = isinstance(restorer, BlindRestorer)
    found = Assessment(picture, None, Verdict.restored())
    if options.gated or not blind:
        found = _assess_exposed(picture, estimator_of(models, options), gate)
    original, picture, motion, verdict = picture, found.picture, found.motion, found.verdict
    if options.applied == 0:
        verdict = Verdict.left(_NO_STRENGTH)
    analysed = time.perf_counter()
    samples, noise = picture.samples, None
    if not verdict.reason:
        known = None if blind else motion
        noise = measured_noise(picture, known)
        within = _within(options, found.moved)
        work = TileWork(picture, known, verdict.trust, restorer, within, noise=noise)
        samples = work.run(progress)
        verdict = gate.check(verdict, picture, Picture(samples, picture.tone))
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


def assess(picture: Picture, estimator: MotionEstimator, gate: Gate) -> Assessment:
    """Tell how a photo moved, in which light, and what of that may be undone.

    Everybody who wants to know what a photo is asks here. The light is estimated only where
    it is not known and something is to be restored.

    Raises:
        BadPsf: a motion field that was given is of a photo of another size.
    """
    box = exposure_of(picture)
    exposed = picture if box is None else picture.part(*box)
    drawn = drawn_over(exposed)
    bare = exposed if drawn is None else without(exposed, drawn)
    found = _assess_exposed(bare, estimator, gate)
    if bare is picture and found.moved is None:
        return found
    whole = replace(picture, tone=found.picture.tone, assumed=found.picture.assumed)
    motion = found.motion
    if motion is not None and box is not None:
        motion = placed(motion, picture, box)
    return replace(found, picture=whole, motion=motion)


def _assess_exposed(picture: Picture, estimator: MotionEstimator, gate: Gate) -> Assessment:
    """Assess a photo as a whole; where part of it stood still, once more without that part."""
    found = _assess_whole(picture, estimator, gate, whole=gate.whole)
    mixed = found.verdict.reason == MIXED
    if not gate.by_part or found.motion is None or (found.verdict.reason and not mixed):
        return found
    still = parts_of(found.picture, found.motion, estimator, mixed=mixed)
    if still is None:
        return found
    wide, moved = fading(still)
    rest = replace(without(found.picture, wide), assumed=False)
    return replace(_assess_whole(rest, estimator, gate), tone=found.tone, moved=moved)


def _assess_whole(
    picture: Picture, estimator: MotionEstimator, gate: Gate, *, whole: bool = False
) -> Assessment:
    """Assess a photo of one motion.

    Args:
        picture: the photo.
        estimator: tells how it moved.
        gate: judges.
        whole: whether a photo whose parts moved differently is left alone.
    """
    if not estimator.least.fits(picture.shape):
        too_small = f"the photo is too small to tell its motion (it takes {estimator.least})"
        return Assessment(picture, None, Verdict.left(too_small))
    proposed = estimator.propose(picture)
    verdict = gate.judge(picture, proposed)
    # A motion that was given is undone in the light that was given, or else in sRGB's.
    assumed = picture.assumed and not isinstance(estimator, KnownMotion)
    in_linear = None
    if verdict.reason and assumed and proposed.blur_probability >= gate.doubt:
        in_linear = _moved_in_linear_light(picture, estimator, gate)
    if verdict.reason and in_linear is None:
        return Assessment(picture, proposed.bare(), verdict)
    tone = estimate_tone(picture) if assumed else None
    if tone is not None and tone.curve != picture.tone:
        picture = Picture(picture.samples, tone.curve)
        proposed = in_linear or estimator.propose(picture)
    elif verdict.reason:
        return Assessment(picture, proposed.bare(), verdict)
    # A probability of 1 comes from light streaks, which small windows do not show.
    if whole and proposed.blur_probability < 1 and moved_differently(picture, proposed, estimator):
        left = Verdict.left(MIXED, *verdict.trust.shape)
        return Assessment(picture, proposed.bare(), left, tone)
    field = estimator.refine(picture, proposed)
    return Assessment(picture, field, gate.trust(proposed, field), tone)


def _moved_in_linear_light(
    picture: Picture, estimator: MotionEstimator, gate: Gate
) -> MotionField | None:
    """Return how a photo that looks sharp in the light assumed moved in linear light, if it did.

    In the wrong light KernelNet may take a long motion for a short one.
    """
    other = Picture(picture.samples, LINEAR)
    proposed = estimator.propose(other)
    return None if gate.judge(other, proposed).reason else proposed


def gate_of(models: Models, options: RestoreOptions) -> Gate:
    """Return the gate that options ask for."""
    if options.applied == 0:
        return ClosedGate(_NO_STRENGTH)
    if not options.gated:
        return OpenGate()
    by_window = not isinstance(models.restorer, BlindRestorer)
    return NoHarmGate(models.detector, options.settings, by_window=by_window)


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
    return replace(options, mask=moved if options.mask is None else moved * options.mask)


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
