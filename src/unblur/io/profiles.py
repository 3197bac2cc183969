"""Colour profiles: conversion to sRGB where the embedded profile cannot be kept."""

from __future__ import annotations

import io

from PIL import Image, ImageCms


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image | None:
    """Return an image converted to sRGB through its profile.

    Args:
        image: any mode that the profile describes, as CMYK or L.
        profile: the embedded ICC profile.

    Returns:
        An RGB image, or None if there is no profile or it is broken or of another mode.
    """
    if profile is None:
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
