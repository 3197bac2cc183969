"""Interlaced clips: each frame holds two moments, in its odd and its even lines.

FFmpeg's filters do the work: bwdif makes one whole picture of each frame; separatefields and weave
take the fields apart and put them together again.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from unblur.errors import BadValue

TOP_FIRST, BOTTOM_FIRST = 2, 3
"""FFmpeg's numbers of field orders (AV_FIELD_TT, AV_FIELD_BB)."""

PROGRESSIVE = 1

_TOP_SHOWN_FIRST, _INTERLACED = (2, 5), (2, 3, 4, 5)
"""AV_FIELD_TT and AV_FIELD_BT show the top field first; the others are BB and TB."""

_FLAGGED = frozenset({"h264", "mpeg1video", "mpeg2video", "mpeg4", "vc1", "wmv3", "hevc"})
"""Codecs whose frames say themselves whether they are interlaced; for others the stream counts."""

INTERLACED_CODING = (1 << 18) | (1 << 29)
"""FFmpeg's flags ildct and ilme."""

WEAVING = frozenset({"libx264", "mpeg2video", "mpeg4", "ffv1"})
"""Encoders that store interlaced pictures and say so."""


class Filter:
    """A chain of FFmpeg's filters from one picture track to another.

    Args:
        av: the package PyAV.
        steps: (name, arguments) of each filter.
        size: (width, height) of what goes in.
        pix_fmt: its pixel format.
        time_base: unit of its time stamps, s.
    """

    def __init__(
        self,
        av: Any,
        steps: list[tuple[str, str]],
        *,
        size: tuple[int, int],
        pix_fmt: str,
        time_base: Fraction,
    ) -> None:
        self._av = av
        self.takes = (*size, pix_fmt)
        self._tags: tuple[int, int] | None = None
        self._graph = av.filter.Graph()
        nodes = [
            self._graph.add_buffer(
                width=size[0],
                height=size[1],
                format=av.VideoFormat(pix_fmt),
                time_base=time_base,
            )
        ]
        nodes += [self._graph.add(name, told) for name, told in steps]
        self._graph.link_nodes(*nodes, self._graph.add("buffersink")).configure()

    def __call__(self, frame: Any) -> Iterator[Any]:
        """Push a frame, None for the end, and yield what comes out."""
        if frame is not None:
            self._tags = frame.color_range, frame.colorspace
        self._graph.vpush(frame)
        while True:
            try:
                made = self._graph.vpull()
            except (self._av.error.BlockingIOError, self._av.error.EOFError):
                return
            if self._tags is not None:  # a graph keeps those it was made with
                made.color_range, made.colorspace = self._tags
            yield made


def is_interlaced(frame: Any, codec: str, field_order: int) -> bool:
    """Return whether a decoded frame holds two fields.

    Args:
        frame: PyAV's.
        codec: FFmpeg's canonical name of the track's codec.
        field_order: as the track says it.
    """
    if frame.interlaced_frame:
        return True
    return codec not in _FLAGGED and field_order in _INTERLACED


def shows_top_first(av: Any, frame: Any, field_order: int) -> bool:
    """Return whether a frame's even lines (0, 2, ...) were taken first.

    Only FFmpeg's filters see the frame's own flag: the field that is separated first tells it.
    """
    if not frame.interlaced_frame:
        return field_order in _TOP_SHOWN_FIRST
    lines = _plane(frame)
    first = _plane(next(_apart(av, frame)(frame)))
    return bool(np.array_equal(first, lines[0::2]))


def deinterlacing(av: Any, frame: Any, base: Fraction, field_order: int) -> Filter:
    """Return the filter that makes one whole picture of each interlaced frame.

    Frames that are flagged as progressive pass; where no frame is flagged, all are interlaced.
    """
    if frame.interlaced_frame:
        steps = [("bwdif", "mode=send_frame:parity=auto:deint=interlaced")]
    else:
        parity = "tff" if field_order in _TOP_SHOWN_FIRST else "bff"
        steps = [("bwdif", f"mode=send_frame:parity={parity}:deint=all")]
    return _for(av, frame, steps, base)


def separating(av: Any, frame: Any, base: Fraction, *, top_first: bool) -> Filter:
    """Return the filter that takes each frame's two fields apart, the earlier one first."""
    height = frame.height
    if height % 4:
        raise BadValue(
            f"fields of frames {height} px high cannot be kept (a multiple of 4 is needed); "
            "leave --keep-interlaced out"
        )
    order = "tff" if top_first else "bff"
    return _for(av, frame, [("setfield", f"mode={order}"), ("separatefields", "")], base)


def weaving(av: Any, size: tuple[int, int], pix_fmt: str, *, top_first: bool) -> Filter:
    """Return the filter that makes a frame of two fields.

    Args:
        av: the package PyAV.
        size: (width, height) of one field.
        pix_fmt: of the fields.
        top_first: whether the first of two becomes the even lines.
    """
    first, order = ("top", "tff") if top_first else ("bottom", "bff")
    steps = [("weave", f"first_field={first}"), ("setfield", f"mode={order}")]
    return Filter(av, steps, size=size, pix_fmt=pix_fmt, time_base=Fraction(1, 50))


def _for(av: Any, frame: Any, steps: list[tuple[str, str]], base: Fraction) -> Filter:
    size = (frame.width, frame.height)
    return Filter(av, steps, size=size, pix_fmt=frame.format.name, time_base=base)


def _apart(av: Any, frame: Any) -> Filter:
    return _for(av, frame, [("separatefields", "")], Fraction(frame.time_base or Fraction(1, 25)))


def _plane(frame: Any) -> Any:
    """Return the bytes of a frame's first plane, a row for each line."""
    plane = frame.planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
    kept = plane.width * (2 if frame.format.components[0].bits > 8 else 1)
    return rows[:, :kept]
