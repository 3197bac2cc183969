"""The front door for Python: a photo in any form in, a restored one with its report out."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray
from PIL import Image

from unblur.blur.psf import Psf
from unblur.errors import BadValue
from unblur.io import Photo, Region
from unblur.io.sources import Source, as_photo
from unblur.motion.field import MotionField
from unblur.motion.picture import Picture
from unblur.pipeline.accepted import as_motion, as_point, as_settings, combined_mask
from unblur.pipeline.assessing import assess
from unblur.pipeline.only import Only, Point
from unblur.pipeline.report import Report, RestoreOptions
from unblur.pipeline.run import gate_of, restore_picture
from unblur.pipeline.settings import DEFAULTS, Settings
from unblur.runtime import Runtime
from unblur.tone import ToneCurve
from unblur.zoo.catalogue import DEFAULT_MODEL
from unblur.zoo.models import Session, default_session


@dataclass(frozen=True, eq=False)
class Restored:
    """A restored photo and what is known about it.

    Attributes:
        photo: the result, with the input's metadata; equal to the input where nothing was done.
        motion: the estimated motion; None for a photo too small to tell, and where a network
            that takes no PSF ran without the gate.
        report: what was done where.
    """

    photo: Photo
    motion: MotionField | None
    report: Report

    @property
    def samples(self) -> NDArray[Any]:
        """(H, W, C) samples in the input's depth."""
        return self.photo.samples

    def to_pil(self) -> Image.Image:
        """Return the result as an 8-bit Pillow image."""
        return self.photo.to_pil()


def restore(
    source: Source,
    *,
    model: str = DEFAULT_MODEL,
    strength: float = 1.0,
    psf: Psf | MotionField | NDArray[Any] | str | os.PathLike[str] | None = None,
    region: Region | None = None,
    mask: NDArray[Any] | None = None,
    only: Only | None = None,
    at: Point | None = None,
    gate: bool = True,
    settings: Settings | str | os.PathLike[str] = DEFAULTS,
    tone: ToneCurve | str = "auto",
    fast: bool = False,
    threads: int | None = None,
    session: Session | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Restored:
    """Take the motion blur out of one photo.

    Args:
        source: a path, the bytes of a file in any buffer, a file opened with 'rb', a Pillow
            image, a Photo, or an array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) of uint8, uint16
            or floats in [0, 1]: of NumPy, or whatever becomes one, as a tensor of PyTorch on the
            CPU (channels last).
        model: a name from ``unblur models list``, or an ONNX file of ours. Networks from
            elsewhere take no PSF.
        strength: 0 leaves the photo, 1 restores fully.
        psf: use this PSF or motion field, or this file's, in place of an estimate.
        region: look for the motion, and restore, only here.
        mask: (H, W), booleans or in [0, 1]; look for the motion, and restore, only where it is
            above 0; restore in proportion.
        only: "camera" restores what the camera's motion moved and nothing else, "objects" whatever
            moved by itself, "subject" the largest piece of that; not with a region, a mask, a psf,
            or without the gate.
        at: (x, y) in px, with "subject": whatever moved by itself there.
        gate: False sets the no-harm gate aside and restores whatever the photo is like.
        settings: of the gate and the bank, or a TOML file of them, as ``unblur tune`` writes;
            its strength is multiplied with ``strength``.
        tone: the curve from samples to linear light, or its name: ``srgb``, ``linear``,
            ``gamma:2.2``, ``bt709``, ``pq``, ``hlg``; ``auto``: as the file says, and if it says
            nothing, sRGB or linear, whichever explains the motion better; ``profile``: as the file
            says, and sRGB if it says nothing.
        fast: search the motion once, and take photos that do not tell their tone curve for sRGB.
        threads: for the networks; all processors if omitted.
        session: holds the networks, with threads of its own; if omitted, one that this process
            keeps, so that many calls read them once.
        progress: called with (tiles done, tiles in all).

    Returns:
        The restored photo, the motion field and the report.

    Raises:
        InputError, ModelError, EngineError: see :mod:`unblur.errors`.

    Example:
        >>> import numpy as np, unblur
        >>> unblur.restore(np.zeros((64, 80, 3), np.uint8)).report.changed
        False
    """
    photo = as_photo(source).with_tone(tone)
    options = RestoreOptions(
        strength=strength,
        psf=as_motion(psf),
        mask=combined_mask(photo, region, mask),
        only=only,
        at=as_point(photo, at),
        gate=gate,
        settings=as_settings(settings),
    )
    owner = session or default_session(Runtime.of_process(threads))
    models = owner.models(model, fast=fast)
    picture = as_picture(photo)
    if fast:
        picture = replace(picture, assumed=False)
    result = restore_picture(picture, models, options, progress=progress)
    restored = photo if result.samples is photo.samples else photo.with_samples(result.samples)
    notes = (*photo.notes, *result.report.notes, *owner.notes())
    light = (result.tone or photo.tone).to_dict()
    report = replace(result.report, notes=notes, tone=light, device=models.device)
    return Restored(restored, result.motion, report)


def analyse(
    source: Source,
    *,
    tone: ToneCurve | str = "auto",
    threads: int | None = None,
    session: Session | None = None,
) -> MotionField:
    """Estimate how the camera moved, without restoring: what :func:`restore` would go by.

    Args:
        source, tone: as :func:`restore`.
        threads, session: as of :func:`restore`.

    Raises:
        BadValue: the photo is too small to tell.
        InputError, ModelError, EngineError: see :mod:`unblur.errors`.
    """
    models = (session or default_session(Runtime.of_process(threads))).models()
    photo = as_photo(source).with_tone(tone)
    gate = gate_of(models, RestoreOptions())
    found = assess(as_picture(photo), models.estimator, gate)
    if found.motion is None:
        raise BadValue(f"{found.verdict.reason}: it has {photo.width} x {photo.height} px")
    return found.motion


def as_picture(photo: Photo) -> Picture:
    """Return a photo as motion is estimated from it; what is only assumed may be estimated."""
    assumed = photo.tone.evidence == "assumed"
    return Picture(photo.samples, photo.tone.curve, assumed=assumed)
