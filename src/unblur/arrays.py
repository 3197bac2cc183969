"""Arrays from files that nobody has checked: bounded before anything is allocated.

NumPy's readers allocate whatever a header claims, and raise a dozen kinds of errors of the
libraries below them. Here a header is read first, and everything wrong is one kind of error.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from unblur.errors import BadValue
from unblur.files import open_regular, read_file

T = TypeVar("T")
Array = NDArray[Any]

MAX_VALUES = 1 << 26
"""Largest number of values of all arrays of a file: 512 MB as float64. The largest motion field
that was exported holds a tenth of it."""

_MAX_HEADER_BYTES = 4096
"""Of one array; what NumPy writes takes 128."""

_MAX_MEMBERS = 64
_MAX_TEXT_BYTES = 64_000_000
_KINDS = "buif"
_NAMES = "USbuif"
"""Kinds of values in an archive, which also holds names."""


def read_npy(path: Path, *, max_values: int = MAX_VALUES) -> Array:
    """Return the array of an ``.npy`` file.

    Args:
        path: the file.
        max_values: larger arrays are refused by their header.

    Raises:
        BadValue: missing, damaged, too large, or of values that are no real numbers.
    """

    def read() -> Array:
        with open_regular(path) as stream:
            size = os.fstat(stream.fileno()).st_size
            return _array(stream, str(path), max_values, size, _KINDS)

    return _guarded(read, path)


def read_npz(path: Path, *, max_values: int = MAX_VALUES) -> dict[str, Array]:
    """Return the arrays of an ``.npz`` archive by name, numbers and text.

    Args:
        path: the file.
        max_values: archives with more values in all are refused by their headers.

    Raises:
        BadValue: missing, damaged, encrypted, too large, or of other values.
    """

    def read() -> dict[str, Array]:
        arrays: dict[str, Array] = {}
        left = max_values
        with open_regular(path) as stream, zipfile.ZipFile(stream) as archive:
            members = archive.infolist()
            if len(members) > _MAX_MEMBERS:
                raise BadValue(f"{path} holds {len(members)} arrays, at most {_MAX_MEMBERS}")
            for member in members:
                if not member.filename.endswith(".npy"):
                    continue
                name = member.filename.removesuffix(".npy")
                with archive.open(member) as part:
                    where = f"'{name}' of {path}"
                    arrays[name] = _array(part, where, left, member.file_size, _NAMES)
                left -= arrays[name].size
        return arrays

    return _guarded(read, path)


def read_table(path: Path, *, delimiter: str | None = None) -> NDArray[np.float64]:
    """Return the numbers of a text file, (rows, columns) float64.

    Args:
        path: the file.
        delimiter: between columns; None for white space.

    Raises:
        BadValue: missing, empty, too large, or something else than rows of equally many numbers.
    """

    def read() -> NDArray[np.float64]:
        # Read here: NumPy takes names for addresses, and unpacks by their endings.
        data = read_file(path, max_bytes=_MAX_TEXT_BYTES)
        lines = [line for line in data.decode("utf-8-sig").splitlines() if line.strip()]
        if not lines:
            raise BadValue(f"{path} holds no numbers")
        return np.loadtxt(lines, dtype=np.float64, delimiter=delimiter, ndmin=2)

    return _guarded(read, path)


def _array(stream: Any, where: str, max_values: int, size: int, kinds: str) -> Array:
    """Read one array; ``size`` is how many bytes there are of it, header and all."""
    version = npy.read_magic(stream)
    if version == (1, 0):
        shape, fortran, dtype = npy.read_array_header_1_0(stream, _MAX_HEADER_BYTES)
    elif version == (2, 0):
        shape, fortran, dtype = npy.read_array_header_2_0(stream, _MAX_HEADER_BYTES)
    else:
        raise BadValue(f"{where} is an array of version {version}, 1.0 and 2.0 are read")
    if dtype.kind not in kinds or dtype.itemsize > (8 if dtype.kind in _KINDS else 1024):
        raise BadValue(f"{where} holds values of the kind {dtype}; real numbers are expected")
    count = 1
    for side in shape:  # numbers of Python, which do not overflow
        if type(side) is not int or side < 0:
            raise BadValue(f"{where} has the impossible shape {shape!r:.80}")
        count *= side
    if count > max_values or len(shape) > 8:
        raise BadValue(f"{where} has {shape!r:.80} values, at most {max_values} are read")
    wanted = count * dtype.itemsize
    if wanted > size:
        raise BadValue(f"{where} is cut short: {wanted} bytes are named, {size} are there")
    data = stream.read(wanted)
    if len(data) != wanted:
        raise BadValue(f"{where} is cut short: {wanted} bytes are named, {len(data)} are there")
    flat = np.frombuffer(data, dtype, count)
    return flat.reshape(shape, order="F" if fortran else "C")


def _guarded(read: Callable[[], T], path: Path) -> T:
    try:
        return read()
    except BadValue:
        raise
    except FileNotFoundError:
        raise BadValue(f"{path} does not exist; check the name") from None
    except Exception as error:  # zlib, tokenize, ast, struct ...: anything, on damaged files
        text = str(error).strip()
        reason = text.splitlines()[0] if text else type(error).__name__
        raise BadValue(f"cannot read {path}: {reason:.200}") from error
