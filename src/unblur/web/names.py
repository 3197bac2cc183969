"""File names and kinds of files, neither of which a client is believed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath
from urllib.parse import quote

from unblur.io.formats import SUFFIXES

_LONGEST_BYTES = 200
"""Of a name in UTF-8: file systems take 255, and a mark, a number, a suffix are yet to come."""

_LONGEST_SUFFIX = 10

_RESERVED = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|clock\$|com[0-9¹²³]|lpt[0-9¹²³]) *(\.|$)", re.IGNORECASE
)
"""What Windows takes for a device, whatever suffix follows."""

_DEFAULT_SUFFIX = {
    "JPEG": ".jpg",
    "PNG": ".png",
    "WEBP": ".webp",
    "TIFF": ".tif",
    "BMP": ".bmp",
    "AVIF": ".avif",
}
_MEDIA_TYPES = {
    ".avif": "image/avif",
    ".bmp": "image/bmp",
    ".png": "image/png",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".webp": "image/webp",
    ".mp4": "video/mp4",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".zip": "application/zip",
    ".mkv": "video/x-matroska",
    ".avi": "video/x-msvideo",
}


def safe_name(name: str) -> str:
    """Return a client's file name as a label: its last part, printable, not too long.

    It can be the name of a file on any system: nothing that Windows reserves, no dot at its end.

    Example:
        >>> safe_name("../../etc/pass\\nwd.JPG")
        'passwd.JPG'
        >>> safe_name("con.jpg"), safe_name("photo.jpg. .")
        ('_con.jpg', 'photo.jpg')
    """
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    kept = "".join(
        c for c in unicodedata.normalize("NFC", last) if c.isprintable() and c not in '<>:"|?*'
    )
    kept = kept.strip(" .")
    if len(kept.encode()) > _LONGEST_BYTES:
        suffix = PurePosixPath(kept).suffix[:_LONGEST_SUFFIX].rstrip(" .")
        kept = _cut(kept, _LONGEST_BYTES - len(suffix.encode())).rstrip(" .") + suffix
    if _RESERVED.match(kept):
        kept = f"_{kept}"
    return kept or "photo"


def _cut(text: str, size: int) -> str:
    """Return as much of the start of a text as takes no more than so many bytes in UTF-8."""
    return text.encode()[:size].decode("utf-8", "ignore")


def result_name(name: str, file_format: str) -> str:
    """Return the name of a result: the photo's own, marked, its suffix fitting the format.

    Example:
        >>> result_name("IMG_1.JPG", "JPEG"), result_name("IMG_2.heic", "JPEG")
        ('IMG_1.unblurred.JPG', 'IMG_2.unblurred.jpg')
    """
    path = PurePosixPath(name)
    kept = SUFFIXES.get(path.suffix.lower()) == file_format
    suffix = path.suffix if kept else _DEFAULT_SUFFIX[file_format]
    return f"{path.stem}.unblurred{suffix}"


def distinct(names: Iterable[str]) -> list[str]:
    """Return the names, later ones numbered where they would meet an earlier one.

    Example:
        >>> distinct(["a.jpg", "A.jpg", "a.jpg"])
        ['a.jpg', 'A (2).jpg', 'a (3).jpg']
    """
    taken: set[str] = set()
    out = []
    for name in names:
        path, chosen, number = PurePosixPath(name), name, 1
        while chosen.casefold() in taken:
            number += 1
            chosen = f"{path.stem} ({number}){path.suffix}"
        taken.add(chosen.casefold())
        out.append(chosen)
    return out


def media_type(name: str) -> str:
    """Return the media type that a file name's suffix stands for."""
    suffix = PurePosixPath(name).suffix.lower()
    if SUFFIXES.get(suffix) == "JPEG":
        return "image/jpeg"
    return _MEDIA_TYPES.get(suffix, "application/octet-stream")


def disposition(name: str) -> str:
    """Return the header that makes a browser save an answer under a name."""
    plain = name.encode("ascii", "replace").decode().replace("?", "_").replace("\\", "_")
    plain = plain.replace('"', "_")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def clip_suffix(start: bytes) -> str | None:
    """Return the suffix of a clip whose first bytes are given, None if it is none of ours.

    Only self-contained kinds are let through: a play list would make FFmpeg open what it names.
    """
    if start[4:8] == b"ftyp":
        brand = start[8:12]
        if brand in (
            b"heic",
            b"heix",
            b"hevc",
            b"heim",
            b"mif1",
            b"msf1",
            b"avif",
            b"avis",
            b"crx ",
        ):
            return None
        return ".mov" if brand == b"qt  " else ".mp4"
    if start.startswith(b"\x1aE\xdf\xa3"):
        return ".webm" if b"webm" in start[:64] else ".mkv"
    if start[:4] == b"RIFF" and start[8:12] == b"AVI ":
        return ".avi"
    return None
