"""Sound and subtitles that travel along with the picture, copied and never decoded.

Text subtitles that the new container holds in another form only are brought into that.
"""

from __future__ import annotations

import contextlib
from fractions import Fraction
from pathlib import Path
from typing import Any

from unblur.io.video import open_clip
from unblur.io.video_subtitles import add_text_track, converted, form_for

_NO_SHIFT = Fraction(0)

_IN_MPEGTS = {"aac", "ac3", "dvb_subtitle", "dvb_teletext", "eac3", "mp2", "mp3", "opus"}


class Passengers:
    """Sound and subtitle tracks, copied packet by packet as the picture goes on.

    Args:
        path: of the source.
        target: PyAV's container in the making.
        notes: what is left out is told there.
        begins_s: by how much all packets are earlier in the result, s.
    """

    def __init__(
        self, path: Path, target: Any, notes: list[str], *, begins_s: Fraction = _NO_SHIFT
    ) -> None:
        self._begins_s = begins_s
        self._target = target
        self._source = open_clip(path)
        self._tracks: dict[int, Any] = {}
        self._forms: dict[int, tuple[str, str]] = {}
        for stream in self._source.streams:
            if stream.type in ("audio", "subtitle"):
                self._add(stream, notes)
            elif stream.type == "attachment" and "matroska" in target.format.name:
                with contextlib.suppress(Exception):
                    target.add_attachment(stream.name, stream.mimetype, stream.data)
        wanted = [s for s in self._source.streams if s.index in self._tracks]
        self._packets = self._source.demux(*wanted) if wanted else iter(())
        self._held: Any = None

    def until(self, seconds: float | None) -> None:
        """Copy all packets up to a time; None copies the rest."""
        while True:
            packet = self._held or next(self._packets, None)
            self._held = None
            if packet is None:
                return
            if packet.dts is None:
                continue  # the empty last one
            if seconds is not None and float(packet.dts * packet.time_base) > seconds:
                self._held = packet
                return
            self._copy(packet)

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def _copy(self, packet: Any) -> None:
        index = packet.stream.index
        if index in self._forms:
            packet = converted(packet, *self._forms[index])
        if packet is not None:
            if self._begins_s:
                ticks = round(self._begins_s / packet.time_base)
                packet.dts -= ticks
                packet.pts = None if packet.pts is None else packet.pts - ticks
            packet.stream = self._tracks[index]
            self._target.mux(packet)

    def _add(self, stream: Any, notes: list[str]) -> None:
        name = stream.codec_context.name if stream.codec_context else "unknown"
        try:
            if _fits(self._target, stream):
                ours = self._target.add_stream_from_template(stream)
            else:
                codec = canonical_name(stream)
                form = form_for(self._target.format.name, codec)
                if form is None:
                    raise ValueError(name)
                ours = add_text_track(self._target, form)
                self._forms[stream.index] = codec, form
        except Exception:
            notes.append(
                f"the {stream.type} track {stream.index} ({name}) is left out: "
                f"{self._target.format.name} cannot hold it"
            )
            return
        ours.metadata.update(language_of(stream))
        self._tracks[stream.index] = ours


def _fits(target: Any, stream: Any) -> bool:
    """Return whether a container can hold a track; MPEG-TS does not tell, so we do."""
    codec = canonical_name(stream)
    known = _IN_MPEGTS if target.format.name == "mpegts" else target.supported_codecs
    return not known or codec in known


def canonical_name(stream: Any) -> str:
    """Return FFmpeg's name of a track's codec, whatever decodes it; "" where it knows none."""
    return stream.codec_context.codec.canonical_name if stream.codec_context else ""


def language_of(stream: Any) -> dict[str, str]:
    """Return what a track says of its language and name."""
    return {k: v for k, v in stream.metadata.items() if k in ("language", "title", "handler_name")}


def told_of(metadata: dict[str, str]) -> dict[str, str]:
    """Return what a file says of its content, without what describes the old file's making."""
    made = {"major_brand", "minor_version", "compatible_brands", "encoder"}
    return {key: value for key, value in metadata.items() if key.lower() not in made}
