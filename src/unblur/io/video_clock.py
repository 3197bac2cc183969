"""Time stamps as an encoder and a container take them.

Most keep the source's own stamps. Some count frames: MPEG-1 and -2 know a few rates only, MPEG-4
part 2 has 16 bits for a second's parts, AVI has one tick a frame and no start.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from unblur.errors import BadValue
from unblur.io.video_codecs import Codec

_FINE = 60_000
"""Ticks of a second where the source's own are too many; whole for 24, 25, 30 and 60 frames/s."""

_MPEG4_TICKS = 65_535

_FASTEST = 240
"""More frames a second than this are no rate but a clock, as VFR files tell it."""

_NEAR = Fraction(1, 500)
"""Rates this near are the same: 29.97 and 30000/1001."""

_TOLD_MS = 1.0
"""Shifts of frames below this are not worth a note."""

_LONGEST_S = 600
"""A longer pause between two frames is a damaged time stamp."""

_FINER = 4
"""Where a codec knows no rate near the clip's, ticks so much finer bring frames near their time."""

_COUNTING = frozenset({"avi", "mpeg"})
"""Containers whose readers count frames: pauses are filled by repeating."""

FROM_ZERO = frozenset({"avi", "mpeg", "mpegts"})
"""Containers that begin at 0 (AVI), or at a lead of their own that would add to the source's."""


class Clock:
    """Turns the source's time stamps into an encoder's.

    Args:
        base: unit of the encoder's stamps, s.
        rate: frames per second, told to the encoder.
        source: unit of the source's stamps, s.
        even: whether it counts frames.
        fills: whether each tick needs a frame.
    """

    def __init__(
        self, base: Fraction, rate: Fraction, source: Fraction, *, even: bool, fills: bool = False
    ) -> None:
        self.base, self.rate, self.fills = base, rate, fills
        self.repeated = 0
        self._source, self._even = source, even
        self._last: int | None = None
        self._first, self._tick = 0, 0
        self._off_s = Fraction(0)
        self._filled: int | None = None

    def stamp(self, pts: int) -> int:
        """Return a frame's stamp; stamps rise, whatever is rounded.

        Args:
            pts: of the source, in its own units, counted from where the result begins.
        """
        if self.base == self._source and not self._even:
            return pts
        if self._last is None:
            self._first, self._tick = pts, round(pts * self._source / self.base)
        ticks = self._tick + (pts - self._first) * self._source / self.base
        tick = round(ticks)
        if self._last is not None:
            longest = max(1, round(_LONGEST_S / self.base))
            tick = min(max(tick, self._last + 1), self._last + longest)
        self._last = tick
        self._off_s = max(self._off_s, abs(tick - ticks) * self.base)
        return tick

    def pauses(self, tick: int) -> range:
        """Return the ticks before this one that are to be filled with the frame before.

        Args:
            tick: of the next frame; asked before it is stamped as the last.
        """
        if not self.fills or self._filled is None:
            self._filled = tick
            return range(0)
        ticks = range(self._filled + 1, tick)
        self.repeated += len(ticks)
        self._filled = tick
        return ticks

    def notes(self) -> list[str]:
        """Tell by how much frames had to be moved in time."""
        notes, off_ms = [], float(self._off_s) * 1000
        if off_ms >= _TOLD_MS:
            notes.append(
                f"frames are shown up to {off_ms:.0f} ms off: the result counts in ticks of "
                f"1/{float(1 / self.base):g} s"
            )
        if self.repeated:
            notes.append(f"{self.repeated} frame(s) are repeated: the result has no pauses")
        return notes


def clock_for(
    container: str, codec: Codec, encoder: Any, source: Fraction, told: Fraction, finest: Fraction
) -> Clock:
    """Return the clock of an encoder in a container.

    Args:
        container: FFmpeg's name.
        codec: the encoder's row.
        encoder: PyAV's codec of it.
        source: unit of the source's stamps, s.
        told: the source's rate, on average.
        finest: the lowest rate whose ticks meet all frames, as far as it is known.

    Raises:
        BadValue: more frames a second than the codec can count.
    """
    rates = [Fraction(r.numerator, r.denominator) for r in encoder.frame_rates or ()]
    ticks = finest if told <= finest <= _FASTEST else told
    if rates:
        rate = _allowed(ticks, rates, codec)
        return Clock(1 / rate, rate, source, even=True, fills=container in _COUNTING)
    if container == "avi":
        rate = ticks.limit_denominator(1001)
        return Clock(1 / rate, rate, source, even=True, fills=True)
    base = source
    if codec.encoder == "mpeg4" and source.denominator > _MPEG4_TICKS:
        base = Fraction(1, _FINE)
    return Clock(base, min(told, Fraction(_FASTEST)), source, even=False)


def _allowed(wanted: Fraction, rates: list[Fraction], codec: Codec) -> Fraction:
    """Return the rate as it is, or one above it, so that no frame is lost."""
    near = min(rates, key=lambda rate: abs(rate - wanted))
    if abs(near - wanted) <= wanted * _NEAR:
        return near
    above = [rate for rate in rates if rate >= wanted]
    if not above:
        raise BadValue(
            f"{codec.encoder} holds at most {float(max(rates)):g} frames/s, the clip has "
            f"{float(wanted):g}; choose --codec h264 and another container"
        )
    whole = [rate for rate in above if (rate / wanted).denominator == 1]
    fine = [rate for rate in above if rate >= _FINER * wanted]
    return min(whole or fine or above)
