"""Pictures on disk in the form that is scored, read when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from unblur.color import as_rgb, quantise, to_float
from unblur.errors import UnreadableImage
from unblur.io import read_photo
from unblur.opening import opened

Samples = NDArray[Any]


class Picture(Protocol):
    """A picture that is not in memory yet."""

    @property
    def path(self) -> Path:
        """The file it lies in."""

    def read(self) -> Samples:
        """Return (H, W, 3) uint8 sRGB, or (H, W, 1) float32 where the set holds real numbers."""

    def size(self) -> tuple[int, int]:
        """Return (height, width), as cheaply as the file allows."""


@dataclass(frozen=True)
class Photo8:
    """A photo in a file of its own, scored in 8 bits."""

    path: Path

    def read(self) -> Samples:
        """Return (H, W, 3) uint8 sRGB; see :func:`read_rgb8`."""
        return read_rgb8(self.path)

    def size(self) -> tuple[int, int]:
        """Return (height, width) as stored, from the header where Pillow knows the format."""
        try:
            with opened(self.path) as image:
                return image.height, image.width
        except UnreadableImage:
            height, width = self.read().shape[:2]
            return height, width


def read_rgb8(path: Path) -> Samples:
    """Return a photo as (H, W, 3) uint8 sRGB, the form that is scored.

    Raises:
        UnreadableImage: missing, damaged or no photo.
    """
    return as_uint8(as_rgb(read_photo(path).samples))


def as_uint8(samples: Samples) -> Samples:
    """Return samples in 8 bits, rounded and clipped; those that are already are not copied."""
    if samples.dtype == np.uint8:
        return samples
    return quantise(to_float(samples), np.dtype(np.uint8))
