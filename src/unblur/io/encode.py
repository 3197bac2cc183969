""":class:`Photo` -> files in all formats, metadata kept."""

from __future__ import annotations

import io
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, PngImagePlugin, TiffImagePlugin

from unblur.color import quantise, to_float
from unblur.errors import BadValue, CannotWrite, UnsupportedImage, nearest
from unblur.io import png16
from unblur.io.atomic import write_bytes
from unblur.io.metadata import EXIF_IFD, GPS_IFD, without_location
from unblur.io.photo import Metadata, Photo, Samples

SUFFIXES = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
    ".avif": "AVIF",
}
"""What is written, by the file's extension."""

DEFAULT_QUALITY = 95
_NO_ALPHA = ("JPEG", "BMP")


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
        target: a path, whose extension decides the format, or an opened binary file.
        overwrite: replace an existing file.
        format: extension, as "png", for an opened file; the format of the source if omitted.
        quality: of JPEG, WebP and AVIF, 1 to 100; as the source, or 95, if omitted.
        strip_location: leave out GPS data, in EXIF and XMP, and the maker's notes.
        strip_metadata: leave out everything but the colour profile.

    Raises:
        UnsupportedImage: the format cannot be written, or cannot hold this photo.
        WouldOverwrite, CannotWrite: see :func:`unblur.io.atomic.write_bytes`.
    """
    metadata = photo.metadata
    if strip_metadata:
        metadata = Metadata(icc_profile=metadata.icc_profile)
    elif strip_location:
        metadata = without_location(metadata)
    if isinstance(target, str | Path):
        kind = format_of(Path(target).suffix)
        write_bytes(encode(photo, kind, metadata, quality), Path(target), overwrite=overwrite)
        return
    kind = format_of("." + format.lstrip(".")) if format else written_format(photo)
    try:
        target.write(encode(photo, kind, metadata, quality))
    except OSError as error:
        raise CannotWrite(f"cannot write the result: {error}") from error


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
    return {"HEIF": "JPEG", "RAW": "TIFF"}.get(photo.encoding.format, "PNG")


def same_format(photo: Photo, target: Path | object, extension: str | None) -> bool:
    """Return whether writing to the target would keep the photo's own format."""
    if isinstance(target, Path):
        return SUFFIXES.get(target.suffix.lower()) == photo.encoding.format
    return extension is None and written_format(photo) == photo.encoding.format


def encode(photo: Photo, kind: str, metadata: Metadata, quality: int | None) -> bytes:
    """Return the bytes of a file of the given format (a value of SUFFIXES)."""
    if quality is not None and not 1 <= quality <= 100:
        raise BadValue(f"quality must be between 1 and 100, got {quality}")
    deep = photo.samples.dtype != np.uint8
    if deep and kind == "PNG":
        return _deep_png(photo, metadata)
    if deep and kind == "TIFF":
        return _deep_tiff(photo, metadata)
    image = _flat(photo) if kind in _NO_ALPHA else photo.to_pil()
    options = _metadata_options(kind, metadata) | _quality_options(photo, kind, quality)
    with io.BytesIO() as stream:
        try:
            image.save(stream, kind, **options)
        except (OSError, ValueError) as error:
            raise UnsupportedImage(f"{kind} cannot hold this photo: {error}") from error
        return stream.getvalue()


def _flat(photo: Photo) -> Image.Image:
    """Return the photo over white, for formats without transparency."""
    image = photo.to_pil()
    if photo.alpha is None:
        return image
    mode = "L" if photo.samples.shape[2] == 1 else "RGB"
    ground = Image.new(mode, image.size, "white")
    ground.paste(image.convert(mode), mask=image.getchannel("A"))
    return ground


def _metadata_options(kind: str, metadata: Metadata) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if kind == "BMP":
        return options
    if kind == "TIFF":
        return {"tiffinfo": _directory(metadata)}
    if metadata.icc_profile is not None:
        options["icc_profile"] = metadata.icc_profile
    if metadata.exif is not None:
        options["exif"] = metadata.exif
    if metadata.xmp is None:
        return options
    if kind == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", metadata.xmp.decode("utf-8", "replace"))
        options["pnginfo"] = info
    else:
        options["xmp"] = metadata.xmp
    return options


def _quality_options(photo: Photo, kind: str, quality: int | None) -> dict[str, Any]:
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
    if kind == "TIFF":
        stored = known.get("compression", "tiff_lzw")
        lossy = stored not in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits")
        return {"compression": "tiff_lzw" if lossy else stored}
    return {}


def _all_planes(photo: Photo) -> Samples:
    if photo.alpha is None:
        return photo.samples
    return np.concatenate([photo.samples, photo.alpha[..., None]], axis=2)


def _deep_png(photo: Photo, metadata: Metadata) -> bytes:
    planes = quantise(to_float(_all_planes(photo)), np.dtype(np.uint16))
    if photo.samples.dtype == np.uint16:
        planes = _all_planes(photo)
    chunks: list[tuple[bytes, bytes]] = []
    if metadata.icc_profile is not None:
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc_profile)))
    if metadata.exif is not None:
        chunks.append((b"eXIf", metadata.exif.removeprefix(b"Exif\0\0")))
    if metadata.xmp is not None:
        chunks.append((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + metadata.xmp))
    return png16.encode_png16(planes, chunks)


def _deep_tiff(photo: Photo, metadata: Metadata) -> bytes:
    """Return an uncompressed 16-bit or float TIFF; Pillow writes the directory, not the pixels."""
    planes = np.ascontiguousarray(_all_planes(photo))
    height, width, channels = planes.shape
    floating = planes.dtype == np.float32
    pixels = planes.astype("<f4" if floating else "<u2").tobytes()
    directory = _directory(metadata)
    bits = 32 if floating else 16
    directory[256], directory[257] = width, height
    directory[258] = (bits,) * channels
    directory[259] = 1
    directory[262] = 2 if photo.samples.shape[2] == 3 else 1
    directory[273], directory[278], directory[279] = 0, height, len(pixels)
    directory[277], directory[284] = channels, 1
    directory[339] = (3 if floating else 1,) * channels
    if photo.alpha is not None:
        directory[338] = 2
    with io.BytesIO() as stream:
        directory.save(stream)
        stream.write(pixels)
        return stream.getvalue()


def _directory(metadata: Metadata) -> TiffImagePlugin.ImageFileDirectory_v2:
    """Return the TIFF tags of the metadata.

    Passed as ``exif=``, Pillow would lose the EXIF and GPS directories or the XMP.
    """
    directory = TiffImagePlugin.ImageFileDirectory_v2()
    if metadata.exif is not None:
        exif = Image.Exif()
        exif.load(metadata.exif)
        for tag, value in exif.items():
            directory[tag] = exif.get_ifd(tag) if tag in (EXIF_IFD, GPS_IFD) else value
    if metadata.icc_profile is not None:
        directory.tagtype[34675] = 7
        directory[34675] = metadata.icc_profile
    if metadata.xmp is not None:
        directory.tagtype[700] = 1
        directory[700] = metadata.xmp
    return directory
