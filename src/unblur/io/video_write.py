"""Frames into video files, by PyAV; sound, subtitles and tags come along untouched."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from unblur.errors import BadValue, CannotWrite, EngineFailed, WouldOverwrite
from unblur.io import video_fields, video_pixels, video_turn
from unblur.io.atomic import begin, destination
from unblur.io.video import Frame, careful, load_av
from unblur.io.video_clock import FROM_ZERO, Clock, clock_for
from unblur.io.video_codecs import codec_for, encoder_options, format_of, muxing_of
from unblur.io.video_light import light_notes, light_options
from unblur.io.video_read import VideoSource
from unblur.io.video_tracks import Passengers, language_of, told_of
from unblur.paths import exists, real, shown

_RGB, _UNKNOWN, _FULL = 0, 2, 2
"""FFmpeg's numbers: two colour matrices, and the range 0 to 255."""


@dataclass(frozen=True)
class EncodeOptions:
    """How the result is stored.

    Attributes:
        codec: a name of CODECS; None for the usual one of the container, and of deep videos.
        crf: constant rate factor: lower is better and larger; None for the codec's default.
        seconds: leave out sound and subtitles after so many seconds; None keeps all.
        keep_interlaced: store interlaced clips as such, restored field by field.
    """

    codec: str | None = None
    crf: int | None = None
    seconds: float | None = None
    keep_interlaced: bool = False


class VideoSink:
    """A video file in the making, beside its place, renamed when it is whole.

    Args:
        target: the file; its extension chooses the container.
        source: the video whose times, orientation, colour tags, sound and subtitles it gets; None
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
        self._format = format_of(target)
        self._had = source.stream.codec_context.pix_fmt if source else None
        deep = video_pixels.is_deep(self._av, self._had)
        theirs = source.stream.codec_context.codec.canonical_name if source and deep else None
        self._codec = codec_for(target, self._options.codec, deep=theirs)
        if source is not None and real(target) == real(source.path):
            raise WouldOverwrite(f"{shown(target)} is the video itself; choose another output")
        if exists(target) and not overwrite:
            raise WouldOverwrite(
                f"{shown(target)} exists already; use --overwrite, or choose another"
            )
        self._place = destination(target)
        self._clock = self._clock_of(rate)
        self.notes: list[str] = []
        self._part = begin(self._place)
        self._container: Any = None
        self._passengers: Passengers | None = None
        self._weave: video_fields.Filter | None = None
        self._count = 0
        self._before: Any = None  # the last picture, where pauses are filled with it
        self._matrix: int | None = None  # swscale's default, as whoever reads assumes
        self._range = 0

    def write(self, frame: Frame) -> None:
        """Encode the next frame, or take the next field of one."""
        with self._telling():
            turn = self._turn()
            if turn is not None:
                frame = replace(frame, samples=video_turn.quarter_turned(frame.samples, turn))
            if self._container is None:
                self._open(frame.samples.shape[1], frame.samples.shape[0])
            picture = self._picture(frame)
            made = [picture] if self._weave is None else list(self._weave(picture))
            for whole in made:
                self._encode(whole, frame)

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
            self.notes += self._clock.notes()
            if exists(self._target) and not self._overwrite:
                raise WouldOverwrite(
                    f"{shown(self._target)} has appeared meanwhile; nothing is replaced"
                )
            self._part.replace(self._place)

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

    def _clock_of(self, rate: Fraction | None) -> Clock:
        source, encoder = self._source, self._av.Codec(self._codec.encoder, "w")
        told = rate or (source.info.rate if source else None) or Fraction(25)
        base = source.time_base if source else 1 / told
        finest = (source.finest_rate if source else None) or told
        return clock_for(self._format, self._codec, encoder, base, told, finest)

    def _open(self, width: int, height: int) -> None:
        name, source = self._format, self._source
        top_first = source.top_first if source else None
        options = encoder_options(self._codec, self._options.crf, name)
        if source is not None:
            told = light_options(source.light, self._codec.encoder) or {}
            self._codec.add_parameters(options, told)
        pix_fmt = self._stored_as(width, height, top_first)
        self._container = self._av.open(str(self._part), "w", format=name, options=muxing_of(name))
        stream = self._container.add_stream(
            self._codec.encoder, rate=self._clock.rate, options=options
        )
        context = stream.codec_context
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        context.thread_count = 0
        context.field_order = video_fields.PROGRESSIVE
        if self._codec.tag and name in video_turn.APPLE:
            context.codec_tag = self._codec.tag
        quality = self._codec.crf if self._options.crf is None else self._options.crf
        if not self._codec.has_crf and quality:
            context.qmin = context.qmax = quality
        if top_first is not None:
            self._weave = video_fields.weaving(
                self._av, (width, height), pix_fmt, top_first=top_first
            )
            stream.height = 2 * height
            order = video_fields.TOP_FIRST if top_first else video_fields.BOTTOM_FIRST
            context.field_order = order
            context.flags |= video_fields.INTERLACED_CODING
        self._stream = stream
        if source is not None:
            self._inherit(source)
        context.time_base = self._clock.base

    def _stored_as(self, width: int, height: int, top_first: bool | None) -> str:
        """Return the pixel format of the result, and tell what it loses."""
        offered = self._codec.formats
        if top_first is not None:
            if self._codec.encoder not in video_fields.WEAVING:
                raise BadValue(
                    f"{self._codec.encoder} stores no interlaced pictures; choose --codec h264, "
                    "mpeg2, mpeg4 or ffv1, or leave --keep-interlaced out"
                )
            if self._turn() is not None:
                raise BadValue(
                    f"{self._format} cannot say how a picture is turned, and fields cannot be "
                    "turned; choose .mp4, .mov or .mkv, or leave --keep-interlaced out"
                )
            height *= 2
        chosen = video_pixels.choose(self._av, self._had, offered, (width, height))
        self.notes += video_pixels.losses(self._av, self._had, chosen)
        return chosen

    def _inherit(self, source: VideoSource) -> None:
        """Take over what the source says of its picture, and its other tracks."""
        theirs, ours = source.stream.codec_context, self._stream.codec_context
        if self._codec.tagged and theirs.colorspace != _RGB:
            for tag in ("color_primaries", "color_trc", "colorspace"):
                setattr(ours, tag, getattr(theirs, tag))
            self._matrix = None if theirs.colorspace == _UNKNOWN else theirs.colorspace
            full = (theirs.pix_fmt or "").startswith("yuvj")
            ours.color_range = self._range = _FULL if full else theirs.color_range
        self.notes += light_notes(source.light, self._codec.encoder, int(theirs.color_trc))
        self._inherit_shape(source)
        self._stream.metadata.update(language_of(source.stream))
        self._container.metadata.update(told_of(source.container.metadata))
        with contextlib.suppress(Exception):
            self._container.set_chapters(source.container.chapters())
        self._passengers = Passengers(
            source.path, self._container, self.notes, begins_s=self._begins_s()
        )

    def _inherit_shape(self, source: VideoSource) -> None:
        """Take over the pixels' shape and how the picture is to be turned."""
        aspect, turned = source.stream.sample_aspect_ratio, self._turn()
        if aspect and turned is not None and video_turn.swaps_sides(turned):
            aspect = 1 / aspect
        if aspect:
            self._stream.codec_context.sample_aspect_ratio = aspect
        matrix = source.matrix
        if matrix is None:
            return
        size = source.info.width, source.info.height
        words = video_turn.lost(matrix, self._format, size)
        if words is not None:
            self.notes.append(words)
        if turned is not None:
            self.notes.append(f"{self._format} cannot say how a picture is turned: turned itself")
        else:
            now = self._stream.width, self._stream.height
            self._stream.set_display_matrix(video_turn.resized(matrix, size, now))

    def _turn(self) -> video_turn.Matrix | None:
        """Return how pixels are turned, since the container cannot say it; None for not."""
        matrix = self._source.matrix if self._source is not None else None
        if matrix is None or video_turn.held(self._format):
            return None
        return matrix

    def _begins_s(self) -> Fraction:
        """Return how much earlier everything is in the result."""
        begins = self._source is not None and self._format in FROM_ZERO
        return self._source.begins_s if begins and self._source else Fraction(0)

    def _picture(self, frame: Frame) -> Any:
        form = "rgb48le" if frame.samples.dtype == np.uint16 else "rgb24"
        picture = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(frame.samples), format=form)
        if picture.format.name != self._stream.pix_fmt:
            picture = picture.reformat(
                format=self._stream.pix_fmt,
                dst_colorspace=self._matrix,
                dst_color_range=self._range or None,
                interpolation=careful(self._av),
                threads=1,
            )
        picture.pts = self._count
        picture.time_base = Fraction(1, 50)
        return picture

    def _encode(self, picture: Any, frame: Frame) -> None:
        pts = self._count
        if self._source is not None:
            pts = frame.origin - round(self._begins_s() / self._source.time_base)
        if self._passengers is not None and self._source is not None:
            self._passengers.until(float(frame.origin * self._source.time_base))
        tick = self._clock.stamp(pts)
        for pause in self._clock.pauses(tick):
            self._put(self._before, pause)
        self._put(picture, tick)
        self._before = picture if self._clock.fills else None
        self._count += 1

    def _put(self, picture: Any, tick: int) -> None:
        picture.pts, picture.time_base = tick, self._clock.base
        self._container.mux(self._stream.encode(picture))
