"""The front door for Python: a photo in any form in, a restored one with its report out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unblur.blur.psf import Psf
from unblur.errors import BadValue
from unblur.io import Photo, Region, read_photo
from unblur.motion.field import MotionField
from unblur.restoration.catalogue import (
    DEFAULT_MODEL,
    load_blur_engine,
    load_fuse_engine,
    load_kernel_engine,
    load_restorer,
)
from unblur.restoration.field_files import load_motion
from unblur.restoration.pipeline import Report, RestoreOptions, analyse_samples, restore_samples
from unblur.restoration.settings import DEFAULTS, Settings, read_settings

Source = str | Path | bytes | NDArray[Any] | Image.Image | Photo


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
    psf: Psf | MotionField | str | Path | None = None,
    region: Region | None = None,
    mask: NDArray[Any] | None = None,
    gate: bool = True,
    settings: Settings | str | Path = DEFAULTS,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Restored:
    """Take the motion blur out of one photo.

    Args:
        source: a path, the bytes of a file, a Pillow image, an array (H, W), (H, W, 1), (H, W, 3)
            or (H, W, 4) of uint8, uint16 or float in [0, 1], or a Photo. sRGB.
        model: a name from ``unblur models list``, or an ONNX file of ours. Networks from
            elsewhere take no PSF.
        strength: 0 leaves the photo, 1 restores fully.
        psf: use this PSF or motion field, or this file's, in place of an estimate.
        region: restore only here.
        mask: (H, W); restore only where it is above 0, in proportion.
        gate: False sets the no-harm gate aside and restores whatever the photo is like.
        settings: of the gate and the bank, or a TOML file of them, as ``unblur tune`` writes;
            its strength is multiplied with ``strength``.
        threads: for the networks; all processors if omitted.
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
    photo = as_photo(source)
    options = RestoreOptions(
        strength=strength,
        psf=load_motion(Path(psf)) if isinstance(psf, str | Path) else psf,
        mask=combined_mask(photo, region, mask),
        gate=gate,
        settings=settings if isinstance(settings, Settings) else read_settings(Path(settings)),
    )
    samples, motion, report = restore_samples(
        photo.samples,
        load_restorer(model, threads=threads),
        load_kernel_engine(threads=threads),
        options,
        fuse_engine=load_fuse_engine(threads=threads),
        blur_engine=load_blur_engine(threads=threads),
        progress=progress,
    )
    result = photo if samples is photo.samples else photo.with_samples(samples)
    return Restored(result, motion, replace(report, notes=(*photo.notes, *report.notes)))


def analyse(source: Source, *, threads: int | None = None) -> MotionField | None:
    """Estimate how the camera moved, without restoring.

    Args:
        source: as :func:`restore`.
        threads: for the network; all processors if omitted.

    Returns:
        The motion field; None for a photo too small to tell.
    """
    return analyse_samples(
        as_photo(source).samples,
        load_kernel_engine(threads=threads),
        fuse_engine=load_fuse_engine(threads=threads),
    )


def as_photo(source: Source) -> Photo:
    """Return any accepted form of a photo as a Photo."""
    if isinstance(source, Photo):
        return source
    if isinstance(source, np.ndarray):
        return Photo.from_array(source)
    if isinstance(source, Image.Image):
        return Photo.from_pil(source)
    return read_photo(source)


def combined_mask(
    photo: Photo, region: Region | None, mask: NDArray[Any] | None
) -> NDArray[Any] | None:
    """Return one mask for a region and a mask, or None for the whole photo.

    Raises:
        BadValue: the region lies outside the photo.
    """
    if region is None:
        return mask
    inside = (
        0 <= region.y0 < region.y1 <= photo.height and 0 <= region.x0 < region.x1 <= photo.width
    )
    if not inside:
        raise BadValue(
            f"the region {region} does not lie in the photo of {photo.width} x {photo.height} px; "
            "give X,Y,WIDTH,HEIGHT in px, inside the photo"
        )
    chosen = np.zeros((photo.height, photo.width), np.float32)
    part = (slice(region.y0, region.y1), slice(region.x0, region.x1))
    chosen[part] = 1 if mask is None else mask[part]
    return chosen
