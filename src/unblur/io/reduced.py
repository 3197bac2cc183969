"""Photos read at a reduced size: quick looks at thousands of files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from unblur.color import FloatArray, is_screened, to_float
from unblur.errors import BadValue, UnblurError
from unblur.io.limits import HARD_LIMIT
from unblur.io.photo import Metadata, Photo
from unblur.io.tones import tone_of
from unblur.opening import open_image
from unblur.tone import ToneCurve, parse_tone, shrunk_luma


@dataclass(frozen=True, eq=False)
class Reduced:
    """A photo's brightness at a reduced size.

    Attributes:
        luma: (h, w) float32, linear light, upright.
        scale: pixels of the photo per pixel of ``luma``, along each side.
        shape: (H, W) of the photo itself, upright.
        screened: whether the photo itself is dithered or screened.
    """

    luma: FloatArray
    scale: int
    shape: tuple[int, int]
    screened: bool = False


def reduced_luma(photo: Photo, *, side_px: int, least_px: int = 1) -> Reduced:
    """Return a decoded photo's luma, shrunk by a whole factor.

    Args:
        photo: any.
        side_px: the longer side is not made shorter than this.
        least_px: nor the shorter one than this.

    Raises:
        BadValue: ``side_px`` or ``least_px`` is below 1.
    """
    scale = _scale((photo.height, photo.width), side_px, least_px)
    small = shrunk_luma(photo.samples, scale, photo.tone.curve)
    return Reduced(small, scale, (photo.height, photo.width), is_screened(photo.samples))


def read_reduced(
    path: Path, *, side_px: int, least_px: int = 1, tone: ToneCurve | str = "auto"
) -> Reduced:
    """Read a photo's luma at a reduced size.

    Of JPEG files the brightness alone is decoded, which is several times faster; each pixel is then
    the mean of a block, as in :func:`reduced_luma` but for being taken of encoded values. Other
    files are read in full and shrunk. (Decoding a JPEG at a half or a quarter is hardly faster, for
    all of it is unpacked too, and smooths the dots of dithered pictures away, which tell that these
    did not move.)

    Args:
        path: of the file.
        side_px, least_px: as of :func:`reduced_luma`.
        tone: as :meth:`Photo.with_tone` takes it.

    Raises:
        UnblurError: as :func:`unblur.io.read_photo`.
    """
    from unblur.io.decode import read_photo

    quick = _brightness(path, side_px, least_px, tone)
    if quick is not None:
        return quick
    photo = read_photo(path).with_tone(tone)
    return reduced_luma(photo, side_px=side_px, least_px=least_px)


def _brightness(path: Path, side_px: int, least_px: int, tone: ToneCurve | str) -> Reduced | None:
    """Read a JPEG file's brightness and shrink it; None where the careful reader must decide."""
    try:
        with open_image(path, ("JPEG",)) as image:
            size = image.size
            scale = _scale(size, side_px, least_px)
            if scale == 1 or size[0] * size[1] > HARD_LIMIT or image.mode not in ("RGB", "L"):
                return None
            image.draft("L", size)
            upright = ImageOps.exif_transpose(image).convert("L")
            told = tone_of(Metadata(icc_profile=image.info.get("icc_profile")), 1).curve
    except (OSError, ValueError, SyntaxError, UnblurError, Image.DecompressionBombError):
        return None
    height, width = upright.height, upright.width
    # Without the rest at the far sides, as everywhere.
    whole = (0, 0, width // scale * scale, height // scale * scale)
    pixels = np.asarray(upright.reduce(scale, whole))
    curve = (parse_tone(tone) if isinstance(tone, str) else tone) or told
    screened = is_screened(np.asarray(upright))
    return Reduced(curve.to_linear(to_float(pixels)), scale, (height, width), screened)


def _scale(sides: tuple[int, int], side_px: int, least_px: int) -> int:
    if min(side_px, least_px) < 1:
        raise BadValue(f"reduced sides must be at least 1 px, got {side_px} and {least_px}")
    return max(1, min(max(sides) // side_px, min(sides) // least_px))
