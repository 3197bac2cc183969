"""Frames out of video files, by PyAV."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

from unblur.errors import ImageTooLarge, UnblurError, UnreadableImage
from unblur.io import video_fields
from unblur.io.video import ClipInfo, Frame, load_av, open_clip
from unblur.io.video_light import Light, light_of
from unblur.io.video_pixels import samples_of
from unblur.io.video_turn import Matrix, matrix_of

MAX_FRAME_PIXELS = 8192 * 4320
"""Larger frames are refused before they are decoded."""


_FASTEST = 2000
"""More frames a second than any camera of a user's: a clock that FFmpeg took for a rate."""

_PROBED = 64
"""Packets that are looked at for the rate, where the file does not say it."""


class VideoSource:
    """The frames of a video file's first picture track.

    ``origin`` of a frame is its time stamp in units of ``time_base``. Interlaced frames become
    whole pictures, or, if asked, pairs of fields: two frames of half the height with one stamp.

    Args:
        path: any container and codec that FFmpeg reads.
        keep_interlaced: hand on the fields of interlaced clips.

    Attributes, known once the first frame has been read:
        matrix: how the picture is to be turned, see :mod:`unblur.io.video_turn`; None for not.
        light: see :class:`unblur.io.video_light.Light`.
        top_first: of the fields that are handed on; None where whole pictures are.

    Raises:
        UnreadableImage: no such file, not a video, or no picture track in it.
        ImageTooLarge: frames of more than MAX_FRAME_PIXELS.
        MissingExtra: PyAV is not installed.
    """

    def __init__(self, path: Path, *, keep_interlaced: bool = False) -> None:
        self._av = load_av()
        self.path = path
        self._keep = keep_interlaced
        try:
            self.container = open_clip(path)
        except (self._av.FFmpegError, OSError, ValueError) as error:
            raise UnreadableImage(f"cannot read the video {path}: {_reason(error)}") from error
        try:
            self.stream = self._picture_track()
            self.stream.thread_type = "AUTO"
            self.info = self._describe()
        except UnblurError:
            self.container.close()
            raise
        except Exception as error:  # what a damaged file says of itself
            self.container.close()
            raise UnreadableImage(f"cannot read the video {path}: {_reason(error)}") from error
        self.matrix: Matrix | None = None
        self.light = Light()
        self.top_first: bool | None = None
        self._field_order = int(self.stream.codec_context.field_order)
        self._start = 0

    def __iter__(self) -> Iterator[Frame]:
        """Yield (H, W, 3) frames with their times; damaged packets are left out.

        Samples are uint8, or uint16 where the video is deeper than 8 bits.
        """
        last = None
        for picture, pts in self._whole(self._stamped()):
            last = pts
            seconds = float((pts - self._start) * self.time_base)
            yield Frame(samples_of(self._av, picture), seconds, pts)
        if last is None:
            raise UnreadableImage(f"{self.path} holds no frame that can be decoded")

    @property
    def start(self) -> float:
        """When the first frame is shown, s; not 0 in every file. Known once it has been read."""
        return float(self._start * self.time_base)

    @property
    def begins_s(self) -> Fraction:
        """When the first of all tracks begins, s."""
        return Fraction(self.container.start_time or 0, 1_000_000)

    @property
    def time_base(self) -> Fraction:
        """Unit of the time stamps, s."""
        return Fraction(self.stream.time_base or Fraction(1, 1000))

    @property
    def finest_rate(self) -> Fraction | None:
        """The lowest rate whose ticks meet all frames, as FFmpeg guesses it."""
        rate = self.stream.base_rate
        return Fraction(rate) if rate else self.info.rate

    def close(self) -> None:
        """Close the file."""
        self.container.close()

    def _stamped(self) -> Iterator[tuple[Any, int]]:
        """Yield decoded pictures with rising time stamps; learn from the first one."""
        last, step = None, self._ticks()
        for frame in self._decoded():
            self._check_size(frame.width, frame.height)  # it may grow on the way
            pts = frame.pts
            if last is None:
                pts = self._start = pts or 0
                self.matrix, self.light = matrix_of(frame), light_of(frame)
            elif pts is None or pts <= last:
                pts = last + step
            last = pts
            frame.pts, frame.time_base = pts, self.time_base
            yield frame, pts

    def _whole(self, frames: Iterator[tuple[Any, int]]) -> Iterator[tuple[Any, int]]:
        """Yield progressive pictures as they are, interlaced ones deinterlaced or in fields.

        From the first interlaced one on all go through the filter, which needs neighbours.
        """
        filtered: video_fields.Filter | None = None
        stamps: list[int] = []
        codec = self.stream.codec_context.codec.canonical_name
        for frame, pts in frames:
            takes = (frame.width, frame.height, frame.format.name)
            if filtered is not None and filtered.takes != takes:
                yield from _paired(filtered(None), stamps)
                filtered = None
            if filtered is None:
                if not video_fields.is_interlaced(frame, codec, self._field_order):
                    self._keep = False  # the result has begun with whole pictures
                    yield frame, pts
                    continue
                filtered = self._filter(frame)
            stamps += [pts] if self.top_first is None else [pts, pts]
            yield from _paired(filtered(frame), stamps)
        if filtered is not None:
            yield from _paired(filtered(None), stamps)

    def _filter(self, frame: Any) -> video_fields.Filter:
        """Return what interlaced frames go through, and say so in the notes."""
        av, base, order = self._av, self.time_base, self._field_order
        top_first = video_fields.shows_top_first(av, frame, order)
        which = "top" if top_first else "bottom"
        if self._keep:
            made = video_fields.separating(av, frame, base, top_first=top_first)
            self.top_first = top_first
            self._note(f"the clip is interlaced ({which} field first): its fields were restored")
            return made
        self._note(
            f"the clip is interlaced ({which} field first): deinterlaced (bwdif), one picture a "
            "frame; --keep-interlaced keeps its fields"
        )
        return video_fields.deinterlacing(av, frame, base, order)

    def _note(self, text: str) -> None:
        if text not in self.info.notes:
            self.info = replace(self.info, notes=(*self.info.notes, text))

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
            if stream.disposition & self._av.stream.Disposition.attached_pic:
                continue
            if stream.codec_context is None:
                raise UnreadableImage(f"the pictures of {self.path} are of an unknown codec")
            return stream
        raise UnreadableImage(f"{self.path} has no picture track; is it a video?")

    def _ticks(self) -> int:
        rate = self.info.rate or Fraction(25)
        return max(1, round(1 / (rate * self.time_base)))

    def _describe(self) -> ClipInfo:
        stream, context = self.stream, self.stream.codec_context
        self._check_size(context.width, context.height)
        if min(context.width, context.height) < 1:
            raise UnreadableImage(f"{self.path} does not say how large its frames are")
        rate = self._rate()
        frames = stream.frames or None
        if frames is None and rate and self.container.duration:
            frames = max(1, round(self.container.duration / 1e6 * float(rate)))
        return ClipInfo(
            width=context.width,
            height=context.height,
            frames=frames,
            rate=rate,
            notes=self._notes(context),
        )

    def _check_size(self, width: int, height: int) -> None:
        if width * height > MAX_FRAME_PIXELS:
            raise ImageTooLarge(
                f"{self.path} has frames of {width} x {height} px, the limit is "
                f"{MAX_FRAME_PIXELS // 10**6} megapixels"
            )

    def _rate(self) -> Fraction | None:
        """Return the mean rate, as told or, where that is no rate, as the time stamps have it."""
        stream = self.stream
        for rate in (stream.average_rate, stream.guessed_rate):
            if rate and 0 < rate <= _FASTEST:
                return Fraction(rate)
        try:
            with open_clip(self.path) as again:
                packets = again.demux(again.streams[stream.index])
                stamps = sorted(p.pts for p in islice(packets, _PROBED) if p.pts is not None)
        except (self._av.FFmpegError, OSError, ValueError):
            return None
        ticks = stamps[-1] - stamps[0] if len(stamps) > 1 else 0
        if ticks <= 0:
            return None
        return Fraction((len(stamps) - 1) / (ticks * self.time_base)).limit_denominator(1001)

    def _notes(self, context: Any) -> tuple[str, ...]:
        notes = []
        name = context.pix_fmt or ""
        if "yuva" in name or name in ("rgba", "argb", "bgra", "abgr", "gbrap"):
            notes.append("its transparency is left out")
        others = len(self.container.streams.video) - 1
        if others > 0:
            notes.append(f"{others} more picture track(s) or cover picture(s) are left out")
        return tuple(notes)


def _paired(made: Iterator[Any], stamps: list[int]) -> Iterator[tuple[Any, int]]:
    """Give what filters made the stamps of what went in, in order."""
    for picture in made:
        if stamps:
            yield picture, stamps.pop(0)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
