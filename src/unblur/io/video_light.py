"""What a video says of the light it was made for: mastering display, content light, tone curve.

Both are kept inside the stream by the encoders that can (x264, x265, SVT-AV1), in the units of
SMPTE ST 2086 and CTA-861.3.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

_PQ, _HLG = 16, 18
"""FFmpeg's numbers of the tone curves SMPTE ST 2084 and ARIB STD-B67."""

_NAMES = {
    "A53_CC": "closed captions inside the picture",
    "AMBIENT_VIEWING_ENVIRONMENT": "the ambient viewing environment",
    "DOVI_METADATA": "Dolby Vision metadata",
    "DOVI_RPU_BUFFER": "Dolby Vision metadata",
    "DYNAMIC_HDR_PLUS": "HDR10+ dynamic metadata",
    "DYNAMIC_HDR_VIVID": "HDR Vivid metadata",
    "ICC_PROFILE": "the ICC profile",
    "SPHERICAL": "the spherical projection",
    "STEREO3D": "the stereo layout",
}
"""Side data of frames that cannot be carried, in words for the user."""

_CHROMA, _LUMA = 50_000, 10_000
"""Units of ST 2086 as HEVC and H.264 count them: 1/50000 of xy, 1/10000 cd/m2."""


@dataclass(frozen=True)
class Mastering:
    """The mastering display of SMPTE ST 2086.

    Attributes:
        primaries: CIE (x, y) of red, green, blue and white.
        luminance: (least, most), cd/m2.
    """

    primaries: tuple[tuple[float, float], ...]
    luminance: tuple[float, float]


@dataclass(frozen=True)
class Light:
    """What is known of a video's light; None where it does not say.

    Attributes:
        mastering: see :class:`Mastering`.
        content: (MaxCLL, MaxFALL), cd/m2.
        others: side data that no result keeps, in words.
    """

    mastering: Mastering | None = None
    content: tuple[int, int] | None = None
    others: tuple[str, ...] = ()


def light_of(frame: Any) -> Light:
    """Return what a decoded frame says of its light."""
    found = {data.type.name: bytes(data) for data in frame.side_data}
    others = dict.fromkeys(words for name, words in _NAMES.items() if name in found)
    return Light(
        _mastering(found.get("MASTERING_DISPLAY_METADATA", b"")),
        _content(found.get("CONTENT_LIGHT_LEVEL", b"")),
        tuple(others),
    )


def light_options(light: Light, encoder: str) -> dict[str, str] | None:
    """Return an encoder's own parameters that say the same; None where it cannot say it."""
    told: dict[str, str] = {}
    master, content = light.mastering, light.content
    if encoder == "libsvtav1":
        if master is not None:
            told["mastering-display"] = _display(master, 1, 1)
        if content is not None:
            told["content-light"] = "{},{}".format(*content)
    elif encoder in ("libx264", "libx265"):
        if master is not None:
            key = "mastering-display" if encoder == "libx264" else "master-display"
            told[key] = _display(master, _CHROMA, _LUMA)
        if content is not None:
            told["cll" if encoder == "libx264" else "max-cll"] = "{},{}".format(*content)
    elif master is not None or content is not None:
        return None
    return told


def light_notes(light: Light, encoder: str, curve: int) -> list[str]:
    """Tell what of a video's light is lost, and how its tone curve is treated.

    Args:
        light: of the source.
        encoder: of the result.
        curve: FFmpeg's number of the source's tone curve.
    """
    notes = []
    if light_options(light, encoder) is None:
        notes.append(f"mastering display and content light are lost: {encoder} cannot say them")
    notes += [f"{words}: not kept" for words in light.others]
    if curve in (_PQ, _HLG):
        name = "PQ" if curve == _PQ else "HLG"
        notes.append(f"its tone curve is {name}: kept, and worked on as if it were sRGB")
    return notes


def _display(master: Mastering, chroma: int, luma: int) -> str:
    """Return a mastering display as encoders take it, green first."""
    red, green, blue, white = (
        ",".join(_number(v * chroma, chroma) for v in xy) for xy in master.primaries
    )
    least, most = (_number(v * luma, luma) for v in master.luminance)
    return f"G({green})B({blue})R({red})WP({white})L({most},{least})"


def _number(value: float, unit: int) -> str:
    return f"{value:.6f}" if unit == 1 else str(round(value))


def _mastering(data: bytes) -> Mastering | None:
    """Read FFmpeg's AVMasteringDisplayMetadata: ten rationals and two flags."""
    if len(data) < 88:
        return None
    *parts, primaries, luminance = struct.unpack("=22i", data[:88])
    if not primaries or not luminance or 0 in parts[1::2]:
        return None
    values = [top / bottom for top, bottom in zip(parts[::2], parts[1::2], strict=True)]
    if not all(0 <= v <= 1 for v in values[:8]) or not 0 <= values[8] <= values[9] <= 10_000:
        return None
    points = tuple((values[k], values[k + 1]) for k in (0, 2, 4, 6))
    return Mastering(points, (values[8], values[9]))


def _content(data: bytes) -> tuple[int, int] | None:
    if len(data) < 8:
        return None
    most, average = struct.unpack("=2I", data[:8])
    return (most, average) if 0 < max(most, average) <= 65_535 else None
