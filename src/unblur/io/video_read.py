"""Frames out of video files, by PyAV."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from unblur.errors import ImageTooLarge, UnreadableImage
from unblur.io.video import ClipInfo, Frame, careful, load_av

MAX_FRAME_PIXELS = 8192 * 4320
"""Larger frames are refused before they are decoded."""

_DEEP = ("10", "12", "14", "16")


class VideoSource:
    """The frames of a video file's first picture track.

    ``origin`` of a frame is its time stamp in units of ``stream.time_base``.

    Args:
        path: any container and codec that FFmpeg reads.

    Raises:
        UnreadableImage: no such file, not a video, or no picture track in it.
        ImageTooLarge: frames of more than MAX_FRAME_PIXELS.
        MissingExtra: PyAV is not installed.
    """

    def __init__(self, path: Path) -> None:
        self._av = load_av()
        self.path = path
        try:
            self.container = self._av.open(str(path), metadata_errors="replace")
        except (self._av.FFmpegError, OSError, ValueError) as error:
            raise UnreadableImage(f"cannot read the video {path}: {_reason(error)}") from error
        try:
            self.stream = self._picture_track()
            self.stream.thread_type = "AUTO"
            self.info = self._describe()
        except BaseException:
            self.container.close()
            raise
        self.rotation = 0
        """Of the first frame, degrees counter-clockwise; known once it has been read."""
        self._start = 0

    def __iter__(self) -> Iterator[Frame]:
        """Yield (H, W, 3) uint8 frames with their times; damaged packets are left out."""
        last, step, how = None, self._ticks(), careful(self._av)
        for frame in self._decoded():
            pts = frame.pts
            if last is None:
                pts = self._start = pts or 0
                self.rotation = frame.rotation
            elif pts is None or pts <= last:
                pts = last + step
            last = pts
            rgb = frame.reformat(format="rgb24", interpolation=how, threads=1)
            samples = np.asarray(rgb.to_ndarray(), dtype=np.uint8)
            yield Frame(samples, float((pts - self._start) * self.time_base), pts)
        if last is None:
            raise UnreadableImage(f"{self.path} holds no frame that can be decoded")

    @property
    def start(self) -> float:
        """When the first frame is shown, s; not 0 in every file. Known once it has been read."""
        return float(self._start * self.time_base)

    @property
    def time_base(self) -> Fraction:
        """Unit of the time stamps, s."""
        return Fraction(self.stream.time_base or Fraction(1, 1000))

    def close(self) -> None:
        """Close the file."""
        self.container.close()

    def _decoded(self) -> Iterator[Any]:
        """Decode packet by packet, the empty last one too, which holds the last frames."""
        errors = 0
        packets = self.container.demux(self.stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except self._av.FFmpegError as error:
                raise UnreadableImage(
                    f"cannot read on in the video {self.path}: {_reason(error)}"
                ) from error
            try:
                yield from packet.decode()
            except self._av.FFmpegError as error:
                errors += 1
                if errors > 100:
                    raise UnreadableImage(
                        f"the video {self.path} is damaged: {_reason(error)}"
                    ) from error

    def _picture_track(self) -> Any:
        for stream in self.container.streams.video:
            if not stream.disposition & self._av.stream.Disposition.attached_pic:
                return stream
        raise UnreadableImage(f"{self.path} has no picture track; is it a video?")

    def _ticks(self) -> int:
        rate = self.info.rate or Fraction(25)
        return max(1, round(1 / (rate * self.time_base)))

    def _describe(self) -> ClipInfo:
        stream, context = self.stream, self.stream.codec_context
        if context.width * context.height > MAX_FRAME_PIXELS:
            raise ImageTooLarge(
                f"{self.path} has frames of {context.width} x {context.height} px, the limit is "
                f"{MAX_FRAME_PIXELS // 10**6} megapixels"
            )
        if min(context.width, context.height) < 1:
            raise UnreadableImage(f"{self.path} does not say how large its frames are")
        rate = stream.average_rate or stream.guessed_rate
        frames = stream.frames or None
        if frames is None and rate and self.container.duration:
            frames = max(1, round(self.container.duration / 1e6 * float(rate)))
        return ClipInfo(
            width=context.width,
            height=context.height,
            frames=frames,
            rate=Fraction(rate) if rate else None,
            notes=self._notes(context),
        )

    def _notes(self, context: Any) -> tuple[str, ...]:
        notes = []
        name = context.pix_fmt or ""
        if any(depth in name.removeprefix("yuv").removeprefix("p0") for depth in _DEEP):
            notes.append(f"the video is {name}, more than 8 bits deep; the result has 8 bits")
        if "yuva" in name or name in ("rgba", "argb", "bgra", "abgr", "gbrap"):
            notes.append("its transparency is left out")
        others = len(self.container.streams.video) - 1
        if others > 0:
            notes.append(f"{others} more picture track(s) or cover picture(s) are left out")
        return tuple(notes)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
