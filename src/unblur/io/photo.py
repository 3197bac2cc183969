"""A photo in memory: samples in their own depth, and everything needed to write it back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unblur.color import FloatArray, quantise, to_float
from unblur.errors import BadValue, ShapeMismatch, UnsupportedImage
from unblur.io.color_tags import ColorTags
from unblur.tone import ASSUMED, Tone, ToneCurve, parse_tone

Samples = NDArray[Any]

_TOLERANCE = 1e-3
_BAND_ROWS = 256


@dataclass(frozen=True)
class Region:
    """Rows ``y0:y1`` and columns ``x0:x1``, half-open, in px."""

    y0: int
    x0: int
    y1: int
    x1: int


@dataclass(frozen=True)
class Metadata:
    """What travels with the pixels.

    Attributes:
        exif: EXIF as bytes, orientation 1 (the pixels are already turned), no thumbnail.
        icc_profile: colour profile; the samples are in its space.
        xmp: XMP packet.
        dpi: resolution in print, (across, down) in px per inch.
        color: colour told in numbers, as by PNG's cICP; None where it is not.
    """

    exif: bytes | None = None
    icc_profile: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    color: ColorTags | None = None


@dataclass(frozen=True)
class Encoding:
    """How the file stored its pixels.

    Attributes:
        format: Pillow's name, as "JPEG", or "RAW".
        options: what the writer needs to store the result in the same quality class.
        bits: per sample, as they are kept in memory: 8, 16 or 32.
        mode: Pillow's name of the pixels' kind, as "CMYK", before any conversion.
    """

    format: str
    options: dict[str, Any] = field(default_factory=dict)
    bits: int = 8
    mode: str = "RGB"


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo.

    Attributes:
        samples: (H, W, C) uint8, uint16 or float32 in [0, 1], C 1 (grey) or 3 (RGB), in the
            light that ``tone`` tells and the colours that profile or colour tags tell.
        alpha: (H, W) of the same dtype, or None.
        metadata: EXIF, colour profile, colour tags and XMP.
        encoding: how it was stored.
        notes: what reading changed, in words.
        tone: the curve from samples to linear light, and what in the file says so.
    """

    samples: Samples
    alpha: Samples | None = None
    metadata: Metadata = Metadata()
    encoding: Encoding = Encoding("PNG")
    notes: tuple[str, ...] = ()
    tone: Tone = ASSUMED

    def __post_init__(self) -> None:
        if self.samples.ndim != 3 or self.samples.shape[2] not in (1, 3) or not self.samples.size:
            raise ShapeMismatch(
                f"a photo's samples must be (H, W, 1) or (H, W, 3), got {self.samples.shape}"
            )
        if self.alpha is not None and self.alpha.shape != self.samples.shape[:2]:
            raise ShapeMismatch(
                f"alpha must have the photo's size {self.samples.shape[:2]}, got {self.alpha.shape}"
            )

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.samples.shape[0])

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.samples.shape[1])

    @property
    def channels(self) -> int:
        """1 (grey) or 3 (RGB); transparency is not counted."""
        return int(self.samples.shape[2])

    @property
    def megapixels(self) -> float:
        """Millions of pixels."""
        return self.height * self.width / 1e6

    def srgb(self, region: Region | None = None) -> FloatArray:
        """Return the photo, or a region of it, as (H, W, C) float32 in [0, 1], as encoded."""
        part = self.samples
        if region is not None:
            part = part[region.y0 : region.y1, region.x0 : region.x1]
        return to_float(part)

    def with_tone(self, tone: ToneCurve | str) -> Photo:
        """Return the photo with the tone curve that a caller names.

        Args:
            tone: a curve, or as :func:`unblur.tone.parse_tone` takes it; "auto" leaves it to the
                file, "profile" too, and means it: where the file says nothing, sRGB is no
                assumption any more.

        Raises:
            BadValue: there is no such curve.
        """
        curve = parse_tone(tone) if isinstance(tone, str) else tone
        if tone == "profile" and self.tone.evidence == "assumed":
            curve = self.tone.curve
        return self if curve is None else replace(self, tone=Tone(curve, "caller"))

    def with_samples(self, samples: Samples) -> Photo:
        """Return the photo with other samples of the same shape and dtype.

        Raises:
            ShapeMismatch: they differ.
        """
        if samples.shape != self.samples.shape or samples.dtype != self.samples.dtype:
            raise ShapeMismatch(
                f"new samples must be {self.samples.shape} {self.samples.dtype}, "
                f"got {samples.shape} {samples.dtype}"
            )
        return replace(self, samples=samples)

    def planes(self) -> Samples:
        """Return the samples with alpha, if there is any, as the last channel."""
        if self.alpha is None:
            return self.samples
        return np.concatenate([self.samples, self.alpha[..., None]], axis=2)

    def to_pil(self) -> Image.Image:
        """Return the photo as an 8-bit Pillow image: L, LA, RGB or RGBA."""
        planes = in_depth(self.planes(), np.dtype(np.uint8))
        return Image.fromarray(planes[..., 0] if planes.shape[2] == 1 else planes)

    @classmethod
    def from_array(cls, array: Samples) -> Photo:
        """Return an array as a photo.

        Args:
            array: (H, W), or (H, W, C) with C 1 (grey), 2 (grey, alpha), 3 or 4; uint8, uint16,
                or floating in [0, 1]; sRGB.

        Raises:
            ShapeMismatch, BadValue, UnsupportedImage: another shape, values outside the range
                (or NaN), or another dtype.
        """
        full = array[..., None] if array.ndim == 2 else array
        if full.ndim != 3 or full.shape[2] not in (1, 2, 3, 4) or not full.size:
            raise ShapeMismatch(
                f"an image array must be (H, W) or (H, W, 1 to 4), not empty; got {array.shape}"
            )
        if full.dtype not in (np.uint8, np.uint16) and not np.issubdtype(full.dtype, np.floating):
            raise UnsupportedImage(
                f"samples must be uint8, uint16 or floating point, got {array.dtype}; convert first"
            )
        notes: tuple[str, ...] = ()
        if np.issubdtype(full.dtype, np.floating):
            full, notes = checked_float(full)
        colours = 1 if full.shape[2] <= 2 else 3
        alpha = full[..., colours] if full.shape[2] > colours else None
        encoding = Encoding("PNG", bits=8 * full.dtype.itemsize, mode=_MODES[full.shape[2]])
        return cls(np.ascontiguousarray(full[..., :colours]), alpha, Metadata(), encoding, notes)


_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def in_depth(samples: Samples, dtype: np.dtype[Any]) -> Samples:
    """Return samples in another depth, converted in bands, so that no float copy is held."""
    if samples.dtype == dtype:
        return samples
    out = np.empty(samples.shape, dtype)
    for y in range(0, len(samples), _BAND_ROWS):
        out[y : y + _BAND_ROWS] = quantise(to_float(samples[y : y + _BAND_ROWS]), dtype)
    return out


def checked_float(values: Samples) -> tuple[FloatArray, tuple[str, ...]]:
    """Return float samples as float32 in [0, 1], and a note if anything was clipped.

    Raises:
        BadValue: NaN, infinite, or clearly outside [0, 1] (the scale is never guessed).
    """
    if not np.isfinite(values).all():
        raise BadValue("the float image holds NaN or infinite values; replace them first")
    low, high = float(values.min()), float(values.max())
    if low < -_TOLERANCE or high > 1 + _TOLERANCE:
        raise BadValue(
            f"float samples must lie in [0, 1], got {low:.4g} to {high:.4g}; "
            "scale them first (the scale is not guessed)"
        )
    clipped = ("values slightly outside [0, 1] were clipped",) if low < 0 or high > 1 else ()
    return np.clip(values, 0, 1).astype(np.float32), clipped
