"""Colour told in numbers, not by an ICC profile: code points (CICP) and PNG's own chunks.

References:
    ITU-T H.273, code points for primaries, transfer characteristics and matrices; PNG, third
    edition, W3C 2025: cICP, gAMA, cHRM, sRGB, mDCV, cLLI.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from unblur.errors import BadValue
from unblur.tone import BT709, HLG, LINEAR, PQ, SRGB, ToneCurve, power_curve

Chromaticities = tuple[float, float, float, float, float, float, float, float]
"""x and y of red, green, blue and white."""

_D65 = (0.3127, 0.3290)

PRIMARIES: dict[int, Chromaticities] = {
    1: (0.640, 0.330, 0.300, 0.600, 0.150, 0.060, *_D65),
    4: (0.67, 0.33, 0.21, 0.71, 0.14, 0.08, 0.310, 0.316),
    5: (0.64, 0.33, 0.29, 0.60, 0.15, 0.06, *_D65),
    6: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, *_D65),
    7: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, *_D65),
    8: (0.681, 0.319, 0.243, 0.692, 0.145, 0.049, 0.310, 0.316),
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, *_D65),
    11: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.314, 0.351),
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, *_D65),
    22: (0.630, 0.340, 0.295, 0.605, 0.155, 0.077, *_D65),
}
"""By the code point of H.273: 1 is Rec. 709 and sRGB, 9 Rec. 2020, 12 Display P3."""

_TRANSFER: dict[int, ToneCurve] = {
    **dict.fromkeys((1, 6, 11, 14, 15), BT709),
    4: power_curve(2.2),
    5: power_curve(2.8),
    8: LINEAR,
    13: SRGB,
    16: PQ,
    18: HLG,
}

_NAMES = {1: "Rec. 709", 9: "Rec. 2020", 11: "DCI P3", 12: "Display P3"}
_SAME_XY = 0.002
"""Chromaticities nearer than this are the same; files round them to 0.0001 or write 0.3333."""


@dataclass(frozen=True)
class Cicp:
    """Code points of a picture's colour.

    Attributes:
        primaries, transfer, matrix: code points of H.273; 2 is unspecified.
        full_range: whether black is 0 and white the largest code.
    """

    primaries: int
    transfer: int
    matrix: int = 0
    full_range: bool = True

    @property
    def curve(self) -> ToneCurve | None:
        """What takes samples to linear light; None where that is not said."""
        return _TRANSFER.get(self.transfer)

    @property
    def is_hdr(self) -> bool:
        """Whether light beyond white is encoded: PQ or HLG."""
        return self.transfer in (16, 18)


@dataclass(frozen=True)
class ColorTags:
    """Colour that a file tells in numbers.

    Attributes:
        cicp: code points, from PNG's cICP or the nclx box of AVIF and HEIC.
        srgb_intent: rendering intent of PNG's sRGB chunk.
        gamma: PNG's gAMA: exponent that took light to samples, as 0.45455.
        chromaticities: PNG's cHRM.
        mastering: PNG's mDCV as stored (24 bytes): the display that it was mastered on.
        light_level: PNG's cLLI as stored (8 bytes): its brightest pixel and frame.
        source: where the code points stood: "PNG cICP", "AVIF nclx" or "HEIC nclx".
    """

    cicp: Cicp | None = None
    srgb_intent: int | None = None
    gamma: float | None = None
    chromaticities: Chromaticities | None = None
    mastering: bytes | None = None
    light_level: bytes | None = None
    source: str = ""

    @property
    def primaries(self) -> Chromaticities | None:
        """Chromaticities of the samples' primaries; None where that is not said."""
        if self.cicp is not None and self.cicp.primaries in PRIMARIES:
            return PRIMARIES[self.cicp.primaries]
        if self.srgb_intent is not None:
            return PRIMARIES[1]
        return self.chromaticities

    @property
    def is_hdr(self) -> bool:
        """Whether light beyond white is encoded."""
        return self.cicp is not None and self.cicp.is_hdr

    @property
    def gamma_curve(self) -> ToneCurve | None:
        """What PNG's gAMA says; sRGB's curve where cHRM too has the values that go with it."""
        if self.gamma is None:
            return None
        usual = abs(self.gamma - 1 / 2.2) < 1e-4
        if usual and self.chromaticities is not None and is_srgb(self.chromaticities):
            return SRGB
        try:
            return power_curve(round(1 / self.gamma, 3))
        except BadValue:
            return None


def is_srgb(chromaticities: Chromaticities) -> bool:
    """Return whether these are the primaries of sRGB."""
    pairs = zip(chromaticities, PRIMARIES[1], strict=True)
    return all(abs(a - b) < _SAME_XY for a, b in pairs)


def primaries_name(chromaticities: Chromaticities | None) -> str:
    """Return what primaries are called, for people."""
    for code, name in _NAMES.items():
        pairs = zip(chromaticities or (), PRIMARIES[code], strict=False)
        if chromaticities is not None and all(abs(a - b) < _SAME_XY for a, b in pairs):
            return name
    return "colour" if chromaticities is None else "other primaries"


def png_tags(chunks: Mapping[bytes, bytes]) -> ColorTags | None:
    """Return what a PNG file's chunks tell of colour; None if nothing.

    Args:
        chunks: name -> body of the file's chunks; damaged ones are passed over.
    """
    cicp, gamma, chromaticities = None, None, None
    body = chunks.get(b"cICP", b"")
    if len(body) == 4:
        cicp = Cicp(body[0], body[1], body[2], bool(body[3]))
    body = chunks.get(b"gAMA", b"")
    if len(body) == 4 and any(body):
        gamma = struct.unpack(">I", body)[0] / 100_000
    body = chunks.get(b"cHRM", b"")
    if len(body) == 32:
        wx, wy, *colours = (value / 100_000 for value in struct.unpack(">8I", body))
        if wy > 0 and all(colours[1::2]):
            chromaticities = (*colours, wx, wy)
    body = chunks.get(b"sRGB", b"")
    tags = ColorTags(
        cicp,
        body[0] if len(body) == 1 and body[0] <= 3 else None,
        gamma,
        chromaticities,
        _of_length(chunks.get(b"mDCV"), 24),
        _of_length(chunks.get(b"cLLI"), 8),
        "PNG cICP" if cicp else "",
    )
    return None if tags == ColorTags() else tags


def png_chunks(tags: ColorTags) -> list[tuple[bytes, bytes]]:
    """Return (name, body) of the chunks that tell this; they belong before PLTE and IDAT."""
    chunks: list[tuple[bytes, bytes]] = []
    if tags.cicp is not None:
        # PNG stores RGB: the matrix is the identity, whatever the source's YCbCr was.
        codes = (tags.cicp.primaries, tags.cicp.transfer, 0, 1)
        chunks.append((b"cICP", bytes(codes)))
    if tags.mastering is not None:
        chunks.append((b"mDCV", tags.mastering))
    if tags.light_level is not None:
        chunks.append((b"cLLI", tags.light_level))
    if tags.srgb_intent is not None:
        chunks.append((b"sRGB", bytes([tags.srgb_intent])))
    if tags.gamma is not None:
        chunks.append((b"gAMA", struct.pack(">I", round(tags.gamma * 100_000))))
    if tags.chromaticities is not None:
        *colours, wx, wy = (round(value * 100_000) for value in tags.chromaticities)
        chunks.append((b"cHRM", struct.pack(">8I", wx, wy, *colours)))
    return chunks


def _of_length(body: bytes | None, length: int) -> bytes | None:
    return body if body is not None and len(body) == length else None
