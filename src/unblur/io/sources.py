"""A photo in any form that callers have it in."""

from __future__ import annotations

import os
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unblur.errors import BadValue
from unblur.io.decode import from_pillow, read_photo
from unblur.io.photo import Photo
from unblur.io.readable import TAKEN, Readable


class ArrayLike(Protocol):
    """Anything that NumPy takes for an array, as a tensor of PyTorch in the computer's memory."""

    def __array__(self) -> NDArray[Any]:
        """Return it as an array."""


Source = Readable | NDArray[Any] | ArrayLike | Image.Image | Photo

_ARRAYS = (
    "an array or CPU tensor (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) of uint8, uint16 or floats "
    "in [0, 1]"
)
_WANTED = f"{TAKEN}, a Pillow image, {_ARRAYS}, or an unblur.Photo"


def as_photo(source: Source) -> Photo:
    """Return any accepted form of a photo as a Photo.

    Raises:
        BadValue: it is of another type, a list, an array of another dtype, or channels come first.
        ShapeMismatch: an array of another shape.
        InputError: a file that cannot be read; see :func:`unblur.io.read_photo`.
    """
    if isinstance(source, Photo):
        return source
    if isinstance(source, Image.Image):
        return from_pillow(source)
    if isinstance(source, memoryview) and source.ndim > 1:
        return _of_array(np.asarray(source))
    if isinstance(source, str | os.PathLike | bytes | bytearray | memoryview):
        return read_photo(source)
    if hasattr(source, "__array__") or hasattr(source, "__array_interface__"):
        return _of_array(as_array(source, "a photo"))
    if callable(getattr(source, "read", None)):
        return read_photo(source)
    hint = "; give one photo at a time, an array of it by numpy.asarray(..., numpy.uint8)"
    raise BadValue(
        f"a photo is {_WANTED}; got {type(source).__name__}"
        f"{hint if isinstance(source, list | tuple) else ''}"
    )


def as_array(source: Any, what: str) -> NDArray[Any]:
    """Return what offers itself as an array as one.

    Raises:
        BadValue: it cannot become one, as a tensor on a graphics card or in a graph of gradients.
    """
    try:
        array = np.asarray(source)
    except Exception as error:  # whatever a caller's object raises
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadValue(
            f"{what} of type {type(source).__name__} cannot be made an array: {reason}; a tensor "
            "of PyTorch becomes one by .detach().cpu()"
        ) from error
    if np.ma.is_masked(source):
        raise BadValue(f"{what} has masked values; fill them first")
    return array


def _of_array(array: NDArray[Any]) -> Photo:
    channels = (1, 2, 3, 4)
    if array.ndim == 3 and array.shape[0] in channels and array.shape[2] not in channels:
        raise BadValue(
            f"the array {array.shape} has its channels first; they come last here, (H, W, C): "
            "numpy.moveaxis(array, 0, -1), or tensor.permute(1, 2, 0)"
        )
    if array.dtype not in (np.uint8, np.uint16) and array.dtype.kind != "f":
        raise BadValue(
            f"a photo is {_ARRAYS}; got {array.dtype}; convert it (the scale is not guessed)"
        )
    return Photo.from_array(array)
