"""What callers of Python give beside the photo: masks, PSFs and settings, checked."""

from __future__ import annotations

import operator
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unblur.blur.psf import Psf
from unblur.errors import BadValue, ShapeMismatch
from unblur.io import Photo, Region
from unblur.io.sources import as_array
from unblur.motion.field import MotionField
from unblur.pipeline.field_files import load_motion
from unblur.pipeline.only import Point
from unblur.pipeline.settings import Settings, read_settings


def as_mask(mask: Any) -> NDArray[Any] | None:
    """Return a mask as a finite (H, W) array, or None for none.

    Raises:
        BadValue: no array of numbers in [0, 1] or booleans.
        ShapeMismatch: not (H, W).
    """
    if mask is None:
        return None
    array = np.asarray(mask) if isinstance(mask, list) else as_array(mask, "a mask")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim != 2:
        raise ShapeMismatch(f"a mask must be (H, W), got {array.shape}; take one channel")
    if array.dtype.kind not in "buif" or not np.isfinite(array).all():
        raise BadValue(f"a mask must hold booleans or finite numbers, got {array.dtype}")
    if array.min() < 0 or array.max() > 1:
        raise BadValue(
            f"a mask must lie in [0, 1], got {array.min():.4g} to {array.max():.4g}; divide it by "
            "its largest value"
        )
    return array


def as_motion(psf: Any) -> Psf | MotionField | None:
    """Return a given PSF or motion field, read from its file if it is a path.

    Raises:
        BadValue: it is something else.
        BadPsf: the file holds none, or an array cannot be a PSF.
    """
    if psf is None or isinstance(psf, Psf | MotionField):
        return psf
    if isinstance(psf, str | os.PathLike):
        return load_motion(Path(os.fsdecode(psf)))
    if isinstance(psf, np.ndarray):
        return Psf(psf)
    raise BadValue(
        "psf is an unblur.blur.Psf, a motion field, a (kH, kW) array with odd sides, or the path "
        f"of one; got {type(psf).__name__}"
    )


def as_settings(settings: Any) -> Settings:
    """Return given settings, read from their file if it is a path.

    Raises:
        BadValue: they are something else, or the file cannot be used.
    """
    if isinstance(settings, Settings):
        return settings
    if isinstance(settings, str | os.PathLike):
        return read_settings(Path(os.fsdecode(settings)))
    raise BadValue(f"settings are Settings or the path of a TOML file, got {type(settings)}")


def as_point(photo: Photo, at: Any) -> Point | None:
    """Return a place in a photo, checked.

    Raises:
        BadValue: it is none, or lies outside.
    """
    if at is None:
        return None
    try:
        x, y = (operator.index(side) for side in at)
    except (TypeError, ValueError):
        raise BadValue(f"a place is (x, y), two whole numbers in px, got {at!r}") from None
    check_inside(photo, (x, y), f"place {x},{y}")
    return x, y


def check_inside(photo: Photo, point: Point, told: str) -> None:
    """Raise unless a point lies in a photo.

    Args:
        photo: the photo.
        point: (x, y) in px.
        told: what the point is, for the message.

    Raises:
        BadValue: it lies outside.
    """
    x, y = point
    if not (0 <= x < photo.width and 0 <= y < photo.height):
        raise BadValue(
            f"the {told} lies outside the photo of {photo.width} x {photo.height} px; "
            "give X,Y inside it"
        )


def combined_mask(photo: Photo, region: Region | None, mask: Any) -> NDArray[Any] | None:
    """Return one mask for a region and a mask, or None for the whole photo.

    Raises:
        BadValue: the region lies outside the photo, or the mask is none.
        ShapeMismatch: the mask is not (H, W).
    """
    given = as_mask(mask)
    if region is None:
        return given
    if not isinstance(region, Region):
        raise BadValue(f"region is an unblur.io.Region, got {type(region).__name__}")
    inside = (
        0 <= region.y0 < region.y1 <= photo.height and 0 <= region.x0 < region.x1 <= photo.width
    )
    if not inside:
        raise BadValue(
            f"the region {region} does not lie in the photo of {photo.width} x {photo.height} px; "
            "give X,Y,WIDTH,HEIGHT in px, inside the photo"
        )
    if given is not None and given.shape != (photo.height, photo.width):
        raise ShapeMismatch(
            f"the mask has shape {given.shape}, the photo {(photo.height, photo.width)}; "
            "make it the photo's size"
        )
    chosen = np.zeros((photo.height, photo.width), np.float32)
    part = (slice(region.y0, region.y1), slice(region.x0, region.x1))
    chosen[part] = 1 if given is None else given[part]
    return chosen
