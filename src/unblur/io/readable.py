"""A photo's bytes, in whatever form a caller has them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, BinaryIO

from unblur.errors import BadValue, UnreadableImage
from unblur.files import drained, read_file
from unblur.paths import shown

Readable = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO
"""A path, the bytes of a file in any buffer, or an opened binary file."""

TAKEN = "a path, the bytes of a file, or a file opened with 'rb'"


def load(source: Readable, called: str | None = None, *, max_bytes: int) -> tuple[bytes, str, str]:
    """Return the bytes of a file, what messages call it, and its extension.

    Args:
        source: of the bytes.
        called: what messages call the photo, where the source does not tell; its extension
            counts.
        max_bytes: longer files are not read.

    Raises:
        UnreadableImage: missing, empty, too long, no regular file, or a stream that gives no bytes.
        BadValue: the source is something else.
    """
    suffix = Path(called or "").suffix
    if isinstance(source, bytes | bytearray | memoryview):
        data, name = bytes(source), shown(called) if called else "the data"
    elif isinstance(source, str | os.PathLike):
        path = Path(os.fsdecode(source))
        data, name, suffix = _of_file(path, max_bytes), shown(path), path.suffix
    elif callable(getattr(source, "read", None)):
        name = shown(str(getattr(source, "name", "the stream")))
        data = _of_stream(source, name, max_bytes)
    else:
        raise BadValue(f"a photo is taken from {TAKEN}, got {type(source).__name__}")
    if not data:
        raise UnreadableImage(f"{name} is empty (0 bytes)")
    return data, name, suffix


def _of_file(path: Path, max_bytes: int) -> bytes:
    try:
        return read_file(path, max_bytes=max_bytes)
    except FileNotFoundError:
        raise UnreadableImage(f"{shown(path)} does not exist; check the name") from None
    except (OSError, ValueError, BadValue) as error:
        reason = getattr(error, "strerror", None) or error
        raise UnreadableImage(f"cannot read {shown(path)}: {reason}") from error


def _of_stream(source: Any, name: str, max_bytes: int) -> bytes:
    try:
        return drained(source, name, max_bytes=max_bytes)
    except Exception as error:  # whatever a caller's object raises
        raise UnreadableImage(f"cannot read {name}: {error}") from error
