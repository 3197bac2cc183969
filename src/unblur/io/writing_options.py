"""What a format's writer is told beside the samples: metadata and quality."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from PIL import PngImagePlugin

from unblur.io.metadata import loaded, without_maker_notes
from unblur.io.photo import Metadata, Photo

DEFAULT_QUALITY = 95
_JPEG_SEGMENT = 65533
_LOG = logging.getLogger(__name__)


def fitting_jpeg(metadata: Metadata) -> Metadata:
    """Leave out of a JPEG what is too long for its segments, and say so."""
    if metadata.exif is not None and len(metadata.exif) > _JPEG_SEGMENT:
        _LOG.warning("EXIF is too long for JPEG; the maker's notes are left out")
        metadata = replace(metadata, exif=without_maker_notes(metadata.exif))
    if metadata.exif is not None and len(metadata.exif) > _JPEG_SEGMENT:
        _LOG.warning("EXIF is too long for JPEG; it is left out")
        metadata = replace(metadata, exif=None)
    if metadata.xmp is not None and len(metadata.xmp) > _JPEG_SEGMENT - 29:
        _LOG.warning("XMP is too long for JPEG; it is left out")
        metadata = replace(metadata, xmp=None)
    return metadata


def metadata_options(kind: str, metadata: Metadata) -> dict[str, Any]:
    """Return what Pillow is told of the metadata."""
    options: dict[str, Any] = {}
    if metadata.dpi is not None and kind in ("JPEG", "PNG", "BMP"):
        options["dpi"] = metadata.dpi
    if kind == "BMP":
        return options
    if metadata.icc_profile is not None:
        options["icc_profile"] = metadata.icc_profile
    if metadata.exif is not None:
        # Pillow parses EXIF bytes for AVIF anew, which would garble text beyond ASCII.
        options["exif"] = loaded(metadata.exif) if kind == "AVIF" else metadata.exif
    if metadata.xmp is None:
        return options
    if kind == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", metadata.xmp.decode("utf-8", "replace"))
        options["pnginfo"] = info
    else:
        options["xmp"] = metadata.xmp
    return options


def quality_options(photo: Photo, kind: str, quality: int | None) -> dict[str, Any]:
    """Return what Pillow is told of the quality: as asked, else as the source."""
    known = photo.encoding.options if photo.encoding.format == kind else {}
    if kind == "JPEG":
        options = {k: known[k] for k in ("subsampling", "progressive") if k in known}
        tables = known.get("qtables")
        channels = photo.samples.shape[2]
        if quality is not None or not tables or (channels == 1 and len(tables) > 1):
            return {"quality": quality or DEFAULT_QUALITY, "subsampling": 0} | options
        return options | {"qtables": tables}
    if kind == "WEBP":
        lossless = known.get("lossless", False) and quality is None
        return {"lossless": lossless, "quality": quality or DEFAULT_QUALITY, "exact": lossless}
    if kind == "AVIF":
        return {"quality": quality or DEFAULT_QUALITY, "subsampling": "4:4:4"}
    return {}
