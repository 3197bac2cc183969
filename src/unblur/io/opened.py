"""What an opened image tells beside its samples: format, depth, colour, losses."""

from __future__ import annotations

from typing import Any

from PIL import Image, JpegImagePlugin

from unblur.io import png16
from unblur.io.bmff import Still, color_tags
from unblur.io.color_tags import ColorTags, png_tags
from unblur.io.losses import avif_losses, claimed_losses, heif_losses, jpeg_losses
from unblur.io.photo import Samples


def stored_format(image: Image.Image) -> str:
    """Return the format of :class:`unblur.io.photo.Encoding`; PNG for an image out of no file."""
    return "JPEG" if image.format == "MPO" else image.format or "PNG"


def tags_of(image: Image.Image, data: bytes, still: Still) -> ColorTags | None:
    """Return what a file tells of its colour in numbers."""
    if image.format == "PNG":
        return png_tags(png16.header_chunks(data))
    return color_tags(still, "HEIC nclx" if image.format == "HEIF" else "AVIF nclx")


def pillow_tags(image: Image.Image) -> ColorTags | None:
    """Return what Pillow keeps of a PNG file's colour."""
    intent, gamma = image.info.get("srgb"), image.info.get("gamma")
    if image.format != "PNG" or (intent is None and not gamma):
        return None
    return ColorTags(srgb_intent=intent, gamma=gamma or None)


def bits_of(samples: Samples) -> int:
    """Return the depth of samples."""
    return 8 * int(samples.dtype.itemsize)


def losses_of(image: Image.Image, data: bytes, still: Still) -> tuple[str, ...]:
    """Return what of the file does not reach the photo, in words."""
    if image.format in ("JPEG", "MPO"):
        return jpeg_losses(image, data)
    if image.format == "AVIF":
        return avif_losses(image, still)
    return heif_losses(image, still) if image.format == "HEIF" else claimed_losses(image)


def options_of(image: Image.Image) -> dict[str, Any]:
    """Return what the writer needs to store a photo in the same quality class."""
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        options: dict[str, Any] = {"qtables": list(image.quantization.values())}
        subsampling = JpegImagePlugin.get_sampling(image)
        if subsampling >= 0:
            options["subsampling"] = subsampling
        if image.info.get("progressive"):
            options["progressive"] = True
        return options
    if image.format == "TIFF":
        return {"compression": image.info.get("compression", "raw")}
    return {}
