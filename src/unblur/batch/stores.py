"""Photos in stores that have a URL (s3://, gs://, sftp://, memory:// ...), through fsspec.

This is the one place where photos may leave or reach this computer, and only where the user names
such a URL. Which stores there are, and how they are logged into, is fsspec's and its drivers'
business.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from uuid import uuid4

from unblur.errors import CannotWrite, EngineFailed, MissingExtra, UnreadableImage
from unblur.files import drained
from unblur.io.folders import NOT_COUNTED, passed_over
from unblur.paths import shortened

_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://")
_WHOLE = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oci", "oss", "memory"})
"""Stores in which a new object appears whole or not at all; in others it is renamed into place."""


@dataclass(frozen=True)
class Entry:
    """A photo in a store.

    Attributes:
        url: of the photo.
        relative: its place below the URL that was named, or just its name.
        stamp: changes when the photo does.
    """

    url: str
    relative: PurePosixPath
    stamp: str


def is_url(text: str) -> bool:
    """Return whether a text names something in a store.

    Example:
        >>> [is_url(t) for t in ("s3://bucket/a.jpg", "photos/a.jpg", "C:\\\\photos")]
        [True, False, False]
    """
    return _URL.match(text) is not None


def canonical(url: str) -> str:
    """Return a URL as its store writes it; one place has one URL then."""
    store, path = _open(url)
    return str(store.unstrip_protocol(path))


def find_entries(url: str) -> tuple[list[Entry], dict[str, int]]:
    """Return the photos that a URL stands for: itself, or all below it; and what is passed over.

    Returns:
        The photos, and how much of what kind is none; hidden objects are not counted.

    Raises:
        UnreadableImage: there is nothing, or the store cannot be read.
        MissingExtra, EngineFailed: fsspec or the driver of the store is missing.
    """
    store, root = _open(url)
    try:
        found: dict[str, dict[str, Any]] = store.find(root, detail=True)
    except FileNotFoundError:
        found = {}
    except Exception as error:  # drivers raise anything
        raise UnreadableImage(f"cannot look for {url}: {_line(error)}") from error
    if not found:
        raise UnreadableImage(f"there is nothing at {url}; check the name")
    base = PurePosixPath(root)
    entries = []
    counts: Counter[str] = Counter()
    for name, info in sorted(found.items()):
        path = PurePosixPath(name)
        alone = path == base
        relative = PurePosixPath(path.name) if alone else path.relative_to(base)
        hidden = any(part.startswith(".") for part in relative.parts)
        why = None if alone else passed_over(path.name)
        if hidden and not alone:
            continue
        if why == NOT_COUNTED:
            continue
        if why is None:
            entries.append(Entry(str(store.unstrip_protocol(name)), relative, _stamp(info)))
        else:
            counts[why] += 1
    return entries, dict(counts)


def stamps_below(url: str) -> dict[str, str]:
    """Return the stamps of all objects below a URL; empty if there is nothing."""
    store, root = _open(url)
    try:
        found = store.find(root, detail=True)
    except FileNotFoundError:
        return {}
    except Exception as error:
        raise CannotWrite(f"cannot look into {url}: {_line(error)}") from error
    return {str(store.unstrip_protocol(name)): _stamp(info) for name, info in found.items()}


def fetch(url: str, *, max_bytes: int) -> bytes:
    """Return the bytes of one photo, read in pieces: nobody knows what a store sends.

    Args:
        url: of the photo.
        max_bytes: after which it is given up.

    Raises:
        UnreadableImage: it is not there, is longer, or cannot be read.
    """
    store, path = _open(url)
    try:
        with store.open(path, "rb") as stream:
            return drained(stream, url, max_bytes=max_bytes)
    except FileNotFoundError:
        raise UnreadableImage(f"{url} does not exist; check the name") from None
    except Exception as error:
        raise UnreadableImage(f"cannot read {url}: {_line(error)}") from error


def beginning(url: str, count: int) -> bytes:
    """Return the first bytes of one photo, as many as can be had; none where it cannot be read."""
    store, path = _open(url)
    try:
        return bytes(store.cat_file(path, start=0, end=count))
    except Exception:  # whoever reads the photo itself is told why
        return b""


def put(data: bytes, url: str) -> None:
    """Write one object, whole or not at all, in place of one that may be there.

    Raises:
        CannotWrite: it cannot be written.
    """
    store, path = _open(url)
    try:
        if url.split("://", 1)[0] in _WHOLE:
            store.pipe_file(path, data)
        else:
            parent, _, name = path.rpartition("/")
            staged = f"{parent}/.{shortened(name, 120)}.{uuid4().hex[:8]}.part"
            store.makedirs(parent, exist_ok=True)
            store.pipe_file(staged, data)
            store.mv(staged, path)
    except Exception as error:
        raise CannotWrite(f"cannot write {url}: {_line(error)}") from error


def _open(url: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise MissingExtra("fsspec", "stores", f"reading and writing {url}") from error
    try:
        store, path = url_to_fs(url)
    except (ImportError, ValueError) as error:  # no driver, or no such protocol
        raise EngineFailed(f"cannot open {url}: {_line(error)}") from error
    return store, str(path)


def _stamp(info: dict[str, Any]) -> str:
    """Return size and the best mark of a version that a store gives."""
    known = (info.get(key) for key in ("ETag", "etag", "LastModified", "mtime", "created"))
    mark = next((value for value in known if value is not None), "")
    return f"{info.get('size')} {mark}"


def _line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return text[0] if text else type(error).__name__
