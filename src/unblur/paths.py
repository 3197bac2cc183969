"""Names and places of files as others see them: shown without error, fitted, known to be files.

A file's name is bytes. It need not be UTF-8, may hold line breaks and escape sequences, and may be
nearly as long as a file system takes. Every path that is printed, logged or reported goes through
:func:`readable` or :func:`shown`, every name that is made of another through :func:`fitted`; none
of these can raise. :mod:`unblur.files` opens files.
"""

from __future__ import annotations

import hashlib
import os
import stat
import unicodedata
from pathlib import Path

NAME_BYTES = 255
"""The longest name, in bytes of UTF-8, that ext4, XFS, APFS, NTFS and exFAT all take."""

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO (named pipe)",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
)
"""Names that Windows keeps for devices, whatever follows the first dot."""
_FORBIDDEN = '<>:"|?*\\/'


def readable(text: str) -> str:
    r"""Return a text that every encoding of Unicode takes: bytes that are no UTF-8 become ``\xf6``.

    Example:
        >>> readable("Gr\udcf6\udcdfe.jpg"), readable("Gr\udcc3\udcb6\u00dfe.jpg")
        ('Gr\\xf6\\xdfe.jpg', 'Größe.jpg')
    """
    try:
        raw = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a name of Windows that is not UTF-16
        return text.encode("utf-8", "backslashreplace").decode("utf-8")
    return raw.decode("utf-8", "backslashreplace")


def shown(path: str | os.PathLike[str]) -> str:
    r"""Return a path as one readable line: line breaks and escape sequences are written out.

    Example:
        >>> print(shown("a\nb\x1b[2J.jpg"))
        a\nb\x1b[2J.jpg
    """
    text = readable(str(path))
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def names_of(path: str, key: str = "path") -> dict[str, str]:
    """Return what a report says of a path, so that a program can find the file by it.

    Returns:
        Under ``key`` the path, readable; where that is not the very name also, under ``key_uri``,
        a ``file:`` URI in which the bytes of the name are percent-encoded.
    """
    text = readable(path)
    if text == path:
        return {key: path}
    return {key: text, f"{key}_uri": Path(path).absolute().as_uri()}


def fitted(stem: str, ending: str, *, windows: bool = os.name == "nt") -> str:
    """Return ``stem`` + ``ending`` as a file's name that the disk takes.

    Too long a stem is cut and gets ``~`` and eight digits of its digest, so that equal stems give
    equal names and others do not meet. On Windows a name that is kept for a device gets an
    underscore, forbidden characters become underscores.

    Args:
        stem: of the name; bytes that are no UTF-8 as Python has them.
        ending: kept whole.
        windows: also fit Windows.
    """
    if windows:
        stem = "".join("_" if c in _FORBIDDEN or ord(c) < 32 else c for c in stem)
        if stem.split(".", 1)[0].rstrip().lower() in _RESERVED:
            stem = f"_{stem}"
    room = NAME_BYTES - _bytes(ending)
    if _bytes(stem) <= room:
        return stem + ending
    digest = hashlib.sha256(stem.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    mark = f"~{digest}"
    return shortened(stem, max(1, room - len(mark))) + mark + ending


def shortened(text: str, longest: int) -> str:
    """Return the beginning of a name that takes at most so many bytes, whole characters only."""
    while _bytes(text) > longest:
        text = text[: min(len(text) - 1, longest)]
    return text


def folded(name: str) -> str:
    """Return what is equal for names that some disks cannot tell apart: case, Unicode form.

    Example:
        >>> folded("IMG_1.JPG") == folded("img_1.jpg"), folded("e\u0301") == folded("\u00c9")
        (True, True)
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def kind_of(path: Path) -> str | None:
    """Return what lies at a path, links followed, if it is no regular file; None if it is one.

    Raises:
        OSError: there is nothing, or it cannot be asked.
        ValueError: there is a zero byte in the path.
    """
    return kind_of_mode(path.stat().st_mode)


def kind_of_mode(mode: int) -> str | None:
    """Return what the mode of a file says that it is, None for a regular file."""
    return None if stat.S_ISREG(mode) else _KINDS.get(stat.S_IFMT(mode), "no regular file")


def exists(path: Path) -> bool:
    """Return whether there is something at a path, be it a link that leads nowhere.

    What the disk cannot even be asked for, as a name that is too long, is not there.
    """
    try:
        path.lstat()
    except (OSError, ValueError):
        return False
    return True


def is_folder(path: Path) -> bool:
    """Return whether there is a folder at a path, links followed; False where nobody can tell."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def real(path: Path) -> Path:
    """Return where a path leads, links followed as far as they do."""
    try:
        return path.resolve()
    except (
        OSError,
        ValueError,
        RuntimeError,
    ):  # RuntimeError: links in a circle, until Python 3.12
        return path.absolute()


def _bytes(text: str) -> int:
    try:
        return len(text.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        return len(text.encode("utf-8", "surrogatepass"))
