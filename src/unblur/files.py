"""Bytes of files of unknown size: never more than was agreed, however long they claim to be."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from unblur.errors import BadValue

_PIECE_BYTES = 1 << 20


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading; devices, which never end, and folders are refused.

    Raises:
        BadValue: it is neither a file nor a pipe.
        OSError: it cannot be opened.
    """
    _check_kind(path.stat().st_mode, path)  # before opening, which can wait for ever
    stream = path.open("rb")
    _check_kind(os.fstat(stream.fileno()).st_mode, path)
    return stream


def read_file(path: Path, *, max_bytes: int) -> bytes:
    """Return the content of a file.

    Raises:
        BadValue: it is longer (as sparse files can be that take no space on the disk), or no file.
        OSError: it cannot be read.
    """
    with open_regular(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        if size > max_bytes:
            raise BadValue(_too_long(str(path), size, max_bytes))
        return drained(stream, str(path), max_bytes=max_bytes)


def drained(stream: BinaryIO, name: str, *, max_bytes: int) -> bytes:
    """Return all that is left of a stream, read in pieces.

    Raises:
        BadValue: there is more, or it gives no bytes.
    """
    pieces: list[bytes] = []
    count = 0
    while True:
        piece = stream.read(_PIECE_BYTES)
        if not isinstance(piece, bytes):
            raise BadValue(f"{name} gives no bytes but {type(piece).__name__}; open it with 'rb'")
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
        count += len(piece)
        if count > max_bytes:
            raise BadValue(_too_long(name, count, max_bytes))


def _too_long(name: str, size: int, max_bytes: int) -> str:
    return f"{name} has {size / 1e6:.0f} MB or more, at most {max_bytes / 1e6:.0f} MB are read"


def _check_kind(mode: int, path: Path) -> None:
    if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
        raise BadValue(f"{path} is not a file")
