"""TIFF where Pillow falls short: deep samples are read whole, and all files are written here.

Pillow reads RGB of 16 bits as 8, and its writer (libtiff) fails on nested EXIF directories.
"""

from __future__ import annotations

import io
import zlib
from typing import Any

import numpy as np
from PIL import Image, TiffImagePlugin

from unblur.color import quantise
from unblur.errors import MissingExtra, UnreadableImage, UnsupportedImage
from unblur.io.metadata import EXIF_IFD, GPS_IFD, loaded
from unblur.io.photo import Metadata, Photo, Samples
from unblur.io.tiff_bounds import check_segments

_BITS, _PHOTOMETRIC = 258, 262
_RAW, _DEFLATE = 1, 8
_ASSOCIATED, _UNASSOCIATED = 1, 2
_HORIZONTAL = 2


def needs_tifffile(image: Image.Image) -> bool:
    """Return whether Pillow would lose depth of an opened TIFF file."""
    tags: Any = image.tag_v2  # type: ignore[attr-defined]
    bits = tags.get(_BITS, (1,))
    bits = bits if isinstance(bits, tuple) else (bits,)
    if max(bits) <= 8:
        return False
    plain_grey = image.mode == "F" or (image.mode in ("I;16", "I;16B") and bits == (16,))
    return not (plain_grey and tags.get(_PHOTOMETRIC) == 1)


def read_deep_tiff(data: bytes, name: str, limit: int) -> tuple[Samples, tuple[str, ...]]:
    """Return the samples of the first page, (H, W) or (H, W, C), and notes.

    Raises:
        MissingExtra: tifffile is not installed.
        UnsupportedImage: neither grey nor RGB, too many channels, or an unknown compression.
    """
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
        if page.samplesperpixel > 4 or page.imagedepth != 1 or page.size > 4 * limit:
            raise UnsupportedImage(
                f"{name} has {page.samplesperpixel} channels, at most 4 are read; "
                "save it as grey or RGB"
            )
        check_segments(page, lambda at, length: data[at : at + length], name)
        values = _pixels(page, name)
        if page.planarconfig == 2 and values.ndim == 3:
            values = np.moveaxis(values, 0, 2)
        if _ASSOCIATED in page.extrasamples and values.ndim == 3:
            return _straight(values), ("premultiplied transparency made straight",)
    return values, ()


def _pixels(page: Any, name: str) -> Samples:
    try:
        values: Samples = np.asarray(page.asarray())
    except ValueError as error:
        if "imagecodecs" not in str(error):
            raise UnreadableImage(f"cannot decode {name}: {error}") from error
        raise UnsupportedImage(
            f"{name} uses a TIFF compression that is not read; save it with ZIP or none"
        ) from error
    return values


def _straight(values: Samples) -> Samples:
    """Undo the multiplication of the colours by alpha, the last channel."""
    top = 1.0 if np.issubdtype(values.dtype, np.floating) else float(np.iinfo(values.dtype).max)
    share = values[..., -1:].astype(np.float32) / np.float32(top)
    colours = values[..., :-1] / np.float32(top) / np.maximum(share, np.float32(1e-6))
    straight = quantise(np.clip(colours, 0, 1).astype(np.float32), values.dtype)
    return np.concatenate([straight, values[..., -1:]], axis=2)


def encode_tiff(photo: Photo, metadata: Metadata, *, compressed: bool) -> bytes:
    """Return a TIFF file of a photo in its own depth.

    Args:
        photo: 8 or 16 bits, or float32.
        metadata: EXIF, profile, XMP and resolution to store.
        compressed: with deflate (ZIP), which loses nothing; otherwise plain.
    """
    planes = photo.planes()
    height, width, channels = planes.shape
    floating = planes.dtype == np.float32
    predicted = compressed and not floating
    pixels = _packed(planes, compressed=compressed)
    directory = _directory(metadata)
    directory[256], directory[257] = width, height
    directory[_BITS] = (8 * planes.dtype.itemsize,) * channels
    directory[259] = _DEFLATE if compressed else _RAW
    directory[_PHOTOMETRIC] = 2 if photo.channels == 3 else 1
    directory[273], directory[278], directory[279] = 0, height, len(pixels)
    directory[277], directory[284] = channels, 1
    if predicted:
        directory[317] = _HORIZONTAL
    directory[339] = (3 if floating else 1,) * channels
    if photo.alpha is not None:
        directory[338] = _UNASSOCIATED
    with io.BytesIO() as stream:
        directory.save(stream)
        stream.write(pixels)
        return stream.getvalue()


def _packed(planes: Samples, *, compressed: bool) -> bytes:
    """Return the pixels as little-endian bytes; if compressed, as differences along the rows."""
    if compressed and planes.dtype != np.float32:
        before = np.zeros_like(planes)
        before[:, 1:] = planes[:, :-1]
        planes = planes - before  # wraps round, as the format wants
    plain = planes.astype(planes.dtype.newbyteorder("<"), copy=False).tobytes()
    return zlib.compress(plain, 6) if compressed else plain


def _directory(metadata: Metadata) -> TiffImagePlugin.ImageFileDirectory_v2:
    """Return the TIFF tags of the metadata."""
    directory = TiffImagePlugin.ImageFileDirectory_v2()
    if metadata.exif is not None:
        exif = loaded(metadata.exif)
        for tag, value in exif.items():
            directory[tag] = value
        for tag in (EXIF_IFD, GPS_IFD):
            if exif.get_ifd(tag):
                directory[tag] = exif.get_ifd(tag)
    if metadata.dpi is not None and 282 not in directory:
        directory[282], directory[283] = metadata.dpi
        directory[296] = 2  # per inch
    if metadata.icc_profile is not None:
        directory.tagtype[34675] = 7
        directory[34675] = metadata.icc_profile
    if metadata.xmp is not None:
        directory.tagtype[700] = 1
        directory[700] = metadata.xmp
    return directory
