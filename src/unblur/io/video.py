"""What sequences of frames have in common, whether they lie in a video file, a folder or a pipe."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from unblur.errors import MissingExtra, UnreadableImage
from unblur.files import check_regular
from unblur.paths import shown

VIDEO_SUFFIXES = frozenset(
    {
        ".3gp",
        ".avi",
        ".flv",
        ".gif",
        ".m2ts",
        ".m4v",
        ".mkv",
        ".mov",
        ".mp4",
        ".mpeg",
        ".mpg",
        ".mts",
        ".ogv",
        ".ts",
        ".webm",
        ".wmv",
    }
)
"""Extensions by which videos are found in folders; a named file is tried whatever it is called."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame of a sequence.

    Attributes:
        samples: (H, W, 3) uint8, uint16 or float32, sRGB-like (the file's own tone curve).
        seconds: when it is shown, from the start; 0 where a sequence has no times.
        origin: what its source knows of it and its sink needs back: time stamp, photo, name.
        motion: how the camera moved, where that was recorded; see :mod:`unblur.video.known`.
    """

    samples: NDArray[Any]
    seconds: float = 0.0
    origin: Any = None
    motion: Any = None


@dataclass(frozen=True)
class ClipInfo:
    """What is known of a sequence before it is read.

    Attributes:
        width, height: of the frames as stored; 0 where they differ or are unknown.
        frames: about how many; None where nobody knows.
        rate: frames per second, on average; None where a sequence has no times.
        notes: what will not be kept, for the user.
    """

    width: int
    height: int
    frames: int | None
    rate: Fraction | None
    notes: tuple[str, ...] = ()


class FrameSource(Protocol):
    """Frames in order; closed when the caller is done."""

    @property
    def info(self) -> ClipInfo:
        """Known before the first frame; its notes once all have been read."""

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames; UnreadableImage where one cannot be decoded."""

    def close(self) -> None:
        """Let go of the file."""


class FrameSink(Protocol):
    """Takes frames in order; the result appears whole, by ``finish``, or not at all."""

    def write(self, frame: Frame) -> None:
        """Take the next frame; all are of the first one's size."""

    def finish(self) -> None:
        """Write what is still held and give the result its name."""

    def discard(self) -> None:
        """Leave nothing behind; harmless after ``finish``."""


def is_video(path: Path) -> bool:
    """Return whether a file's name is that of a video."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def load_av() -> Any:
    """Return the package PyAV.

    Raises:
        MissingExtra: it is not installed.
    """
    os.environ.setdefault("SVT_LOG", "1")  # the AV1 encoder else tells its settings
    try:
        import av
    except ImportError as error:
        raise MissingExtra("av", "video", "reading and writing video files") from error
    # What matters is raised. PyAV's own logging calls Python from FFmpeg's threads: one that does
    # while a damaged clip is closed, and that is waited for, waits for ever itself.
    av.logging.restore_default_callback()
    av.logging.set_libav_level(av.logging.PANIC)
    return av


_DEMUXERS = (
    *("mov", "matroska", "avi", "mpeg", "mpegts", "mpegvideo", "m4v", "h264", "hevc", "obu", "ivf"),
    *("flv", "asf", "ogg", "mxf", "dv", "nut", "yuv4mpegpipe", "mjpeg", "gif", "apng"),
    *("png_pipe", "jpeg_pipe", "bmp_pipe", "tiff_pipe"),
)
"""FFmpeg's names of what is read: kinds whose files hold everything in themselves. It knows others
by their content, whatever a file is called, that name further files and addresses: play lists (HLS,
DASH), scripts (concat), descriptions of streams (SDP)."""


def open_clip(path: Path) -> Any:
    """Open a video file for reading by PyAV: nothing else is opened, on the disk or elsewhere.

    Raises:
        UnreadableImage: it is no regular file, or of a kind that is not read.
        MissingExtra: PyAV is not installed.
        av.FFmpegError, OSError, ValueError: it is missing or damaged.
    """
    av = load_av()
    check_regular(path, UnreadableImage)
    only = {"format_whitelist": ",".join(_DEMUXERS), "protocol_whitelist": "file"}
    try:
        # A name may look like an address of another protocol.
        return av.open(f"file:{path}", metadata_errors="replace", container_options=only)
    except av.ArgumentError as error:
        raise UnreadableImage(
            f"{shown(path)} is no video of a kind that is read: files that hold their pictures "
            "themselves, as MP4, MOV, MKV, WebM, AVI, MPEG; no play lists"
        ) from error


def careful(av: Any) -> Any:
    """Return how FFmpeg is to convert pixels: exactly.

    Left to itself it is quick: pictures come out darker by one grey level, with coarse colours.

    Args:
        av: the package PyAV.
    """
    how = av.video.reformatter.Interpolation
    return how.BICUBIC | how.ACCURATE_RND | how.FULL_CHR_H_INT | how.FULL_CHR_H_INP
