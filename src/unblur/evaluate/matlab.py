"""Pictures and PSFs in MATLAB files (version 7 and older)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unblur.color import as_rgb
from unblur.errors import ShapeMismatch, UnreadableImage, UnsupportedImage
from unblur.evaluate.samples import Samples


@dataclass(frozen=True)
class MatPicture:
    """A picture that is a variable of a MATLAB file, or one of many in one variable.

    Attributes:
        path: the file.
        variable: (H, W), (H, W, 3) or, with an index, (H, W, 3, N); uint8, or real in [0, 1].
        index: which one of many, from 0; None if the variable is one picture.
    """

    path: Path
    variable: str
    index: int | None = None

    def read(self) -> Samples:
        """Return (H, W, 3) uint8, or (H, W, 1) float32 if the variable is real and grey.

        Raises:
            UnreadableImage: the file or the variable is missing, or it is damaged.
            UnsupportedImage: the file is of version 7.3.
            ShapeMismatch: the variable is no picture.
        """
        values = read_variable(self.path, self.variable)
        if self.index is not None:
            if values.ndim != 4 or self.index >= values.shape[3]:
                raise ShapeMismatch(
                    f"{self.path}: '{self.variable}' must be (H, W, 3, N) with N above "
                    f"{self.index}, got {values.shape}"
                )
            values = values[..., self.index]
        if values.ndim == 2:
            values = values[..., None]
        if values.ndim != 3 or values.shape[2] not in (1, 3) or values.dtype.kind not in "uif":
            raise ShapeMismatch(
                f"{self.path}: '{self.variable}' must be a picture, got {values.dtype} "
                f"{values.shape}"
            )
        if values.dtype == np.uint8:
            return as_rgb(np.ascontiguousarray(values))
        return values.astype(np.float32)

    def size(self) -> tuple[int, int]:
        """Return (height, width), from the file's directory."""
        shape = shapes(self.path).get(self.variable)
        if shape is None or len(shape) < 2:
            raise UnreadableImage(f"{self.path} holds no picture '{self.variable}'")
        return shape[0], shape[1]


def read_variable(path: Path, name: str) -> NDArray[Any]:
    """Return a variable of a MATLAB file; the last one read is kept, and must not be changed.

    Raises:
        UnreadableImage: the file or the variable is missing, or it is damaged.
        UnsupportedImage: the file is of version 7.3.
    """
    return _read(path, name, path.stat().st_mtime_ns if path.is_file() else 0)


@lru_cache(maxsize=1)
def _read(path: Path, name: str, changed_ns: int) -> NDArray[Any]:
    from scipy import io

    found = _guarded(path, lambda: io.loadmat(path, variable_names=[name]))
    if name not in found:
        raise UnreadableImage(f"{path} holds no variable '{name}'; is it the right file?")
    values = np.asarray(found[name])
    values.setflags(write=False)
    return values


def shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the shape of each variable of a MATLAB file, without reading them.

    Raises:
        UnreadableImage: the file is missing or damaged.
        UnsupportedImage: it is of version 7.3.
    """
    from scipy import io

    return {name: tuple(shape) for name, shape, _ in _guarded(path, lambda: io.whosmat(path))}


def _guarded(path: Path, read: Any) -> Any:
    if not path.is_file():
        raise UnreadableImage(f"the file {path} does not exist")
    try:
        return read()
    except NotImplementedError as error:
        raise UnsupportedImage(
            f"{path} is a MATLAB 7.3 file; save it again with save(..., '-v7')"
        ) from error
    # SciPy's reader raises whatever the damage leads it to.
    except Exception as error:
        raise UnreadableImage(f"cannot read {path} as a MATLAB file: {error}") from error
