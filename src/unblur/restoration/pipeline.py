"""The way of a photo: motion field, referee, tiles, report."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unblur.blur.psf import Psf
from unblur.color import FloatArray, luma, srgb_to_linear, to_float
from unblur.engines.base import Engine
from unblur.errors import BadValue, ShapeMismatch
from unblur.motion.analysis import MIN_SIDE, Judge, analyse_luma
from unblur.motion.field import MotionField, uniform_field
from unblur.restoration import referee
from unblur.restoration.given import given_motion
from unblur.restoration.restorers import BlindRestorer, Restorer
from unblur.restoration.settings import DEFAULTS, Settings
from unblur.restoration.tile_work import Progress, Samples, TileWork

TILE_PX = 768


@dataclass(frozen=True, eq=False)
class RestoreOptions:
    """What the caller may choose.

    Attributes:
        strength: 0 leaves the photo, 1 applies the restoration fully.
        psf: use this PSF everywhere, or this field of them, instead of estimating; the referee
            then stands aside.
        mask: (H, W) bool or float in [0, 1]; only where it is above 0 is anything restored.
        tile_px: side of the tiles; blind restorers have windows of their own.
        settings: of the gate and the bank; its strength is multiplied with the one above.
        gate: let the referee decide what is left alone; False restores the whole photo.
    """

    strength: float = 1.0
    psf: Psf | MotionField | None = None
    mask: NDArray[Any] | None = None
    tile_px: int = TILE_PX
    settings: Settings = DEFAULTS
    gate: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 1:
            raise BadValue(f"strength must be between 0 and 1, got {self.strength}")


@dataclass(frozen=True)
class Report:
    """What was done where, for people and machines.

    Attributes:
        model: name of the restorer.
        changed: whether any sample differs from the input.
        reason: why nothing was changed, or empty.
        motion: the motion field, see :meth:`MotionField.to_dict`; None for tiny photos, and
            where nobody asked for it.
        trust: rows of the referee's decisions, 0 untouched to 1 fully restored.
        noise: estimated standard deviation of the luma's noise, linear light.
        strength: as asked for, times that of the settings.
        seconds: time for analysis and restoration.
        notes: remarks of the reader of the file and of the pipeline.
    """

    model: str
    changed: bool
    reason: str
    motion: dict[str, Any] | None
    trust: list[list[float]]
    noise: float
    strength: float
    seconds: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def analyse_samples(
    samples: Samples,
    kernel_engine: Engine,
    *,
    fuse_engine: Engine | None = None,
    judge: Judge | None = None,
) -> MotionField | None:
    """Estimate the motion field of a photo's samples.

    Args:
        samples: (H, W, C) uint8, uint16 or float32 in [0, 1], sRGB, C 1 or 3.
        kernel_engine: runs KernelNet.
        fuse_engine: see :func:`unblur.motion.analysis.analyse_luma`.
        judge: see :func:`unblur.motion.analysis.analyse_luma`.

    Returns:
        The field, or None for a photo too small to tell.
    """
    if min(samples.shape[:2]) < MIN_SIDE:
        return None

    def read(y0: int, x0: int, y1: int, x1: int) -> FloatArray:
        return luma(srgb_to_linear(to_float(samples[y0:y1, x0:x1])))

    shape = (samples.shape[0], samples.shape[1])
    return analyse_luma(read, shape, kernel_engine, fuse_engine=fuse_engine, judge=judge)


def restore_samples(
    samples: Samples,
    restorer: Restorer,
    kernel_engine: Engine,
    options: RestoreOptions,
    *,
    fuse_engine: Engine | None = None,
    blur_engine: Engine | None = None,
    motion: MotionField | None = None,
    progress: Progress | None = None,
) -> tuple[Samples, MotionField | None, Report]:
    """Restore a photo's samples.

    Args:
        samples: (H, W, C) uint8, uint16 or float32 in [0, 1], sRGB, C 1 or 3; not changed.
        restorer: what restores the tiles.
        kernel_engine: runs KernelNet.
        options: what the caller chose.
        fuse_engine: runs FuseNet, which has the last word on the motion; without it the mean of
            several answers is taken.
        blur_engine: runs BlurNet, a second witness of what is sharp; without it the motion
            field alone decides.
        motion: an earlier analysis of these samples, to spare another.
        progress: called with (tiles done, tiles in all).

    Returns:
        Restored samples of the same shape and dtype (the very same array where nothing is to
        be done), the motion field, and the report.

    Raises:
        ShapeMismatch: the mask is not of the photo's size.
        BadValue: a PSF for a restorer that takes none.
    """
    if options.mask is not None and options.mask.shape != samples.shape[:2]:
        raise ShapeMismatch(
            f"the mask has shape {options.mask.shape}, the photo {samples.shape[:2]}; "
            "they must be equal"
        )
    blind = isinstance(restorer, BlindRestorer)
    if blind and options.psf is not None:
        raise BadValue(f"{restorer.name} restores without a PSF; leave the PSF out")
    begun = time.perf_counter()
    if motion is None and (options.gate or not blind):
        motion = _motion(samples, kernel_engine, fuse_engine, blur_engine, options)
    analysed = time.perf_counter()
    trust, reason = decide(samples, motion, blur_engine, options, blind=blind)
    noise = _typical_noise(motion)
    restored = samples
    if not reason:
        work = _work(samples, motion, trust, restorer, options, blind=blind)
        noise, restored = work.noise, work.run(progress)
        reason = _objection(samples, restored, options)
        if reason:
            restored, trust = samples, np.zeros_like(trust)
    done = time.perf_counter()
    changed = restored is not samples and _differ(restored, samples)
    report = Report(
        model=restorer.name,
        changed=changed,
        reason=reason,
        motion=motion.to_dict() if motion is not None else None,
        trust=[[round(float(v), 4) for v in row] for row in trust],
        noise=round(noise, 6),
        strength=options.strength * options.settings.strength,
        seconds={
            "analyse": round(analysed - begun, 3),
            "restore": round(done - analysed, 3),
        },
    )
    return (restored if changed else samples), motion, report


def _differ(a: Samples, b: Samples) -> bool:
    """Compare row by row, so that no third copy of the photo is needed."""
    return any(not np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def _motion(
    samples: Samples,
    engine: Engine,
    fuse_engine: Engine | None,
    blur_engine: Engine | None,
    options: RestoreOptions,
) -> MotionField | None:
    if options.psf is not None:
        return given_motion(options.psf, samples)
    if not options.gate:
        return analyse_samples(samples, engine, fuse_engine=fuse_engine)
    judge = partial(_looks_sharp, samples, blur_engine, options.settings)
    return analyse_samples(samples, engine, fuse_engine=fuse_engine, judge=judge)


def _work(
    samples: Samples,
    motion: MotionField | None,
    trust: FloatArray,
    restorer: Restorer,
    options: RestoreOptions,
    *,
    blind: bool,
) -> TileWork:
    """Return the work to be done; a blind restorer's is on the photo's own scale, all over."""
    if blind or motion is None:
        still = Psf(np.ones((1, 1), np.float32))
        motion = uniform_field((samples.shape[0], samples.shape[1]), still, 0.0)
        trust = np.ones((1, 1), np.float32)
    return TileWork(
        samples,
        motion,
        trust,
        restorer,
        strength=options.strength * options.settings.strength,
        regularisation=options.settings.regularisation,
        mask=options.mask,
        tile_px=options.tile_px,
    )


def decide(
    samples: Samples,
    motion: MotionField | None,
    blur_engine: Engine | None,
    options: RestoreOptions,
    *,
    blind: bool = False,
) -> tuple[FloatArray, str]:
    """Return the trust map and, if nothing is to be done, why.

    A blind restorer is asked for nothing of a sharp photo, and trusted all over another one:
    the windows' trust speaks of their PSFs, which it does not use.

    Args:
        samples: as for :func:`restore_samples`.
        motion: the field, or None for a photo too small to tell.
        blur_engine: runs BlurNet, or None.
        options: what the caller chose.
        blind: whether the restorer is one that takes no PSF.

    Returns:
        (rows, columns) float32 in [0, 1], how much of the restoration counts at each window, and
        a reason, empty where something is to be done.
    """
    none = np.zeros((0, 0), np.float32)
    if options.strength * options.settings.strength == 0:
        return none, "strength is 0"
    if blind and not options.gate:
        return np.ones((1, 1), np.float32), ""
    if motion is None:
        return none, f"the photo is too small to tell its motion (sides below {MIN_SIDE} px)"
    if options.psf is None and options.gate:
        return _judge(samples, motion, blur_engine, options.settings, blind=blind)
    return np.ones((len(motion.centres_y), len(motion.centres_x)), np.float32), ""


def _judge(
    samples: Samples,
    motion: MotionField,
    blur_engine: Engine | None,
    settings: Settings,
    *,
    blind: bool,
) -> tuple[FloatArray, str]:
    trust = referee.trust_map(motion, settings)
    sharp = motion.sharp
    if sharp is None:
        sharp = _looks_sharp(samples, blur_engine, settings, motion)
    if sharp:
        return np.zeros_like(trust), "this photo is already sharp: no motion blur found"
    if blind:
        return np.ones_like(trust), ""
    if not trust.any():
        return trust, "the motion could not be told reliably enough"
    return trust, ""


def _looks_sharp(
    samples: Samples, blur_engine: Engine | None, settings: Settings, motion: MotionField
) -> bool:
    """Ask both witnesses."""
    if referee.is_sharp(motion, settings):
        return True
    if blur_engine is None:
        return False
    seen = referee.detection(samples, motion, blur_engine)
    return referee.is_likely_sharp(seen, motion, settings)


def _objection(samples: Samples, restored: Samples, options: RestoreOptions) -> str:
    """Return why a restoration cannot be right, or nothing; a PSF that was given is not judged."""
    if options.psf is not None or not options.gate:
        return ""
    lost = referee.lost_light(samples, restored)
    if not lost:
        return ""
    return (
        "undoing the motion that was found would have changed the photo's light by "
        f"{100 * lost:.0f} %, so it was found wrongly"
    )


def _typical_noise(motion: MotionField | None) -> float:
    if motion is None:
        return 0.0
    return float(np.median([w.noise for row in motion.windows for w in row]))
