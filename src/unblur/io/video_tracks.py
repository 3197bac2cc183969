"""Sound and subtitles that travel along with the picture, copied and never decoded."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from unblur.io.video import load_av

_IN_MPEGTS = {"aac", "ac3", "dvb_subtitle", "dvb_teletext", "eac3", "mp2", "mp3", "opus"}


class Passengers:
    """Sound and subtitle tracks, copied packet by packet as the picture goes on."""

    def __init__(self, path: Path, target: Any, notes: list[str]) -> None:
        av = load_av()
        self._target = target
        self._source = av.open(str(path), metadata_errors="replace")
        self._tracks: dict[int, Any] = {}
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
            packet.stream = self._tracks[packet.stream.index]
            self._target.mux(packet)

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def _add(self, stream: Any, notes: list[str]) -> None:
        name = stream.codec_context.name if stream.codec_context else "unknown"
        try:
            if not _fits(self._target, stream):
                raise ValueError(name)
            ours = self._target.add_stream_from_template(stream)
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
    codec = stream.codec_context.codec.canonical_name if stream.codec_context else ""
    known = _IN_MPEGTS if target.format.name == "mpegts" else target.supported_codecs
    return not known or codec in known


def language_of(stream: Any) -> dict[str, str]:
    """Return what a track says of its language and name."""
    return {k: v for k, v in stream.metadata.items() if k in ("language", "title", "handler_name")}
