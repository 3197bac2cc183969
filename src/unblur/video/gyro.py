"""Clips whose camera path was recorded: each frame's PSFs are known, none is estimated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from unblur.blur.recorded import RecordedPath
from unblur.errors import BadValue
from unblur.io.gyro_logs import load_gyro_log
from unblur.io.video import ClipInfo, Frame
from unblur.io.video_read import VideoSource
from unblur.video.known import STILL, FrameMotion

_MISSING_SHARE = 0.05
"""Share of a clip that the log may leave uncovered: recorders stop a moment too soon."""

_SPAN_MM = 36.0
"""Width of the film that focal lengths of phones are told for."""

_FOCAL_KEYS = ("com.apple.quicktime.camera.focal_length.35mm_equivalent",)


@dataclass(frozen=True)
class GyroOptions:
    """Where the camera path comes from, and what the log does not say.

    Attributes:
        path: a ``.gcsv`` log, or a video with a GPMF track (the clip itself).
        focal_px: focal length in px of the stored frames' width; None takes the metadata's.
        shutter: exposure: "1/100" or "0.01" in s, "50%" of the time between frames; None takes
            the metadata's.
        readout_ms: from the first line's exposure to the last one's; None takes the metadata's.
        offset_ms: when, on the clip's clock, the log's time 0 is.
    """

    path: Path
    focal_px: float | None = None
    shutter: str | None = None
    readout_ms: float | None = None
    offset_ms: float = 0.0

    def __post_init__(self) -> None:
        if self.focal_px is not None and not 1 <= self.focal_px <= 1e6:
            raise BadValue(f"the focal length must be 1 px or more, got {self.focal_px}")
        if self.readout_ms is not None and not 0 <= self.readout_ms <= 1000:
            raise BadValue(f"the read-out must take 0 to 1000 ms, got {self.readout_ms}")
        if self.shutter is not None:
            _parsed(self.shutter)


class GyroSource:
    """A video's frames, each with its recorded motion.

    Args:
        source: the clip; interlaced ones must not be kept so.
        options: see :class:`GyroOptions`.
        seconds: how much of the clip is wanted; None for all.

    Raises:
        UnreadableImage: no such log, or its samples make no sense.
        BadValue: the log does not cover the clip, or focal length or exposure are unknown.
    """

    def __init__(
        self, source: VideoSource, options: GyroOptions, *, seconds: float | None = None
    ) -> None:
        self._source, self._options = source, options
        self._log = load_gyro_log(options.path)
        self._notes: list[str] = []
        self._missing = 0
        focal = self._focal_px()
        aspect = float(source.stream.sample_aspect_ratio or 1)
        times = self._log.times_s + options.offset_ms / 1000
        self._path = RecordedPath(times, self._log.omega, (focal, focal * aspect))
        self._readout_s = self._readout()
        self._exposure(0.0)
        self._check_cover(seconds)

    @property
    def info(self) -> ClipInfo:
        """See :class:`unblur.io.video.FrameSource`; tells what was taken from where."""
        notes = list(self._notes)
        if self._missing:
            notes.append(f"{self._missing} frame(s) that the log does not cover were left alone")
        info = self._source.info
        return replace(info, notes=(*info.notes, *notes))

    def __iter__(self) -> Iterator[Frame]:
        """Yield frames with their motion; without one where the log has a gap."""
        for frame in self._source:
            exposure = self._exposure(frame.seconds)
            if not self._known(frame.seconds, (exposure + self._readout_s) / 2):
                self._missing += 1
                yield replace(frame, motion=STILL)
                continue
            motion = FrameMotion(
                self._path, frame.seconds, exposure, self._readout_s, self._log.direction
            )
            yield replace(frame, motion=motion)

    def close(self) -> None:
        """Close the clip."""
        self._source.close()

    def _known(self, middle_s: float, half_s: float) -> bool:
        """Return whether the log covers a frame, or half of it at either end of the log."""
        first, last = float(self._path.times_s[0]), float(self._path.times_s[-1])
        begin, end = max(middle_s - half_s, first), min(middle_s + half_s, last)
        return end - begin >= 0.99 * half_s and self._path.covers(begin, end)

    def _focal_px(self) -> float:
        options, info = self._options, self._source.info
        if options.focal_px is not None:
            return options.focal_px
        if self._log.focal_ratio is not None:
            focal = self._log.focal_ratio * float(np.hypot(info.width, info.height))
            self._notes.append(f"focal length {focal:.0f} px, by the camera's field of view")
            return focal
        for key in _FOCAL_KEYS:
            text = self._source.container.metadata.get(key, "")
            try:
                focal = float(text) / _SPAN_MM * max(info.width, info.height)
            except ValueError:
                continue
            if 1 <= focal <= 1e6:
                self._notes.append(f"focal length {focal:.0f} px, by the clip's metadata")
                return focal
        raise BadValue(
            "the focal length is told neither by the log nor by the clip; give --focal-px (for a "
            "lens of f mm as on 35 mm film: f / 36 times the frames' width in px)"
        )

    def _readout(self) -> float:
        if self._options.readout_ms is not None:
            return self._options.readout_ms / 1000
        if self._log.readout_s is not None:
            return self._log.readout_s
        self._notes.append("the sensor's read-out is not told, taken as 0; --readout-ms tells it")
        return 0.0

    def _exposure(self, seconds: float) -> float:
        """Return how long the lines of a frame were exposed, s."""
        between = float(1 / (self._source.info.rate or Fraction(25)))
        if self._options.shutter is not None:
            value, share = _parsed(self._options.shutter)
            return value * between if share else value
        if self._log.exposures is None:
            raise BadValue(
                "the exposure is not told by the log; give --shutter, as 1/100 (s) or 50% (of the "
                "time between frames)"
            )
        times, lengths = self._log.exposures
        at = np.abs(times + self._options.offset_ms / 1000 - seconds).argmin()
        return float(lengths[at])

    def _check_cover(self, seconds: float | None) -> None:
        """Refuse a log that does not belong to the clip."""
        info, times = self._source.info, self._path.times_s
        length = float(info.frames / info.rate) if info.frames and info.rate else 0.0
        if seconds is not None:
            length = min(length, seconds) if length else seconds
        slack = max(_MISSING_SHARE * length, 0.05)
        if times[0] > slack or times[-1] < length - slack:
            raise BadValue(
                f"the gyroscope log covers {times[0]:.2f} to {times[-1]:.2f} s of the clip, "
                f"0 to {length:.2f} s are needed; is it of this clip? "
                "--gyro-offset-ms shifts it"
            )


def _parsed(text: str) -> tuple[float, bool]:
    """Return a shutter's value and whether it is a share of the time between frames."""
    share = text.strip().endswith("%")
    try:
        value = float(Fraction(text.strip().rstrip("%").removesuffix("s").strip()))
    except (ValueError, ZeroDivisionError):
        value = 0.0
    value = value / 100 if share else value
    if not 0 < value <= 1:
        raise BadValue(f"the shutter must be a time in s as 1/100, or a share as 50%, got '{text}'")
    return value, share
