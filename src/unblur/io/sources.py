"""A photo in any form that callers have it in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unblur.io.decode import read_photo
from unblur.io.photo import Photo

Source = str | Path | bytes | NDArray[Any] | Image.Image | Photo
"""A file's path or bytes, an array, a Pillow image, or a photo that was read."""


def as_photo(source: Source) -> Photo:
    """Return any accepted form of a photo as a Photo.

    Raises:
        InputError: see :func:`unblur.io.read_photo`.
    """
    if isinstance(source, Photo):
        return source
    if isinstance(source, np.ndarray):
        return Photo.from_array(source)
    if isinstance(source, Image.Image):
        return Photo.from_pil(source)
    return read_photo(source)
