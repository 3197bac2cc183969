"""What was pasted around a photo after its exposure: frames, bars, strips with a caption.

No motion of the camera reaches beyond the exposure, and none is shown there: a pasted frame says
"sharp" wherever it is looked at, and undoing the photo's motion in it draws streaks. So the
rectangle of the exposure is found first, from the samples alone.

Flat lines are taken off from the four sides for as long as there are any, of one colour after
another. What was taken off counts as pasted only where it ends at once: along most of the side the
photo begins within two pixels, which no blur that could be undone would leave. Of a photo without
a frame only its outermost lines are read.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unblur.color import FloatArray, to_float
from unblur.motion.picture import Picture
from unblur.motion.windows import Box


@dataclass(frozen=True)
class PastedParams:
    """When a border counts as pasted. Levels are differences of encoded samples, full range 1.

    Chosen by hand on frames in PNG and JPEG (qualities 75 to 95) and on photos without
    (``tests/motion/test_pasted.py``).

    Attributes:
        flat: level within which a flat line's pixels lie about their median.
        flat_share: of a line's pixels that must; a corner of the next frame may ring in JPEG.
        loose: level within which the others must: a lamp in the night is no ringing.
        jump: least level by which the photo differs from what surrounds it, and one band from
            the next.
        before: share of the jump that pixels before it may show, and ``after``: by which those
            that follow may still differ: a blurred edge is a ramp, not a jump.
        after: see ``before``.
        mixed: lines of pixels between frame and photo, as resampling leaves them.
        ringing: lines before the jump that JPEG may have disturbed.
        strong: share of a side along which there must be a jump.
        background: share of a caption strip's line that must be of the strip's colour.
        strip_strong: what is ``strong`` where such a strip ends.
        hard: share of a text's contrast that lies between two neighbouring pixels.
        least_px: no exposure has a shorter side.
    """

    flat: float = 8 / 255
    flat_share: float = 0.97
    loose: float = 40 / 255
    jump: float = 16 / 255
    before: float = 0.15
    after: float = 0.5
    mixed: int = 1
    ringing: int = 8
    strong: float = 0.6
    background: float = 0.5
    strip_strong: float = 0.8
    hard: float = 0.5
    least_px: int = 32


PASTED = PastedParams()

_BLOCK = 64
"""Lines read at a time."""
_LEAST_TEXT_PX = 5
"""No text is smaller."""
_LEAST_STEPS = 8
"""Hard steps, in each direction, that a few letters have."""
_OPPOSITE = (1, 0, 3, 2)
_ACROSS = ((2, 3), (2, 3), (0, 1), (0, 1))


def exposure_of(picture: Picture, params: PastedParams = PASTED) -> Box | None:
    """Return the rectangle of a picture that was exposed; None where nothing was pasted around.

    Args:
        picture: any; a few lines are read at a time.
        params: when a border counts as pasted.
    """
    sides = [_Side(view) for view in _views(picture.samples)]
    if not _take_off(sides, params):
        return None
    top, bottom, left, right = _cuts(sides, params)
    if not (top or bottom or left or right):
        return None
    height, width = picture.shape
    return top, left, height - bottom, width - right


@dataclass(frozen=True, eq=False)
class _Band:
    """Flat lines of a side from ``start`` to ``end``, and their colour, (C,) float32."""

    start: int
    end: int
    colour: FloatArray


@dataclass
class _Side:
    """One side of a picture, seen from outside.

    Attributes:
        lines: (lines, span, C), the outermost first.
        colours: of the lines that were taken off.
    """

    lines: NDArray[Any]
    colours: list[FloatArray] = field(default_factory=list)

    @property
    def taken(self) -> int:
        """Lines that were taken off."""
        return len(self.colours)

    def bands(self, params: PastedParams) -> list[_Band]:
        """Return the bands of one colour each that were taken off, from outside."""
        if not self.colours:
            return []
        colours = np.stack(self.colours)
        steps = _apart(colours[1:], colours[:-1])
        starts = [0, *(np.flatnonzero(steps >= params.jump) + 1).tolist()]
        ends = [*starts[1:], self.taken]
        return [
            _Band(start, end, self.colours[max(start, end - 1 - params.ringing)])
            for start, end in zip(starts, ends, strict=True)
        ]

    def read(self, start: int, stop: int, span: tuple[int, int]) -> FloatArray:
        """Return lines as floats in [0, 1], (stop - start, span, C)."""
        return to_float(self.lines[start:stop, span[0] : span[1]])


def _views(samples: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """Return the samples as seen from the top, the bottom, the left and the right."""
    turned = samples.swapaxes(0, 1)
    return samples, samples[::-1], turned, turned[::-1]


def _take_off(sides: list[_Side], params: PastedParams) -> bool:
    """Take off flat lines and strips all around; False where there is no border or no inside."""
    while True:
        before = [side.taken for side in sides]
        for number, side in enumerate(sides):
            stop, span = _rest(sides, number)
            _take_flat(side, stop, span, params)
            if _too_small(sides, params):
                return False
        if before == [side.taken for side in sides] and not _take_strip(sides, params):
            return any(before)


def _rest(sides: list[_Side], number: int) -> tuple[int, tuple[int, int]]:
    """Return where a side's lines end, and their span between the sides across."""
    first, second = (sides[s].taken for s in _ACROSS[number])
    lines = sides[number].lines
    return len(lines) - sides[_OPPOSITE[number]].taken, (first, lines.shape[1] - second)


def _too_small(sides: list[_Side], params: PastedParams) -> bool:
    top, bottom, left, right = (side.taken for side in sides)
    height, width = sides[0].lines.shape[:2]
    return bool(min(height - top - bottom, width - left - right) < params.least_px)


def _take_flat(side: _Side, stop: int, span: tuple[int, int], params: PastedParams) -> None:
    """Take off a side's flat lines."""
    count = 1
    while side.taken < stop:
        block = side.read(side.taken, min(stop, side.taken + count), span)
        colours = np.median(block, axis=1).astype(np.float32)
        apart = _apart(block, colours[:, None])
        flat = (apart <= params.flat).mean(axis=1) >= params.flat_share
        flat &= apart.max(axis=1) <= params.loose
        many = len(flat) if flat.all() else int(np.argmin(flat))
        side.colours.extend(colours[:many])
        if many < len(flat):
            return
        count = min(2 * count, _BLOCK)


def _take_strip(sides: list[_Side], params: PastedParams) -> bool:
    """Take off one strip of a flat colour with something written on it, if there is any."""
    for number, side in enumerate(sides):
        if not side.taken:
            continue
        stop, span = _rest(sides, number)
        last = side.bands(params)[-1]
        band = replace(last, end=_strip_end(side, last.colour, stop, span, params))
        begin, share = _edge(side, band, span, params)
        if share >= params.strip_strong and _written(side, band, span, params):
            side.colours.extend([band.colour] * (begin - side.taken))
            return not _too_small(sides, params)
    return False


def _strip_end(
    side: _Side, colour: FloatArray, stop: int, span: tuple[int, int], params: PastedParams
) -> int:
    """Return where lines that are mostly of a colour end."""
    at = side.taken
    while at < stop:
        block = side.read(at, min(stop, at + _BLOCK), span)
        mostly = (_apart(block, colour) <= params.flat).mean(axis=1) >= params.background
        if not mostly.all():
            return at + int(np.argmin(mostly))
        at += len(block)
    return stop


def _written(side: _Side, band: _Band, span: tuple[int, int], params: PastedParams) -> bool:
    """Return whether what lies on a strip has hard edges in both directions."""
    strip = _apart(side.read(side.taken, band.end, span), band.colour)
    if min(strip.shape) < _LEAST_TEXT_PX:
        return False
    contrast = float(strip.max())
    if contrast < 2 * params.jump:
        return False
    steps = (np.abs(np.diff(strip, axis=axis)) for axis in (0, 1))
    least = params.hard * contrast
    return all(int(np.count_nonzero(step >= least)) >= _LEAST_STEPS for step in steps)


def _cuts(sides: list[_Side], params: PastedParams) -> list[int]:
    """Return how many lines of each side are pasted."""
    found = [_cut(sides, number, params) for number in range(4)]
    colours = [band.colour for band in found if band is not None]
    cuts, hidden = [0 if band is None else band.end for band in found], 0
    for number, side in enumerate(sides):
        if found[number] is not None:
            continue
        # A white sky in a white frame has no edge; the frame's colour tells how far it goes.
        ends = [
            band.end
            for band in side.bands(params)
            if any(_apart(band.colour, colour) <= params.flat for colour in colours)
        ]
        cuts[number] = max(ends, default=0)
        hidden += bool(ends)
    # The margins of a page have no edges either, but for lines of text that moved along themselves.
    return cuts if hidden < len(colours) else [0, 0, 0, 0]


def _cut(sides: list[_Side], number: int, params: PastedParams) -> _Band | None:
    """Return a side's innermost band that ends sharply, up to where the photo begins."""
    side, (_, span) = sides[number], _rest(sides, number)
    for band in reversed(side.bands(params)):
        begin, share = _edge(side, band, span, params)
        if share >= params.strong:
            return replace(band, end=begin)
    return None


def _edge(
    side: _Side, band: _Band, span: tuple[int, int], params: PastedParams
) -> tuple[int, float]:
    """Return the line on which the photo begins at once, and along which share of the side.

    Args:
        side: one of the picture.
        band: what lies before; the photo begins at its end, or a few lines further on.
        span: of the lines that are looked at.
        params: what a sharp edge is.
    """
    back = params.mixed + 1
    first = max(band.start, band.end - back)
    block = side.read(first, band.end + params.ringing + back, span)
    # In JPEG colour bleeds further than brightness, but a frame may differ by colour alone.
    levels = _apart(block, band.colour), np.abs((block - band.colour).mean(axis=-1))
    shares = []
    for line in range(band.end - first, len(block) - params.mixed - 1):
        hard = [_is_hard(level, line, params) for level in levels]
        shares.append(float((hard[0] | hard[1]).mean()))
    best = max(shares, default=0.0)
    chosen = next((i for i, share in enumerate(shares) if share >= params.strong * best), 0)
    return band.end + chosen, best


def _is_hard(level: FloatArray, line: int, params: PastedParams) -> NDArray[np.bool_]:
    """Return where a line stands out at once from those before and stays as it is.

    Args:
        level: (lines, span), how far each pixel is from the colour of the band before.
        line: of ``level``.
        params: what a sharp edge is.
    """
    jump, back = level[line], params.mixed + 1
    before = level[max(0, line - back)] <= np.maximum(params.flat, params.before * jump)
    after = np.abs(level[line + back] - jump) <= params.after * jump
    return np.asarray(before & after & (jump >= params.jump))


def _apart(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the largest difference of a channel."""
    return np.asarray(np.abs(a - b).max(axis=-1), np.float32)
