"""Bytes of files of unknown size: never more than was agreed, however long they claim to be."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, BinaryIO

from unblur.errors import BadValue, UnblurError
from unblur.paths import kind_of, kind_of_mode, shown

_PIECE_BYTES = 1 << 20


def check_regular(path: Path, error: type[UnblurError] = BadValue) -> None:
    """Raise if a path is there and is no regular file: opening a FIFO would wait for ever.

    Args:
        path: links are followed. That it is missing is left to whoever opens it.
        error: what is raised.
    """
    try:
        kind = kind_of(path)
    except (OSError, ValueError):
        return
    if kind is not None:
        raise error(_not_regular(path, kind))


def open_regular(path: Path, error: type[UnblurError] = BadValue) -> BinaryIO:
    """Open a regular file for reading; folders, FIFOs, sockets and devices are refused at once.

    Raises:
        UnblurError: of the type given; it is no regular file.
        OSError, ValueError: it cannot be opened.
    """
    check_regular(path, error)
    # A FIFO that takes the file's place just now opens at once, too, and is refused below.
    number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    stream = os.fdopen(number, "rb")
    kind = kind_of_mode(os.fstat(number).st_mode)
    if kind is not None:
        stream.close()
        raise error(_not_regular(path, kind))
    return stream


def read_regular(path: Path, error: type[UnblurError] = BadValue) -> bytes:
    """Return the whole content of a regular file that the user calls a photo of his own.

    Raises:
        UnblurError, OSError, ValueError: as :func:`open_regular`.
    """
    with open_regular(path, error) as stream:
        return stream.read()


def read_file(path: Path, *, max_bytes: int) -> bytes:
    """Return the content of a file.

    Raises:
        BadValue: it is longer (as sparse files can be that take no space on the disk), or no
            regular file.
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


def from_json(text: str | bytes) -> Any:
    """Return what JSON says that anybody may have written.

    Raises:
        ValueError: no JSON, or nested so deeply that reading it would take the whole stack.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _too_long(name: str, size: int, max_bytes: int) -> str:
    return f"{name} has {size / 1e6:.0f} MB or more, at most {max_bytes / 1e6:.0f} MB are read"


def _not_regular(path: Path, kind: str) -> str:
    hint = "name the files in it" if kind == "a folder" else "photos are read from a pipe by '-'"
    return f"{shown(path)} is {kind}, a regular file is expected; {hint}"
