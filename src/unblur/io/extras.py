"""Formats that need an optional package: HEIC (pi-heif) and camera RAW (rawpy)."""

from __future__ import annotations

import io
import re
import warnings

import numpy as np
from PIL import Image

from unblur.color import SRGB_EXPONENT, SRGB_SLOPE
from unblur.errors import MissingExtra, UnreadableImage
from unblur.io.color_tags import ColorTags
from unblur.io.limits import check_size
from unblur.io.metadata import read_metadata
from unblur.io.photo import Encoding, Metadata, Photo, Samples
from unblur.opening import open_image
from unblur.tone import SRGB, Tone

_SRGB_GAMMA = (SRGB_EXPONENT, SRGB_SLOPE)
"""Exponent and slope at black of sRGB's curve, as LibRaw takes them; by itself it would use that
of Rec. 709."""

_DEVELOPED = ColorTags(srgb_intent=0, source="developed as sRGB")


def register_heif(name: str) -> None:
    """Let Pillow open HEIC photos.

    Raises:
        MissingExtra: pi-heif is not installed.
    """
    try:
        import pi_heif
    except ImportError as error:
        raise MissingExtra("pi-heif", "heif", f"reading {name}, a HEIC photo,") from error
    pi_heif.register_heif_opener()


def check_heif(data: bytes, name: str) -> None:
    """Raise UnreadableImage where a damaged HEIC file would take the whole process down.

    pi-heif crashes, past any ``except``, if the type of an item (``infe``) is no text.
    """
    for match in _ITEM.finditer(data):
        width = 4 if match[1] == b"\3" else 2  # bytes of the item's number
        kind, _, rest = data[match.end() + width + 2 :][:1024].partition(b"\0")
        texts = [kind[:4], rest.partition(b"\0")[0]] if kind[:4] == b"mime" else [kind[:4]]
        if not all(text.isascii() for text in texts):
            raise UnreadableImage(f"cannot decode {name}: the table of its items is damaged")


_ITEM = re.compile(rb"\0\0[\0-\x0f][\0-\xff]infe([\2\3])[\0-\xff]{3}")


def deep_heif(image: Image.Image, data: bytes) -> tuple[Samples | None, tuple[str, ...]]:
    """Return the samples of a HEIC photo of more than 8 bits, spread over 16, or None."""
    import pi_heif

    bits = int(image.info.get("bit_depth", 8))
    if bits <= 8:
        return None, ()
    file = pi_heif.open_heif(data, convert_hdr_to_8bit=False)
    values: Samples = np.asarray(file)
    if values.dtype != np.uint16 or values.shape[:2] != (image.height, image.width):
        return None, (f"{bits}-bit samples were cut to 8 bits",)
    # They lie in the upper bits; repeating them below makes white 65535 again.
    return values | values >> bits, ()


def read_raw(data: bytes, name: str, limit: int) -> Photo:
    """Develop a camera RAW file to 16 bits; its orientation is applied.

    Raises:
        MissingExtra: rawpy is not installed.
        UnreadableImage: damaged, or of a camera that LibRaw does not know.
    """
    try:
        import rawpy
    except ImportError as error:
        raise MissingExtra("rawpy", "raw", f"reading {name}, a camera RAW file,") from error
    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            check_size(raw.sizes.width * raw.sizes.height, name, limit)
            samples = raw.postprocess(
                output_bps=16, use_camera_wb=True, no_auto_bright=True, gamma=_SRGB_GAMMA
            )
    except rawpy.LibRawError as error:
        reason = error.args[0] if error.args else error
        text = reason.decode() if isinstance(reason, bytes) else str(reason)
        raise UnreadableImage(f"cannot decode the camera RAW file {name}: {text}") from error
    metadata = Metadata()
    try:
        with warnings.catch_warnings(), open_image(data, ("TIFF", "JPEG")) as image:
            warnings.simplefilter("ignore")
            metadata, _ = read_metadata(image)  # LibRaw has turned the pixels already
    except Exception:  # metadata of RAW files is a bonus; many are no TIFF
        metadata = Metadata()
    return Photo(
        np.ascontiguousarray(samples),
        metadata=Metadata(exif=metadata.exif, xmp=metadata.xmp, color=_DEVELOPED),
        encoding=Encoding("RAW", bits=16, mode="CFA"),
        notes=("developed from camera RAW with the camera's white balance",),
        tone=Tone(SRGB, "file", source=_DEVELOPED.source),
    )
