"""Text subtitles brought into the form that another container holds."""

from __future__ import annotations

import re
from typing import Any

from unblur.io.video import load_av

_FORMS = {"mp4": "mov_text", "mov": "mov_text", "matroska": "subrip", "webm": "webvtt"}
"""By container: the kind of text subtitles that players expect in it."""

_TEXTS = frozenset(_FORMS.values())

_TAGS = re.compile(r"</?[a-zA-Z][^<>]*>|\{\\[^{}]*\}")

_HEADER = b"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, \
Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, \
Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,0

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""
"""FFmpeg wants to know a style, in the words of another format, before it opens a text track."""


def form_for(container: str, codec: str) -> str | None:
    """Return the kind of text subtitles that a track becomes in a container, if it can.

    Args:
        container: FFmpeg's name of it.
        codec: FFmpeg's canonical name of the track's codec.
    """
    return _FORMS.get(container) if codec in _TEXTS else None


def add_text_track(target: Any, form: str) -> Any:
    """Add a track of text subtitles to a container in the making and return it."""
    track = target.add_stream(form)
    track.codec_context.subtitle_header = _HEADER
    return track


def converted(packet: Any, codec: str, form: str) -> Any:
    """Return a packet of text subtitles in another form, or None if it shows nothing.

    Italics and the like are lost: each form has words of its own for them.

    Args:
        packet: of the track as it was.
        codec: FFmpeg's canonical name of what it was.
        form: what it becomes.
    """
    data = bytes(packet)
    if codec == "mov_text":
        data = data[2 : 2 + int.from_bytes(data[:2], "big")]
    text = _TAGS.sub("", data.decode("utf-8", "replace")).strip()
    if not text:
        return None
    data = text.encode()
    if form == "mov_text":
        data = min(len(data), 0xFFFF).to_bytes(2, "big") + data[:0xFFFF]
    new = load_av().Packet(data)
    new.time_base = packet.time_base
    new.pts = new.dts = packet.pts if packet.pts is not None else packet.dts
    new.duration = packet.duration
    return new
