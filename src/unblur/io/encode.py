""":class:`Photo` -> files in all formats, metadata kept."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from unblur.errors import BadValue, CannotWrite, UnsupportedImage, nearest
from unblur.io import avif, png16
from unblur.io.atomic import write_bytes
from unblur.io.color_tags import png_chunks
from unblur.io.fitting import NO_ALPHA, fitted
from unblur.io.formats import SUFFIXES
from unblur.io.metadata import sized, without_location
from unblur.io.photo import Metadata, Photo
from unblur.io.profiles import to_srgb
from unblur.io.tiff import TiffPages, encode_tiff
from unblur.io.writing_options import (
    DEFAULT_QUALITY,
    fitting_jpeg,
    metadata_options,
    quality_options,
)
from unblur.io.xmp_cleaning import cleaned

_NO_GREY = ("WEBP", "AVIF")


def write_photo(
    photo: Photo,
    target: str | Path | BinaryIO,
    *,
    overwrite: bool = False,
    format: str | None = None,
    quality: int | None = None,
    strip_location: bool = False,
    strip_metadata: bool = False,
) -> None:
    """Write a photo, with its metadata, in the depth and quality class it was read in.

    Args:
        photo: what to write.
        target: a path or an opened binary file.
        overwrite: replace an existing file.
        format: extension, as "png"; if omitted that of the path or, for an opened file, the
            format of the source.
        quality: of JPEG, WebP and AVIF, 1 to 100; as the source, or 95, if omitted.
        strip_location: leave out GPS data, in EXIF and XMP, and the maker's notes.
        strip_metadata: leave out everything but what tells the colour.

    What the format cannot hold is converted, see :func:`unblur.io.fitting.fitted`.

    Raises:
        UnsupportedImage: the format cannot be written, or cannot hold this photo.
        WouldOverwrite, CannotWrite: see :func:`unblur.io.atomic.write_bytes`.
    """
    metadata = _stripped(photo.metadata, location=strip_location, everything=strip_metadata)
    asked = format_of("." + format.lstrip(".")) if format else None
    if isinstance(target, str | Path):
        kind = asked or format_of(Path(target).suffix)
        write_bytes(encode(photo, kind, metadata, quality), Path(target), overwrite=overwrite)
        return
    data = encode(photo, asked or written_format(photo), metadata, quality)
    try:
        target.write(data)
    except (OSError, ValueError, TypeError) as error:
        raise CannotWrite(f"cannot write the result: {error}") from error


class PageWriter:
    """A TIFF file of several pages in the making; see :func:`write_photo` for what is kept."""

    def __init__(self) -> None:
        self._pages = TiffPages()

    def add(
        self, photo: Photo, *, strip_location: bool = False, strip_metadata: bool = False
    ) -> None:
        """Add a photo as the next page.

        Raises:
            UnsupportedImage: the file would be longer than TIFF can be, 4 GB.
        """
        metadata = _stripped(photo.metadata, location=strip_location, everything=strip_metadata)
        photo, metadata = _ready(photo, "TIFF", metadata)
        try:
            self._pages.add(photo, metadata, compressed=_is_compressed(photo))
        except struct.error as error:
            raise UnsupportedImage(f"TIFF cannot hold all pages: {error}") from error

    def to_bytes(self) -> bytes:
        """Return the file."""
        return self._pages.to_bytes()


def _stripped(metadata: Metadata, *, location: bool, everything: bool) -> Metadata:
    if everything:
        return Metadata(icc_profile=metadata.icc_profile, color=metadata.color)
    return without_location(metadata) if location else metadata


def _ready(photo: Photo, kind: str, metadata: Metadata) -> tuple[Photo, Metadata]:
    """Fit a photo into a format; return it with the metadata to be written."""
    # Whoever made the metadata: what is written is well-formed and shows no other picture.
    photo = fitted(replace(photo, metadata=replace(metadata, xmp=cleaned(metadata.xmp))), kind)
    return photo, sized(photo.metadata, photo.height, photo.width)


def _is_compressed(photo: Photo) -> bool:
    """Return whether a TIFF is to be compressed: all but those that were plain."""
    plain = photo.encoding.options.get("compression", "raw") == "raw"
    return not (photo.encoding.format == "TIFF" and plain)


def format_of(suffix: str) -> str:
    """Return the format that an extension stands for.

    Raises:
        UnsupportedImage: it is not one that is written.
    """
    if suffix.lower() not in SUFFIXES:
        raise UnsupportedImage(
            f"files of type '{suffix or '(none)'}' are not written; "
            f"{nearest(suffix.lower(), SUFFIXES)}"
        )
    return SUFFIXES[suffix.lower()]


def written_format(photo: Photo) -> str:
    """Return the format a photo is written back in: its own, if that is one we write."""
    if photo.encoding.format in SUFFIXES.values():
        return photo.encoding.format
    if photo.encoding.format == "HEIF":
        return "JPEG" if photo.encoding.bits == 8 else "PNG"
    return {"RAW": "TIFF"}.get(photo.encoding.format, "PNG")


def same_format(photo: Photo, target: Path | object, extension: str | None) -> bool:
    """Return whether writing to the target would keep the photo's own format."""
    if isinstance(target, Path):
        return SUFFIXES.get(target.suffix.lower()) == photo.encoding.format
    return extension is None and written_format(photo) == photo.encoding.format


def encode(photo: Photo, kind: str, metadata: Metadata, quality: int | None) -> bytes:
    """Return the bytes of a file of the given format (a value of SUFFIXES).

    Raises:
        UnsupportedImage: the format cannot hold this photo, as one of too many px.
        BadValue: the quality is out of range.
    """
    if quality is not None and not 1 <= quality <= 100:
        raise BadValue(f"quality must be between 1 and 100, got {quality}")
    try:
        photo, metadata = _ready(photo, kind, metadata)
        return _encode(photo, kind, metadata, quality)
    except (OSError, ValueError, RuntimeError, TypeError, KeyError, struct.error) as error:
        raise UnsupportedImage(f"{kind} cannot hold this photo: {error}") from error


def _encode(photo: Photo, kind: str, metadata: Metadata, quality: int | None) -> bytes:
    if kind == "TIFF":
        return encode_tiff(photo, metadata, compressed=_is_compressed(photo))
    if kind == "PNG" and photo.samples.dtype != np.uint8:
        return _deep_png(photo, metadata)
    if kind == "AVIF" and photo.samples.dtype != np.uint8:
        return _deep_avif(photo, metadata, quality)
    image = _flat(photo) if kind in NO_ALPHA else photo.to_pil()
    if kind in _NO_GREY and photo.channels == 1:
        image, metadata = _without_grey_profile(image, metadata)
    if kind == "JPEG":
        metadata = fitting_jpeg(metadata)
    options = metadata_options(kind, metadata) | quality_options(photo, kind, quality)
    with io.BytesIO() as stream:
        image.save(stream, kind, **options)
        return _with_tags(stream.getvalue(), kind, metadata)


def _with_tags(data: bytes, kind: str, metadata: Metadata) -> bytes:
    """Put the colour that is told in numbers into a file that Pillow wrote without."""
    if metadata.color is None:
        return data
    if kind == "PNG":
        return png16.with_chunks(data, _color_chunks(metadata))
    if kind == "AVIF" and metadata.color.cicp is not None:
        return avif.with_codes(data, metadata.color.cicp)
    return data


def _color_chunks(metadata: Metadata) -> list[tuple[bytes, bytes]]:
    """PNG's chunks of colour; sRGB and a profile exclude each other."""
    chunks = [] if metadata.color is None else png_chunks(metadata.color)
    return [c for c in chunks if c[0] != b"sRGB" or metadata.icc_profile is None]


def _deep_avif(photo: Photo, metadata: Metadata, quality: int | None) -> bytes:
    planes = photo.planes()
    if photo.channels == 1:
        planes = np.concatenate([np.repeat(planes[..., :1], 3, axis=2), planes[..., 1:]], axis=2)
    return avif.encode_avif(
        planes,
        None if metadata.color is None else metadata.color.cicp,
        bits=photo.encoding.options.get("bits", 10),
        quality=quality or DEFAULT_QUALITY,
        exif=metadata.exif,
        xmp=metadata.xmp,
        profile=metadata.icc_profile,
    )


def _without_grey_profile(image: Image.Image, metadata: Metadata) -> tuple[Image.Image, Metadata]:
    """Convert a grey image for a format that stores it as RGB, to which its profile is no use."""
    profile = metadata.icc_profile
    if profile is None or profile[16:20] != b"GRAY":
        return image, metadata
    converted = to_srgb(image.convert("L"), profile)
    if converted is not None and image.mode == "LA":
        converted.putalpha(image.getchannel("A"))
    return converted or image, replace(metadata, icc_profile=None)


def _flat(photo: Photo) -> Image.Image:
    """Return the photo over white, for formats without transparency."""
    image = photo.to_pil()
    if photo.alpha is None:
        return image
    mode = "L" if photo.samples.shape[2] == 1 else "RGB"
    ground = Image.new(mode, image.size, "white")
    ground.paste(image.convert(mode), mask=image.getchannel("A"))
    return ground


def _deep_png(photo: Photo, metadata: Metadata) -> bytes:
    planes = photo.planes()
    chunks = _color_chunks(metadata)
    if metadata.icc_profile is not None:
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc_profile)))
    if metadata.dpi is not None:
        per_metre = (round(part / 0.0254) for part in metadata.dpi)
        chunks.append((b"pHYs", struct.pack(">IIB", *per_metre, 1)))
    if metadata.exif is not None:
        chunks.append((b"eXIf", metadata.exif.removeprefix(b"Exif\0\0")))
    if metadata.xmp is not None:
        chunks.append((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + metadata.xmp))
    return png16.encode_png16(planes, chunks)
