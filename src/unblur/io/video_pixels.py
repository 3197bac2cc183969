"""Pixel formats: which one a result is stored in, and what of the source's it does not hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from unblur.errors import BadValue
from unblur.io.video import careful


@dataclass(frozen=True)
class PixelKind:
    """What a pixel format holds.

    Attributes:
        depth: bits a channel.
        halved: how often the colours' width and height are halved.
        rgb: whether it holds red, green and blue themselves.
        alpha: whether it is transparent.
    """

    depth: int
    halved: tuple[int, int]
    rgb: bool
    alpha: bool


def kind_of(av: Any, name: str) -> PixelKind:
    """Return what a pixel format of FFmpeg holds."""
    kind = av.VideoFormat(name, 16, 16)
    parts = kind.components
    if kind.has_palette:
        return PixelKind(8, (0, 0), True, alpha=False)
    coarse = {1: 4, 2: 3, 4: 2, 8: 1, 16: 0}
    halved = (coarse.get(kind.chroma_width(16), 0), coarse.get(kind.chroma_height(16), 0))
    grey = len(parts) <= 2 and not any(p.is_chroma for p in parts) and not kind.is_rgb
    depth = max((p.bits for p in parts if not p.is_alpha), default=8)
    alpha = any(p.is_alpha for p in parts)
    return PixelKind(depth, (2, 2) if grey else halved, bool(kind.is_rgb), alpha)


def is_deep(av: Any, name: str | None) -> bool:
    """Return whether a pixel format holds more than 8 bits a channel."""
    return bool(name) and kind_of(av, str(name)).depth > 8


def frame_format(av: Any, name: str) -> str:
    """Return the format in which frames are handed on: 8 or 16 bits of red, green, blue."""
    return "rgb48le" if is_deep(av, name) else "rgb24"


def samples_of(av: Any, picture: Any) -> Any:
    """Return a decoded picture as (H, W, 3) samples, uint8 or uint16 (over the full range)."""
    made = frame_format(av, picture.format.name)
    rgb = picture.reformat(format=made, interpolation=careful(av), threads=1)
    return np.asarray(rgb.to_ndarray(), dtype=np.uint16 if made == "rgb48le" else np.uint8)


def choose(av: Any, wanted: str | None, offered: tuple[str, ...], size: tuple[int, int]) -> str:
    """Return the format in which a picture is stored: what loses least, then what adds least.

    Args:
        av: the package PyAV.
        wanted: the source's format; None for 8 bits with colours at half the resolution.
        offered: formats of the encoder.
        size: (width, height): halved colours need even sides.

    Raises:
        BadValue: odd sides, and the encoder only halves.
    """
    goal = kind_of(av, wanted or "yuv420p")
    if goal.rgb and not any(kind_of(av, name).rgb for name in offered):
        goal = PixelKind(goal.depth, (1, 1), rgb=False, alpha=False)
    fitting = [name for name in offered if _fits(kind_of(av, name), size)]
    if not fitting:
        raise BadValue(
            f"this encoder ({', '.join(offered)}) needs even sides, the frames have "
            f"{size[0]} x {size[1]} px; choose --codec h264"
        )
    return min(fitting, key=lambda name: _price(goal, kind_of(av, name)))


def losses(av: Any, had: str | None, made: str) -> list[str]:
    """Tell what a stored format does not hold of the source's."""
    if had is None:
        return []
    old, new = kind_of(av, had), kind_of(av, made)
    notes = []
    if old.depth > new.depth:
        notes.append(f"the video is {had}, more than 8 bits deep; the result has {new.depth} bits")
    if not old.rgb and any(b > a for a, b in zip(old.halved, new.halved, strict=True)):
        notes.append(f"the video is {had}; the result's colours are coarser ({made})")
    return notes


def _fits(kind: PixelKind, size: tuple[int, int]) -> bool:
    return all(side % (1 << halved) == 0 for side, halved in zip(size, kind.halved, strict=True))


def _price(goal: PixelKind, kind: PixelKind) -> tuple[int, ...]:
    lost = sum(max(0, b - a) for a, b in zip(goal.halved, kind.halved, strict=True))
    spare = sum(max(0, a - b) for a, b in zip(goal.halved, kind.halved, strict=True))
    return (
        int(goal.rgb != kind.rgb),
        max(0, goal.depth - kind.depth),
        lost,
        max(0, kind.depth - goal.depth),
        spare,
    )
