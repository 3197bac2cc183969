"""TIFF files written: one page or many, in the photo's own depth.

Pillow's writer (libtiff) knows no RGB of 16 bits and fails on nested EXIF directories.
"""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import TiffImagePlugin

from unblur.io.metadata import EXIF_IFD, GPS_IFD, loaded
from unblur.io.photo import Metadata, Photo, Samples

_BITS, _PHOTOMETRIC = 258, 262
_RAW, _DEFLATE = 1, 8
_UNASSOCIATED = 2
_HORIZONTAL = 2


class TiffPages:
    """A TIFF file in the making, page after page."""

    def __init__(self) -> None:
        self._stream = io.BytesIO()
        self._link = 4

    def add(self, photo: Photo, metadata: Metadata, *, compressed: bool) -> None:
        """Add a page in the photo's own depth.

        Args:
            photo: 8 or 16 bits, or float32.
            metadata: EXIF, profile, XMP and resolution to store.
            compressed: with deflate (ZIP), which loses nothing; otherwise plain.

        Raises:
            struct.error: the file would become longer than TIFF can be, 4 GB.
        """
        planes = photo.planes()
        height, width, channels = planes.shape
        floating = planes.dtype == np.float32
        pixels = _packed(planes, compressed=compressed)
        directory = _directory(metadata)
        directory[256], directory[257] = width, height
        directory[_BITS] = (8 * planes.dtype.itemsize,) * channels
        directory[259] = _DEFLATE if compressed else _RAW
        directory[_PHOTOMETRIC] = 2 if photo.channels == 3 else 1
        directory[273], directory[278], directory[279] = 0, height, len(pixels)
        directory[277], directory[284] = channels, 1
        if compressed and not floating:
            directory[317] = _HORIZONTAL
        directory[339] = (3 if floating else 1,) * channels
        if photo.alpha is not None:
            directory[338] = _UNASSOCIATED
        self._append(directory, pixels)

    def _append(self, directory: TiffImagePlugin.ImageFileDirectory_v2, pixels: bytes) -> None:
        stream = self._stream
        start = stream.seek(0, io.SEEK_END)
        if start:  # the directory before this one tells where it is; it begins at an even byte
            stream.write(bytes(start % 2))
            start += start % 2
            stream.seek(self._link)
            stream.write(struct.pack("<I", start))
            stream.seek(start)
        directory.save(stream)
        self._link = (start or 8) + 2 + 12 * len(directory)
        stream.write(pixels)

    def to_bytes(self) -> bytes:
        """Return the file."""
        return self._stream.getvalue()


def encode_tiff(photo: Photo, metadata: Metadata, *, compressed: bool) -> bytes:
    """Return a TIFF file of one page; see :meth:`TiffPages.add`."""
    pages = TiffPages()
    pages.add(photo, metadata, compressed=compressed)
    return pages.to_bytes()


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
