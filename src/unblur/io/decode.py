"""Files in all formats -> :class:`Photo`. What a file is, its content decides, not its name."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, ImageCms, JpegImagePlugin, UnidentifiedImageError

from unblur.errors import (
    ImageTooLarge,
    MissingExtra,
    UnblurError,
    UnreadableImage,
    UnsupportedImage,
)
from unblur.io import png16
from unblur.io.metadata import exif_metadata, oriented, read_metadata
from unblur.io.photo import Encoding, Metadata, Photo, Samples, checked_float

MAX_PIXELS = 96_000_000
"""Default limit of a photo's size; larger ones are refused before they are decoded."""

HARD_LIMIT = 178_000_000
"""Pillow refuses anything larger, whatever limit is asked for."""

RAW_SUFFIXES = frozenset(
    {".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".rw2", ".pef", ".srw"}
)

_HEIF_BRANDS = (b"heic", b"heix", b"mif1", b"msf1", b"hevc", b"heim")
_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "JPEG2000", "PPM")


def read_photo(source: str | Path | bytes | BinaryIO, *, max_pixels: int = MAX_PIXELS) -> Photo:
    """Read a photo.

    JPEG, PNG, WebP, TIFF, BMP, AVIF; HEIC with the extra ``heif``, camera RAW with ``raw``,
    deep TIFF with ``tiff``. The depth is kept: 16-bit files give uint16, float TIFF float32.
    The EXIF orientation is applied. Palettes become RGB, CMYK is converted through its
    profile; such changes are in the notes.

    Args:
        source: a path, the bytes of a file, or an opened binary file.
        max_pixels: larger photos are refused before decoding.

    Raises:
        UnreadableImage: missing, empty, truncated, damaged or not an image.
        UnsupportedImage: an image of a kind that is not handled.
        ImageTooLarge: more pixels than allowed.
        BadValue: a float image with NaN or values outside [0, 1].
        MissingExtra: the format needs an optional package.
    """
    data, name = _load(source)
    limit = min(max_pixels, HARD_LIMIT)
    if isinstance(source, str | Path) and Path(source).suffix.lower() in RAW_SUFFIXES:
        return _read_raw(data, name, limit)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _read(data, name, limit)
    except UnblurError:
        raise
    except (Image.DecompressionBombError, MemoryError) as error:
        raise ImageTooLarge(f"{name} is too large to decode: {error}") from error
    except Exception as error:  # decoders raise anything on damaged files
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UnreadableImage(f"cannot decode {name}: {reason}") from error


def from_pillow(image: Image.Image) -> Photo:
    """Return a Pillow image as a photo; see :func:`read_photo`."""
    image.load()
    metadata, orientation = read_metadata(image)
    samples, alpha, metadata, notes = _samples_of(image, metadata)
    encoding = Encoding(image.format or "PNG", _options_of(image))
    return _turned(samples, alpha, metadata, orientation, encoding, notes)


def _load(source: str | Path | bytes | BinaryIO) -> tuple[bytes, str]:
    if isinstance(source, bytes):
        data, name = source, "the data"
    elif isinstance(source, str | Path):
        path, name = Path(source), str(source)
        if path.is_dir():
            raise UnreadableImage(f"{path} is a folder, a photo is expected")
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise UnreadableImage(f"{path} does not exist; check the name") from None
        except (OSError, ValueError) as error:
            raise UnreadableImage(f"cannot read {path}: {error}") from error
    else:
        data, name = source.read(), str(getattr(source, "name", "the stream"))
    if not data:
        raise UnreadableImage(f"{name} is empty (0 bytes)")
    return data, name


def _read(data: bytes, name: str, limit: int) -> Photo:
    formats: tuple[str, ...] | None = _FORMATS
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS:
        _register_heif(name)
        formats = None
    deep_png = False
    if data.startswith(png16.SIGNATURE):
        bits, height, width = png16.depth_and_size(data)
        _check_size(height * width, name, limit)
        deep_png = bits == 16
    try:
        image = Image.open(io.BytesIO(data), formats=formats)
    except UnidentifiedImageError:
        if data[:4] in (b"II*\0", b"MM\0*"):
            return _read_foreign_tiff(data, name, limit)
        raise UnreadableImage(
            f"{name} is not an image of a known format (or is damaged at its start)"
        ) from None
    with image:
        _check_size(image.width * image.height, name, limit)
        if image.format == "GIF" and getattr(image, "is_animated", False):
            raise UnsupportedImage(f"{name} is an animated GIF; extract its frames first")
        deep = png16.decode_png16(data) if deep_png else None
        if image.format == "TIFF" and _is_deep_tiff(image):
            deep = _read_deep_tiff(data, name)
        return _photo_of(image, data, deep)


def _photo_of(image: Image.Image, data: bytes, deep: Samples | None) -> Photo:
    """Put a photo together from an opened image and, if Pillow would lose depth, its samples."""
    metadata, orientation = read_metadata(image)
    if deep is None:
        if image.format == "TIFF":
            orientation = 1  # Pillow turns TIFF pixels itself while it loads them
        samples, alpha, metadata, notes = _samples_of(image, metadata)
    else:
        photo = Photo.from_array(deep)
        samples, alpha, notes = photo.samples, photo.alpha, photo.notes
    frames = getattr(image, "n_frames", 1)
    if image.format != "MPO" and frames > 1:
        notes = (*notes, f"only the first of {frames} frames was taken")
    file_format = "JPEG" if image.format == "MPO" else image.format or "PNG"
    encoding = Encoding(file_format, _options_of(image) | _webp_options(data))
    return _turned(samples, alpha, metadata, orientation, encoding, notes)


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
        image, notes = image.convert("L"), ("1-bit image expanded to grey",)
    elif "transparency" in image.info and mode in ("L", "RGB"):
        image = image.convert("RGBA" if mode == "RGB" else "LA")
    elif mode not in ("L", "LA", "RGB", "RGBA"):
        image, notes = image.convert("RGB"), (f"{mode} converted to RGB",)
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
    plain = Metadata(metadata.exif, None, metadata.xmp)
    if metadata.icc_profile is not None:
        try:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(metadata.icc_profile))
            srgb = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, profile, srgb, outputMode="RGB")
            if converted is not None:
                return converted, plain, "CMYK converted to sRGB through its profile"
        except (ImageCms.PyCMSError, OSError):
            pass  # a broken profile: the plain conversion below, which the note tells
    return image.convert("RGB"), plain, "CMYK without a usable profile converted plainly to RGB"


def _options_of(image: Image.Image) -> dict[str, Any]:
    """What the writer needs to store a photo in the same quality class."""
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        options: dict[str, Any] = {"qtables": dict(image.quantization)}
        subsampling = JpegImagePlugin.get_sampling(image)
        if subsampling >= 0:
            options["subsampling"] = subsampling
        if image.info.get("progressive"):
            options["progressive"] = True
        return options
    if image.format == "TIFF":
        return {"compression": image.info.get("compression", "raw")}
    return {}


def _webp_options(data: bytes) -> dict[str, Any]:
    if data[8:12] == b"WEBP":
        return {"lossless": b"VP8L" in data[12:64]}
    return {}


def _check_size(pixels: int, name: str, limit: int) -> None:
    if pixels > limit:
        more = (
            f"allow more with --max-megapixels (at most {HARD_LIMIT // 10**6})"
            if limit < HARD_LIMIT
            else "no larger photo can be read"
        )
        raise ImageTooLarge(
            f"{name} has {pixels / 1e6:.0f} megapixels, the limit is {limit / 1e6:.0f}; {more}"
        )


def _is_deep_tiff(image: Image.Image) -> bool:
    bits = image.tag_v2.get(258, (1,))  # type: ignore[attr-defined]
    bits = bits if isinstance(bits, tuple) else (bits,)
    return bool(max(bits) > 8)


def _read_deep_tiff(data: bytes, name: str) -> Samples:
    try:
        import tifffile
    except ImportError as error:
        raise MissingExtra("tifffile", "tiff", "reading TIFF with more than 8 bits") from error
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page: Any = file.pages[0]
        if page.photometric.name not in ("MINISBLACK", "RGB"):
            raise UnsupportedImage(
                f"{name} is a deep TIFF of kind {page.photometric.name}; convert it to RGB"
            )
        try:
            values: Samples = np.asarray(page.asarray())
        except ValueError as error:
            if "imagecodecs" not in str(error):
                raise
            raise UnsupportedImage(
                f"{name} uses a TIFF compression that is not read; save it with ZIP or none"
            ) from error
        if page.planarconfig == 2 and values.ndim == 3:
            values = np.moveaxis(values, 0, 2)
    return values


def _read_foreign_tiff(data: bytes, name: str, limit: int) -> Photo:
    """Read a TIFF of a mode that Pillow does not know, as RGB in floating point."""
    tags = Image.Exif()
    tags.load(b"Exif\0\0" + data)
    _check_size(int(tags.get(256, 0)) * int(tags.get(257, 0)), name, limit)
    photo = Photo.from_array(_read_deep_tiff(data, name))
    profile, xmp = tags.get(34675), tags.get(700)
    metadata, orientation = exif_metadata(tags, profile, xmp)
    encoding = Encoding("TIFF", {"compression": "raw"})
    return _turned(photo.samples, photo.alpha, metadata, orientation, encoding, photo.notes)


def _register_heif(name: str) -> None:
    try:
        import pi_heif
    except ImportError as error:
        raise MissingExtra("pi-heif", "heif", f"reading {name}, a HEIC photo,") from error
    pi_heif.register_heif_opener()


def _read_raw(data: bytes, name: str, limit: int) -> Photo:
    try:
        import rawpy
    except ImportError as error:
        raise MissingExtra("rawpy", "raw", f"reading {name}, a camera RAW file,") from error
    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            _check_size(raw.sizes.width * raw.sizes.height, name, limit)
            samples = raw.postprocess(output_bps=16, use_camera_wb=True, no_auto_bright=True)
    except rawpy.LibRawError as error:
        reason = error.args[0] if error.args else error
        text = reason.decode() if isinstance(reason, bytes) else str(reason)
        raise UnreadableImage(f"cannot decode the camera RAW file {name}: {text}") from error
    metadata = Metadata()
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(data)) as image:
            warnings.simplefilter("ignore")
            metadata, _ = read_metadata(image)  # LibRaw has turned the pixels already
    except Exception:  # metadata of RAW files is a bonus; many are no TIFF
        metadata = Metadata()
    return Photo(
        np.ascontiguousarray(samples),
        metadata=Metadata(metadata.exif, None, metadata.xmp),
        encoding=Encoding("RAW"),
        notes=("developed from camera RAW with the camera's white balance",),
    )
