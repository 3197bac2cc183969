"""Pillow images of any mode -> samples in their own depth, alpha apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image

from unblur.errors import UnsupportedImage
from unblur.io.color_tags import ColorTags
from unblur.io.photo import Metadata, Samples, checked_float
from unblur.io.profiles import to_srgb


def samples_of(
    image: Image.Image, metadata: Metadata
) -> tuple[Samples, Samples | None, Metadata, tuple[str, ...]]:
    """Return (samples, alpha, metadata, notes) of a Pillow image of any mode.

    The metadata are the same but for the colour, where that had to be converted.
    """
    mode = image.mode
    if mode.startswith("I"):
        return _from_integers(np.asarray(image)), None, metadata, ()
    if mode == "F":
        values, notes = checked_float(np.asarray(image))
        return values[..., None], None, metadata, notes
    notes = ()
    if mode == "CMYK":
        image, metadata, note = _from_cmyk(image, metadata)
        notes = (note,)
    elif mode in ("P", "PA"):
        transparent = mode == "PA" or "transparency" in image.info
        image = image.convert("RGBA" if transparent else "RGB")
        notes = ("palette expanded to RGB",)
    elif mode == "1":
        target = "LA" if "transparency" in image.info else "L"
        image, notes = image.convert(target), ("1-bit image expanded to grey",)
    elif "transparency" in image.info and mode in ("L", "RGB"):
        image = image.convert("RGBA" if mode == "RGB" else "LA")
    elif mode not in ("L", "LA", "RGB", "RGBA"):
        transparent = mode in ("RGBa", "La")
        image = image.convert("RGBA" if transparent else "RGB")
        notes = (f"{mode} converted to {image.mode}",)
        if mode == "LAB":
            metadata = _as_srgb(metadata)
    planes = np.asarray(image)
    planes = planes[..., None] if planes.ndim == 2 else planes
    colours = 1 if planes.shape[2] <= 2 else 3
    alpha = planes[..., colours].copy() if planes.shape[2] > colours else None
    return np.ascontiguousarray(planes[..., :colours]), alpha, metadata, notes


def _as_srgb(metadata: Metadata) -> Metadata:
    """Return the metadata of samples that were converted to sRGB."""
    color = ColorTags(srgb_intent=0, source="converted to sRGB")
    return replace(metadata, icc_profile=None, color=color)


def _from_integers(values: Samples) -> Samples:
    if values.dtype != np.uint16 and (values.min() < 0 or values.max() > 65535):
        raise UnsupportedImage("a grey image with more than 16 bits is not handled")
    return values.astype(np.uint16)[..., None]


def _from_cmyk(image: Image.Image, metadata: Metadata) -> tuple[Image.Image, Metadata, str]:
    """Convert CMYK to sRGB through the embedded profile, or plainly if there is none."""
    converted = to_srgb(image, metadata.icc_profile)
    if converted is not None:
        return converted, _as_srgb(metadata), "CMYK converted to sRGB through its profile"
    plain = replace(metadata, icc_profile=None)
    return image.convert("RGB"), plain, "CMYK without a usable profile converted plainly to RGB"
