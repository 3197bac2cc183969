"""Which containers and codecs are written, and how they are asked for a quality."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from unblur.errors import BadValue, nearest

_EIGHT = ("yuv420p", "yuv422p", "yuv444p")
_TEN = ("yuv420p10le", "yuv422p10le", "yuv444p10le")
_TWELVE = ("yuv420p12le", "yuv422p12le", "yuv444p12le")


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
        parameters: the option that takes the encoder's own parameters; "" for none.
        tag: what the codec is called in MP4 and MOV; "" for the usual.
    """

    encoder: str
    crf: int
    options: tuple[tuple[str, str], ...] = ()
    formats: tuple[str, ...] = _EIGHT
    has_crf: bool = True
    tagged: bool = True
    parameters: str = ""
    tag: str = ""

    def add_parameters(self, options: dict[str, str], more: dict[str, str]) -> None:
        """Add the encoder's own parameters to its options, in place."""
        told = [options[self.parameters]] if self.parameters in options else []
        told += [f"{key}={value}" for key, value in more.items()]
        if told and self.parameters:
            options[self.parameters] = ":".join(told)


CODECS = {
    "h264": Codec(
        "libx264", 18, (("preset", "veryfast"),), _EIGHT + _TEN, parameters="x264-params"
    ),
    "h265": Codec(
        "libx265",
        20,
        (("preset", "veryfast"), ("x265-params", "log-level=none")),
        _EIGHT + _TEN + _TWELVE,
        parameters="x265-params",
        tag="hvc1",
    ),
    "vp9": Codec("libvpx-vp9", 24, (("deadline", "realtime"), ("cpu-used", "6"), ("b:v", "0"))),
    "av1": Codec(
        "libsvtav1",
        28,
        (("preset", "10"),),
        ("yuv420p", "yuv420p10le"),
        parameters="svtav1-params",
    ),
    "mpeg4": Codec("mpeg4", 3, (), ("yuv420p",), has_crf=False, tagged=False),
    "mpeg2": Codec("mpeg2video", 3, (), ("yuv420p", "yuv422p"), has_crf=False),
    "ffv1": Codec(
        "ffv1",
        0,
        (("level", "3"),),
        (*_EIGHT, *_TEN, *_TWELVE, "bgr0", "gbrp10le", "gbrp12le"),
        has_crf=False,
    ),
}
"""Names of ``--codec``."""

_DEFAULTS = {"webm": "vp9", "avi": "mpeg4", "mpeg": "mpeg2"}

_DEEP = {"webm": "av1", "flv": "h265", "matroska": "h265", "mov": "h265", "mp4": "h265"} | {
    "mpegts": "h265"
}
"""By container: what keeps more than 8 bits, unless the source's own codec does."""

HOLDS = {
    "3gp": ("h264", "mpeg4"),
    "avi": ("h264", "vp9", "av1", "mpeg4", "mpeg2", "ffv1"),
    "flv": ("h264", "h265", "vp9", "av1"),
    "matroska": tuple(CODECS),
    "mov": ("h264", "h265", "mpeg4", "mpeg2"),
    "mp4": tuple(CODECS),
    "mpeg": ("mpeg2",),
    "mpegts": ("h264", "h265", "mpeg4", "mpeg2"),
    "webm": ("vp9", "av1"),
}
"""By container: names of the codecs that are written into it; each pair is tried by the tests."""

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


WRITTEN_SUFFIXES = frozenset(_FORMATS)
"""Extensions of the video files that are written."""


def codec_for(target: Path, name: str | None, *, deep: str | None = None) -> Codec:
    """Return the codec for a file, by name or the container's usual one.

    Args:
        target: the file.
        name: of CODECS; None for the usual one.
        deep: of a video with more than 8 bits: the codec it is stored in.

    Raises:
        BadValue: no such codec, no container that is written, or a pair that does not fit.
    """
    container = format_of(target)
    chosen = name or _DEFAULTS.get(container, "h264")
    if name is None and deep is not None and container in _DEEP:
        kept = deep in ("h264", "av1") and deep in HOLDS[container]
        chosen = deep if kept else _DEEP[container]
    if chosen not in CODECS:
        raise BadValue(f"there is no codec '{chosen}'; {nearest(chosen, CODECS)}")
    if chosen not in HOLDS[container]:
        raise BadValue(
            f"{target.suffix} does not hold {chosen}; choose --codec "
            f"{' or '.join(HOLDS[container])}, or another container"
        )
    return CODECS[chosen]


def encoder_options(codec: Codec, crf: int | None, container: str) -> dict[str, str]:
    """Return the options of an encoder in a container.

    Args:
        codec: one of CODECS.
        crf: quality; None for the codec's own.
        container: FFmpeg's name.
    """
    options = dict(codec.options)
    if codec.has_crf:
        options["crf"] = str(codec.crf if crf is None else crf)
    if container == "avi" and codec.encoder == "libx264":
        options["bf"] = "0"  # AVI has no time stamps: frames must lie as they are shown
    return options


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
