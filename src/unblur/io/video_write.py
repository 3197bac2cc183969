"""Frames into video files, by PyAV; sound, subtitles and tags come along untouched."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from unblur.errors import BadValue, CannotWrite, EngineFailed, WouldOverwrite
from unblur.io.video import Frame, careful, load_av
from unblur.io.video_codecs import TURNING, codec_for, format_of, muxing_of
from unblur.io.video_read import VideoSource
from unblur.io.video_tracks import Passengers, language_of

_RGB, _UNKNOWN, _FULL = 0, 2, 2
"""FFmpeg's numbers: two colour matrices, and the range 0 to 255."""


@dataclass(frozen=True)
class EncodeOptions:
    """How the result is stored.

    Attributes:
        codec: a name of CODECS; None for the usual one of the container.
        crf: constant rate factor: lower is better and larger; None for the codec's default.
        seconds: leave out sound and subtitles after so many seconds; None keeps all.
    """

    codec: str | None = None
    crf: int | None = None
    seconds: float | None = None


class VideoSink:
    """A video file in the making, beside its place, renamed when it is whole.

    Args:
        target: the file; its extension chooses the container.
        source: the video whose times, rotation, colour tags, sound and subtitles it gets; None
            for frames out of nowhere, evenly timed.
        rate: frames per second, where there is no source.
        options: how it is stored.
        overwrite: replace an existing file.

    Raises:
        WouldOverwrite: the file exists, or is the source.
        BadValue: a container or codec that is not written, or a pair that does not fit.
        CannotWrite: no such folder, no permission.
    """

    def __init__(
        self,
        target: Path,
        *,
        source: VideoSource | None,
        rate: Fraction | None = None,
        options: EncodeOptions | None = None,
        overwrite: bool = False,
    ) -> None:
        self._av = load_av()
        self._target, self._source = target, source
        self._options = options or EncodeOptions()
        self._overwrite = overwrite
        self._codec = codec_for(target, self._options.codec)
        if source is not None and target.exists() and target.samefile(source.path):
            raise WouldOverwrite(f"{target} is the video itself; choose another output")
        if target.exists() and not overwrite:
            raise WouldOverwrite(f"{target} exists already; use --overwrite, or choose another")
        self._rate = rate or (source.info.rate if source else None) or Fraction(25)
        self.notes: list[str] = []
        self._part = _part_beside(target)
        self._container: Any = None
        self._passengers: Passengers | None = None
        self._count = 0
        self._matrix: int | None = None  # swscale's default, as whoever reads assumes
        self._range = 0

    def write(self, frame: Frame) -> None:
        """Encode the next frame."""
        with self._telling():
            turns = self._turns()
            if turns:
                frame = replace(frame, samples=np.rot90(frame.samples, turns))
            if self._container is None:
                self._open(frame.samples.shape[1], frame.samples.shape[0])
            picture = self._picture(frame)
            if self._passengers is not None:
                self._passengers.until(float(picture.pts * picture.time_base))
            self._container.mux(self._stream.encode(picture))
            self._count += 1

    def finish(self) -> None:
        """Write what is still held and rename the file."""
        with self._telling():
            if self._container is None:
                raise CannotWrite(f"no frame came, {self._target} is not written")
            self._container.mux(self._stream.encode(None))
            if self._passengers is not None:
                limit, source = self._options.seconds, self._source
                self._passengers.until(limit + source.start if limit and source else None)
            self._close()
            if self._target.exists() and not self._overwrite:
                raise WouldOverwrite(f"{self._target} has appeared meanwhile; nothing is replaced")
            self._part.replace(self._target)

    def discard(self) -> None:
        """Remove the unfinished file."""
        with contextlib.suppress(Exception):
            self._close()
        self._part.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._passengers is not None:
            self._passengers.close()
            self._passengers = None
        if self._container is not None:
            container, self._container = self._container, None
            container.close()

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        """Turn FFmpeg's errors into ours."""
        try:
            yield
        except self._av.FFmpegError as error:
            raise EngineFailed(f"cannot encode {self._target}: {error}") from error
        except OSError as error:
            raise CannotWrite(f"cannot write {self._target}: {error.strerror or error}") from error

    def _open(self, width: int, height: int) -> None:
        name = format_of(self._target)
        self._container = self._av.open(str(self._part), "w", format=name, options=muxing_of(name))
        options = dict(self._codec.options)
        quality = self._codec.crf if self._options.crf is None else self._options.crf
        if self._codec.has_crf:
            options["crf"] = str(quality)
        stream = self._container.add_stream(self._codec.encoder, rate=self._rate, options=options)
        stream.width, stream.height = width, height
        stream.pix_fmt = self._pixels(width, height)
        stream.codec_context.thread_count = 0
        if not self._codec.has_crf and quality:
            stream.codec_context.qmin = stream.codec_context.qmax = quality
        self._stream = stream
        self._time_base = 1 / self._rate
        if self._source is not None:
            self._inherit(self._source)
        stream.codec_context.time_base = self._time_base

    def _inherit(self, source: VideoSource) -> None:
        """Take over what the source says of its picture, and its other tracks."""
        theirs, ours = source.stream.codec_context, self._stream.codec_context
        self._time_base = source.time_base
        if self._codec.tagged and theirs.colorspace != _RGB:
            for tag in ("color_primaries", "color_trc", "colorspace"):
                setattr(ours, tag, getattr(theirs, tag))
            self._matrix = None if theirs.colorspace == _UNKNOWN else theirs.colorspace
            full = (theirs.pix_fmt or "").startswith("yuvj")
            ours.color_range = self._range = _FULL if full else theirs.color_range
        if theirs.sample_aspect_ratio:
            ours.sample_aspect_ratio = theirs.sample_aspect_ratio
        if source.rotation and not self._turns():
            self._stream.set_display_rotation(source.rotation)
        self._stream.metadata.update(language_of(source.stream))
        self._container.metadata.update(_told(source.container.metadata))
        with contextlib.suppress(Exception):
            self._container.set_chapters(source.container.chapters())
        self._passengers = Passengers(source.path, self._container, self.notes)

    def _turns(self) -> int:
        """Return by how many quarters frames are turned, since the container cannot say it."""
        if self._source is None or format_of(self._target) in TURNING:
            return 0
        return round(self._source.rotation / 90) % 4

    def _pixels(self, width: int, height: int) -> str:
        """Return the pixel format: the source's chroma where the codec has it."""
        wanted = "yuv420p"
        if self._source is not None:
            wanted = (self._source.stream.codec_context.pix_fmt or wanted).replace("yuvj", "yuv")
        if wanted not in self._codec.formats:
            wanted = "yuv420p"
        odd = (width % 2 and wanted != "yuv444p") or (height % 2 and wanted == "yuv420p")
        if odd and "yuv444p" in self._codec.formats:
            return "yuv444p"  # halved chroma needs even sides
        if odd:
            raise BadValue(
                f"{self._codec.encoder} needs even sides, the frames have {width} x {height} px; "
                "choose --codec h264"
            )
        return wanted

    def _picture(self, frame: Frame) -> Any:
        picture = self._av.VideoFrame.from_ndarray(
            np.ascontiguousarray(frame.samples), format="rgb24"
        )
        if picture.format.name != self._stream.pix_fmt:
            picture = picture.reformat(
                format=self._stream.pix_fmt,
                dst_colorspace=self._matrix,
                dst_color_range=self._range or None,
                interpolation=careful(self._av),
                threads=1,
            )
        picture.pts = self._count if self._source is None else frame.origin
        picture.time_base = self._time_base
        return picture


def _told(metadata: dict[str, str]) -> dict[str, str]:
    """Leave out what describes the old file's making, not its content."""
    made = {"major_brand", "minor_version", "compatible_brands", "encoder"}
    return {key: value for key, value in metadata.items() if key.lower() not in made}


def _part_beside(target: Path) -> Path:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            dir=target.parent, prefix=f".{target.name[:40]}.", suffix=".part"
        )
        os.close(handle)
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)
    except OSError as error:
        raise CannotWrite(f"cannot write {target}: {error.strerror or error}") from error
    return Path(name)
