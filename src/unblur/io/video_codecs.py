"""Which containers and codecs are written, and how they are asked for a quality."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from unblur.errors import BadValue, nearest


@dataclass(frozen=True)
class Codec:
    """An encoder of FFmpeg and how it is asked for a quality.

    Attributes:
        encoder: FFmpeg's name.
        crf: quality by default; for encoders without a rate factor their quantiser.
        options: of the encoder.
        formats: pixel formats that we give it.
        has_crf: whether it knows a constant rate factor.
        tagged: whether its stream says how colours are to be read.
    """

    encoder: str
    crf: int
    options: tuple[tuple[str, str], ...] = ()
    formats: tuple[str, ...] = ("yuv420p", "yuv422p", "yuv444p")
    has_crf: bool = True
    tagged: bool = True


CODECS = {
    "h264": Codec("libx264", 18, (("preset", "veryfast"),)),
    "h265": Codec("libx265", 20, (("preset", "veryfast"), ("x265-params", "log-level=none"))),
    "vp9": Codec("libvpx-vp9", 24, (("deadline", "realtime"), ("cpu-used", "6"), ("b:v", "0"))),
    "av1": Codec("libsvtav1", 28, (("preset", "10"),), ("yuv420p",)),
    "mpeg4": Codec("mpeg4", 3, (), ("yuv420p",), has_crf=False, tagged=False),
    "mpeg2": Codec("mpeg2video", 3, (), ("yuv420p",), has_crf=False),
    "ffv1": Codec("ffv1", 0, (), ("yuv420p", "yuv422p", "yuv444p", "bgr0"), has_crf=False),
}
"""Names of ``--codec``."""

_DEFAULTS = {"webm": "vp9", "avi": "mpeg4", "mpeg": "mpeg2", "flv": "h264"}

_FORMATS = {
    ".3gp": "3gp",
    ".avi": "avi",
    ".flv": "flv",
    ".m2ts": "mpegts",
    ".m4v": "mp4",
    ".mkv": "matroska",
    ".mov": "mov",
    ".mp4": "mp4",
    ".mpeg": "mpeg",
    ".mpg": "mpeg",
    ".mts": "mpegts",
    ".ts": "mpegts",
    ".webm": "webm",
}

TURNING = frozenset({"3gp", "matroska", "mov", "mp4", "webm"})
"""Containers that say how a picture is to be turned; for others it is turned itself."""


def codec_for(target: Path, name: str | None) -> Codec:
    """Return the codec for a file, by name or the container's usual one.

    Raises:
        BadValue: no such codec, or no container that is written.
    """
    chosen = name or _DEFAULTS.get(format_of(target), "h264")
    if chosen not in CODECS:
        raise BadValue(f"there is no codec '{chosen}'; {nearest(chosen, CODECS)}")
    return CODECS[chosen]


def format_of(target: Path) -> str:
    """Name the container of a file, since an unfinished file's own name does not.

    Raises:
        BadValue: no extension of a video.
    """
    suffix = target.suffix.lower()
    if suffix not in _FORMATS:
        raise BadValue(
            f"{target} has no extension of a video that is written; "
            f"use one of {', '.join(sorted(_FORMATS))}"
        )
    return _FORMATS[suffix]


def muxing_of(container: str) -> dict[str, str]:
    """Return the options of a container: playable while it loads, own tags kept."""
    if container in ("mp4", "mov"):
        return {"movflags": "+faststart+use_metadata_tags"}
    return {}
