"""Photos read at a reduced size: quick looks at thousands of files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from unblur.color import SCREEN_PX, FloatArray, is_screened, luma, to_float
from unblur.errors import BadValue, UnblurError
from unblur.io.limits import HARD_LIMIT
from unblur.io.photo import Metadata, Photo, Samples
from unblur.io.tones import tone_of
from unblur.opening import open_image
from unblur.tone import SRGB, ToneCurve, parse_tone


@dataclass(frozen=True, eq=False)
class Reduced:
    """A photo's brightness at a reduced size.

    Attributes:
        luma: (h, w) float32, linear light, upright.
        scale: pixels of the photo per pixel of ``luma``, along each side.
        shape: (H, W) of the photo itself, upright.
        screened: whether the photo is dithered or screened, as far as it was read in full.
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
    screened = scale > 1 and is_screened(_centre(photo))
    return Reduced(small, scale, (photo.height, photo.width), screened)


def _centre(photo: Photo) -> FloatArray:
    y, x = (max(0, side - SCREEN_PX) // 2 for side in (photo.height, photo.width))
    return luma(to_float(photo.samples[y : y + SCREEN_PX, x : x + SCREEN_PX]))


def shrunk_luma(samples: Samples, scale: int, tone: ToneCurve = SRGB) -> FloatArray:
    """Return luma (linear light, float32) shrunk by a whole factor, strip by strip.

    Args:
        samples: (H, W, C) uint8, uint16 or float in [0, 1], sides at least ``scale``.
        scale: at least 1; each pixel is the mean of a block, what is left over is dropped.
        tone: curve of the samples.
    """
    return np.concatenate(
        [
            _shrunk(luma(tone.to_linear(to_float(samples[y : y + 64 * scale]))), scale)
            for y in range(0, samples.shape[0], 64 * scale)
            if samples.shape[0] - y >= scale
        ]
    )


def read_reduced(
    path: Path, *, side_px: int, least_px: int = 1, tone: ToneCurve | str = "auto"
) -> Reduced:
    """Read a photo's luma at a reduced size.

    JPEG files are decoded at an eighth, a quarter or half of their size where that still
    gives the size asked for, which is several times faster; each pixel is then the mean of a
    block, as in :func:`reduced_luma` but for being taken of encoded values. Other files are read
    in full and shrunk.

    Args:
        path: of the file.
        side_px, least_px: as of :func:`reduced_luma`.
        tone: as :meth:`Photo.with_tone` takes it.

    Raises:
        UnblurError: as :func:`unblur.io.read_photo`.
    """
    from unblur.io.decode import read_photo

    quick = _draft(path, side_px, least_px, tone)
    if quick is not None:
        return quick
    photo = read_photo(path).with_tone(tone)
    return reduced_luma(photo, side_px=side_px, least_px=least_px)


def _draft(path: Path, side_px: int, least_px: int, tone: ToneCurve | str) -> Reduced | None:
    """Read a JPEG file at a reduced size; None where the careful reader must decide."""
    try:
        with open_image(path, ("JPEG",)) as image:
            width, height = image.size
            scale = _scale((width, height), side_px, least_px)
            scale = min(8, 1 << (scale.bit_length() - 1))
            if scale == 1 or width * height > HARD_LIMIT or image.mode not in ("RGB", "L"):
                return None
            image.draft("L", (-(-width // scale), -(-height // scale)))
            upright = ImageOps.exif_transpose(image)
            pixels = np.asarray(upright.convert("L"))
            told = tone_of(Metadata(icc_profile=image.info.get("icc_profile")), 1).curve
            turned = upright.size != image.size
    except (OSError, ValueError, SyntaxError, UnblurError, Image.DecompressionBombError):
        return None
    if abs(max(pixels.shape) * scale - max(width, height)) > scale:
        return None
    shape = (width, height) if turned else (height, width)
    curve = (parse_tone(tone) if isinstance(tone, str) else tone) or told
    return Reduced(curve.to_linear(to_float(pixels)), scale, shape)


def _scale(sides: tuple[int, int], side_px: int, least_px: int) -> int:
    if min(side_px, least_px) < 1:
        raise BadValue(f"reduced sides must be at least 1 px, got {side_px} and {least_px}")
    return max(1, min(max(sides) // side_px, min(sides) // least_px))


def _shrunk(plane: FloatArray, scale: int) -> FloatArray:
    """Means of scale x scale blocks; what is left over at the far sides is dropped."""
    height, width = (side // scale for side in plane.shape)
    blocks = plane[: height * scale, : width * scale].reshape(height, scale, width, scale)
    return np.asarray(blocks.mean(axis=(1, 3)), dtype=np.float32)
