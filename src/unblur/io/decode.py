"""Files in all formats -> :class:`Photo`. What a file is, its content decides, not its name."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, JpegImagePlugin, UnidentifiedImageError

from unblur.errors import (
    BadValue,
    ImageTooLarge,
    UnblurError,
    UnreadableImage,
    UnsupportedImage,
)
from unblur.files import drained, read_file
from unblur.io import png16
from unblur.io.extras import check_heif, deep_heif, read_raw, register_heif
from unblur.io.formats import avif_bits, is_heif, is_lossless_webp, is_raw, name_note
from unblur.io.limits import HARD_LIMIT, MAX_PIXELS, check_size
from unblur.io.metadata import exif_metadata, oriented, read_metadata
from unblur.io.photo import Encoding, Metadata, Photo, Samples, checked_float
from unblur.io.profiles import to_srgb
from unblur.io.tiff import needs_tifffile, read_deep_tiff
from unblur.io.tiff_bounds import check_tiff
from unblur.opening import HEIF, PHOTO_FORMATS, check_opened, open_image

_LEAST_BYTES, _PIXEL_BYTES = 256_000_000, 16
"""A file may have as many bytes as its pixels could take in the widest form (RGBA, 32 bits), and
RAW and metadata any sensible number; longer ones are not read."""


def read_photo(
    source: str | Path | bytes | BinaryIO, *, max_pixels: int = MAX_PIXELS, name: str | None = None
) -> Photo:
    """Read a photo.

    JPEG, PNG, WebP, TIFF, BMP, AVIF; HEIC with the extra ``heif``, camera RAW with ``raw``,
    deep TIFF with ``tiff``. The depth is kept: 16-bit files give uint16, float TIFF float32.
    The EXIF orientation is applied. Palettes become RGB, CMYK is converted through its
    profile; such changes are in the notes.

    Args:
        source: a path, the bytes of a file, or an opened binary file.
        max_pixels: larger photos are refused before decoding.
        name: what messages call the photo, where the source does not tell; its extension counts.

    Raises:
        UnreadableImage: missing, empty, truncated, damaged or not an image.
        UnsupportedImage: an image of a kind that is not handled.
        ImageTooLarge: more pixels than allowed.
        BadValue: a float image with NaN or values outside [0, 1].
        MissingExtra: the format needs an optional package.
    """
    data, known_as = _load(source, name, max(_LEAST_BYTES, _PIXEL_BYTES * max_pixels))
    origin = source if isinstance(source, str | Path) else name or ""
    suffix = Path(origin).suffix
    photo = _guarded(lambda: _read(data, known_as, min(max_pixels, HARD_LIMIT), suffix), known_as)
    return replace(photo, notes=(*name_note(suffix, photo.encoding.format), *photo.notes))


def _guarded(decode: Callable[[], Photo], name: str) -> Photo:
    """Run a decoder; what it raises becomes an error of ours, in one line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return decode()
    except UnblurError:
        raise
    except (Image.DecompressionBombError, MemoryError) as error:
        reason = str(error) or "not enough memory"
        raise ImageTooLarge(f"{name} is too large to decode: {reason}") from error
    except Exception as error:  # decoders raise anything on damaged files
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UnreadableImage(f"cannot decode {name}: {reason}") from error


def from_pillow(image: Image.Image) -> Photo:
    """Return a Pillow image as a photo; see :func:`read_photo`."""

    def convert() -> Photo:
        check_opened(image)
        mode = image.mode
        image.load()
        metadata, orientation = read_metadata(image)
        samples, alpha, metadata, notes = _samples_of(image, metadata)
        file_format = "JPEG" if image.format == "MPO" else image.format or "PNG"
        encoding = Encoding(file_format, _options_of(image), _bits(samples), mode)
        return _turned(samples, alpha, metadata, orientation, encoding, notes)

    return _guarded(convert, "the Pillow image")


def _load(
    source: str | Path | bytes | BinaryIO, called: str | None, max_bytes: int
) -> tuple[bytes, str]:
    if isinstance(source, bytes):
        data, name = source, _in_one_line(called) if called else "the data"
    else:
        told = source if isinstance(source, str | Path) else getattr(source, "name", "the stream")
        name = _in_one_line(str(told))
        data = _bytes_of(source, name, max_bytes)
    if not data:
        raise UnreadableImage(f"{name} is empty (0 bytes)")
    return data, name


def _bytes_of(source: str | Path | BinaryIO, name: str, max_bytes: int) -> bytes:
    try:
        if not isinstance(source, str | Path):
            return drained(source, name, max_bytes=max_bytes)
        if Path(source).is_dir():
            raise UnreadableImage(f"{name} is a folder, a photo is expected")
        return read_file(Path(source), max_bytes=max_bytes)
    except FileNotFoundError:
        raise UnreadableImage(f"{name} does not exist; check the name") from None
    except BadValue as error:
        raise UnreadableImage(f"cannot read {name}: {error}") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UnreadableImage(f"cannot read {name}: {reason}") from error


def _in_one_line(name: str) -> str:
    return name if name.isprintable() else repr(name)


def _read(data: bytes, name: str, limit: int, suffix: str) -> Photo:
    check_tiff(data, name)
    if is_raw(data, suffix):
        return read_raw(data, name, limit)
    formats: tuple[str, ...] = PHOTO_FORMATS
    if is_heif(data):
        register_heif(name)
        check_heif(data, name)
        formats = (HEIF,)
    deep_png = False
    if data.startswith(png16.SIGNATURE):
        bits, height, width = png16.depth_and_size(data)
        check_size(height * width, name, limit)
        deep_png = bits == 16
    try:
        image = open_image(data, formats)
    except UnidentifiedImageError:
        if data[:4] in (b"II*\0", b"MM\0*"):
            return _read_foreign_tiff(data, name, limit)
        raise UnreadableImage(
            f"{name} is not an image of a known format (or is damaged at its start)"
        ) from None
    with image:
        check_size(image.width * image.height, name, limit)
        if image.format == "GIF" and getattr(image, "is_animated", False):
            raise UnsupportedImage(f"{name} is an animated GIF; extract its frames first")
        deep: Samples | None = None
        notes: tuple[str, ...] = ()
        if deep_png:
            deep = png16.decode_png16(data)
        elif image.format == "TIFF" and needs_tifffile(image):
            deep, notes = read_deep_tiff(data, name, limit)
        elif image.format == "HEIF":
            deep, notes = deep_heif(image, data)
        return _photo_of(image, data, deep, notes)


def _photo_of(
    image: Image.Image, data: bytes, deep: Samples | None, notes: tuple[str, ...]
) -> Photo:
    """Put a photo together from an opened image and, if Pillow would lose depth, its samples."""
    mode = image.mode
    if image.format == "PNG":
        image.load()  # metadata may follow the pixels
    metadata, orientation = read_metadata(image)
    if deep is None:
        if image.format == "TIFF":
            orientation = 1  # Pillow turns TIFF pixels itself while it loads them
        samples, alpha, metadata, more = _samples_of(image, metadata)
    else:
        photo = Photo.from_array(deep)
        samples, alpha, more = photo.samples, photo.alpha, photo.notes
    file_format = "JPEG" if image.format == "MPO" else image.format or "PNG"
    options = _options_of(image)
    if file_format == "WEBP":
        options = {"lossless": is_lossless_webp(data)}
    encoding = Encoding(file_format, options, _bits(samples), mode)
    notes = (*notes, *more, *_losses(image, data))
    return _turned(samples, alpha, metadata, orientation, encoding, notes)


def _bits(samples: Samples) -> int:
    return 8 * int(samples.dtype.itemsize)


def _losses(image: Image.Image, data: bytes) -> tuple[str, ...]:
    """What of the file does not reach the photo, in words."""
    frames = getattr(image, "n_frames", 1)
    notes = (f"only the first of {frames} frames was taken",) if frames > 1 else ()
    if image.format == "AVIF" and avif_bits(data) > 8:
        notes = (*notes, f"{avif_bits(data)}-bit samples were cut to 8 bits")
    if image.format == "HEIF":
        notes = (*notes, "HEIC is read only; the result is another format, JPEG by default")
    return notes


def _turned(
    samples: Samples,
    alpha: Samples | None,
    metadata: Metadata,
    orientation: int,
    encoding: Encoding,
    notes: tuple[str, ...],
) -> Photo:
    return Photo(
        oriented(samples, orientation),
        None if alpha is None else oriented(alpha, orientation),
        metadata,
        encoding,
        notes,
    )


def _samples_of(
    image: Image.Image, metadata: Metadata
) -> tuple[Samples, Samples | None, Metadata, tuple[str, ...]]:
    """Return (samples, alpha, metadata, notes) of a Pillow image of any mode."""
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
            metadata = replace(metadata, icc_profile=None)
    planes = np.asarray(image)
    planes = planes[..., None] if planes.ndim == 2 else planes
    colours = 1 if planes.shape[2] <= 2 else 3
    alpha = planes[..., colours].copy() if planes.shape[2] > colours else None
    return np.ascontiguousarray(planes[..., :colours]), alpha, metadata, notes


def _from_integers(values: Samples) -> Samples:
    if values.dtype != np.uint16 and (values.min() < 0 or values.max() > 65535):
        raise UnsupportedImage("a grey image with more than 16 bits is not handled")
    return values.astype(np.uint16)[..., None]


def _from_cmyk(image: Image.Image, metadata: Metadata) -> tuple[Image.Image, Metadata, str]:
    """Convert CMYK to sRGB through the embedded profile, or plainly if there is none."""
    plain = replace(metadata, icc_profile=None)
    converted = to_srgb(image, metadata.icc_profile)
    if converted is not None:
        return converted, plain, "CMYK converted to sRGB through its profile"
    return image.convert("RGB"), plain, "CMYK without a usable profile converted plainly to RGB"


def _options_of(image: Image.Image) -> dict[str, Any]:
    """What the writer needs to store a photo in the same quality class."""
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


def _read_foreign_tiff(data: bytes, name: str, limit: int) -> Photo:
    """Read a TIFF of a mode that Pillow does not know, as RGB in floating point."""
    tags = Image.Exif()
    tags.load(b"Exif\0\0" + data)
    check_size(int(tags.get(256, 0)) * int(tags.get(257, 0)), name, limit)
    values, notes = read_deep_tiff(data, name, limit)
    photo = Photo.from_array(values)
    profile, xmp = tags.get(34675), tags.get(700)
    metadata, orientation = exif_metadata(tags, profile, xmp)
    encoding = Encoding("TIFF", {"compression": "raw"}, _bits(photo.samples), photo.encoding.mode)
    notes = (*notes, *photo.notes)
    return _turned(photo.samples, photo.alpha, metadata, orientation, encoding, notes)
