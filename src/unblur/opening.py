"""The one place where Pillow opens a file: only formats that are decoded inside of this process.

Pillow knows some fifty formats and tries them all, whatever a file is called. Some of its plugins
start a program on the file (EPS: Ghostscript), and most are hardly ever tested on hostile files.
"""

from __future__ import annotations

import io
import logging
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from unblur.errors import BadValue, UnblurError, UnreadableImage, UnsupportedImage
from unblur.files import check_regular, read_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from PIL import Image

for _library in ("PIL", "tifffile"):
    # What they find wrong with a file, our errors tell. Without any handler, Python would print
    # their warnings between our lines; programs that set up logging still get them.
    logging.getLogger(_library).addHandler(logging.NullHandler())

PHOTO_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "JPEG2000", "PPM")
"""Pillow's names of what may be opened; all of them are decoded by libraries in this process."""

HEIF = "HEIF"
"""Known to Pillow only once pi-heif is registered; asked for by name (:mod:`unblur.io`)."""

PSF_FORMATS = ("PNG", "TIFF", "BMP", "JPEG")
"""What a PSF may be drawn in."""

_MOST_BYTES = 1_000_000_000
"""Longer files are not read; a photo of the largest number of pixels is shorter."""

_MOST_SCANS, _MOST_SEGMENTS = 100, 100_000
"""Of a JPEG file. Progressive ones have some ten scans; each goes through all of the picture, so
that a file of a few kilobytes could take hours."""

_NEXT_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")

_ALLOWED = frozenset({*PHOTO_FORMATS, HEIF})
_OURS = frozenset({*PHOTO_FORMATS, HEIF, "MPO", "DIB"})
"""Formats of images that :func:`open_image` may return: MPO is what Pillow calls some JPEGs."""


def open_image(
    source: Path | bytes | BinaryIO, formats: Sequence[str] = PHOTO_FORMATS
) -> Image.Image:
    """Open an image; its header is read, its pixels are not decoded yet.

    Args:
        source: a path, the bytes of a file, or an opened binary file.
        formats: Pillow's names of those that may be; some of :data:`PHOTO_FORMATS` and
            :data:`HEIF`.

    Raises:
        ValueError: a format that is not in the list of those allowed here.
        PIL.UnidentifiedImageError, OSError, and what else Pillow raises on damaged files; those
        who call for users want :func:`opened`.
    """
    from PIL import Image

    refused = sorted(set(formats) - _ALLOWED)
    if refused or not formats:
        raise ValueError(f"formats must be some of {sorted(_ALLOWED)}, got {list(formats)}")
    if isinstance(source, Path):
        source = _content(source)
    if isinstance(source, bytes):
        _check_scans(source)
    stream: Any = io.BytesIO(source) if isinstance(source, bytes) else source
    return Image.open(stream, formats=tuple(formats))


def _content(path: Path) -> bytes:
    """Return a file's bytes: a stream would allocate what the file claims that it holds."""
    check_regular(path, UnreadableImage)
    try:
        return read_file(path, max_bytes=_MOST_BYTES)
    except BadValue as error:
        raise UnreadableImage(str(error)) from error


def _check_scans(data: bytes) -> None:
    """Raise if a JPEG file goes through its picture more often than any program writes.

    Raises:
        UnreadableImage: it has too many scans, or too many segments.
    """
    at, scans = 2, 0
    for _ in range(_MOST_SEGMENTS if data.startswith(b"\xff\xd8") else 0):
        marker = _NEXT_MARKER.search(data, at)
        if marker is None or marker[0] == b"\xff\xd9":  # the end; pictures behind it are others
            return
        scans += marker[0] == b"\xff\xda"
        if scans > _MOST_SCANS:
            raise UnreadableImage(
                f"a JPEG file of more than {_MOST_SCANS} scans is not read: it would take for ever"
            )
        at = marker.end()
        at += int.from_bytes(data[at : at + 2], "big")
    if data.startswith(b"\xff\xd8"):
        raise UnreadableImage(f"a JPEG file of more than {_MOST_SEGMENTS} segments is not read")


@contextmanager
def opened(path: Path, formats: Sequence[str] = PHOTO_FORMATS) -> Iterator[Image.Image]:
    """Open an image file for a ``with`` block, whose errors become ours too, whatever they are.

    Raises:
        UnreadableImage: missing, damaged, or of a format that is not read.
    """
    from PIL import UnidentifiedImageError

    try:
        with open_image(path, formats) as image:
            yield image
    except UnblurError:
        raise
    except UnidentifiedImageError as error:
        raise UnreadableImage(
            f"{path} is not an image of a known format ({', '.join(formats)}), or is damaged"
        ) from error
    except Exception as error:  # decoders raise anything on damaged files
        raise UnreadableImage(
            f"cannot read {path}: {str(error) or type(error).__name__}"
        ) from error


def check_opened(image: Image.Image) -> None:
    """Raise unless decoding an image that a caller has opened himself starts no program.

    Raises:
        UnsupportedImage: it was opened from a file of a format that is not read here.
    """
    if image.format is not None and image.format not in _OURS:
        raise UnsupportedImage(
            f"images of the format {image.format} are not decoded; convert it to PNG first"
        )
