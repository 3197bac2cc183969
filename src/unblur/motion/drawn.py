"""Text drawn over a photo after its exposure: dates, captions, what a camera burns in, watermarks.

No motion moved it: its edges are hard in every direction, where those of a moved photo are ramps.
Left in, it deceives every estimate of the motion, and undoing the motion shreds it. So it is
looked for in the samples alone, before anything else, and taken out:

* a *hard* pixel stands at a step that is over within two pixels and makes up most of what the
  brightness does around, which noise alone does not;
* hard pixels that touch are a *glyph*; glyphs of like height beside each other are a *line*;
* a line is believed that is wide enough and hard in all directions, in a picture that elsewhere is
  not: the edges along a straight motion stay hard, but only they.

The photo around a line goes on beneath it, smoothly: a moved photo has nothing finer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from unblur.color import FloatArray, to_float
from unblur.motion.filling import continued
from unblur.motion.hard_steps import (
    DIRECTIONS,
    HARD,
    HardParams,
    directions,
    hard_pixels,
    widened,
)
from unblur.motion.picture import Picture
from unblur.motion.windows import Mask


@dataclass(frozen=True)
class DrawnParams:
    """When something counts as drawn. Levels are of encoded samples, full range 1.

    Chosen by hand on text in four colours and three styles over training photos, moved and sharp
    (``benchmarks/moved.py``).

    Attributes:
        steps_are: when a step is hard.
        contrasts: least ranges of the brightness about hard pixels, each looked at by itself: with
            the lower one dark text on dark ground is seen, but other text grows together with what
            is around it.
        glyph_px: least and largest height of a glyph.
        alike: least ratio of two heights in a line, and of what their rows share.
        gap: largest distance of neighbours, in heights.
        glyphs: fewest of a line; touching ones count by their width.
        steps: least number of hard pixels of a line, along each axis ...
        even: ... and least ratio of the two.
        dense: share of the glyphs, widened by a pixel, that is hard: 0.36 to 0.60 of 33 texts, up
            to 0.34 of what looked like lines, and was not of one direction, in 24 sharp and 24
            shaken photos and 25 real moved ones.
        spread: share of a line's hard pixels outside of its main directions: 0.33 and more of
            texts, 0.28 and less of moved letters and stripes that are as dense.
        colour: level within which what was drawn has one colour ...
        few: ... and least share of it that has one of two: 0.54 and more of texts.
        elsewhere: largest share of a picture's hard pixels, but for specks and for those of the
            main directions elsewhere, that are not in its lines.
        rim_px: by which what was drawn is widened: smoothing and JPEG.
    """

    steps_are: HardParams = HARD
    contrasts: tuple[float, ...] = (0.2, 0.1)
    glyph_px: tuple[int, int] = (6, 96)
    alike: float = 0.5
    gap: float = 1.2
    glyphs: float = 4.0
    steps: int = 40
    even: float = 0.4
    dense: float = 0.35
    spread: float = 0.3
    colour: float = 20 / 255
    few: float = 0.5
    elsewhere: float = 0.6
    rim_px: int = 2


DRAWN = DrawnParams()

_MAIN = 4
"""Neighbouring directions of 15 degrees that are the main ones: blur leaves edges hard that lie
within about 30 degrees of a straight motion."""
_TOUCHING = np.ones((3, 3), bool)
_STRIPE_ROWS = 64
"""Lines are looked up by stripes of so many rows; changes no result."""
_LAST = 4
"""Glyphs at the end of a line beside which the next may stand."""


@dataclass(frozen=True)
class _Glyph:
    """A box (y0, x0, y1, x1), half-open, px."""

    y0: int
    x0: int
    y1: int
    x1: int

    @property
    def height(self) -> int:
        return self.y1 - self.y0

    def count(self) -> float:
        """Glyphs that touch each other are as many as they are wide."""
        return max(1.0, (self.x1 - self.x0) / (0.6 * self.height))


def drawn_over(picture: Picture, params: DrawnParams = DRAWN) -> Mask | None:
    """Return where text was drawn over a picture, (H, W); None where there is none.

    Args:
        picture: any.
        params: when something counts as drawn.
    """
    across, down = hard_pixels(picture, params.steps_are)
    found = None
    for contrast in params.contrasts:
        least = max(1, round(255 * contrast))
        drawn = _drawn(picture, across >= least, down >= least, params)
        if drawn is not None:
            found = drawn if found is None else found | drawn
    return found


def _drawn(picture: Picture, across: Mask, down: Mask, params: DrawnParams) -> Mask | None:
    """Return where text was drawn, told by the hard steps along both axes."""
    hard = across | down
    if min(int(np.count_nonzero(steps)) for steps in (across, down)) < params.steps:
        return None  # no line of them can be hard along both axes
    parts, count = ndimage.label(widened(hard), _TOUCHING)
    told = [
        _Glyph(rows.start, columns.start, rows.stop, columns.stop)
        for rows, columns in ndimage.find_objects(parts)
    ]
    low, high = params.glyph_px
    large = [n for n, g in enumerate(told, 1) if max(g.height, g.x1 - g.x0) - 2 >= low]
    glyphs = [(n, g) for n, g in enumerate(told, 1) if low <= g.height - 2 <= high]
    found = np.zeros(hard.shape, bool)
    for line in _lines(glyphs, params):
        box = _around([glyph for _, glyph in line], hard.shape, params)
        inside = np.isin(parts[box], [number for number, _ in line])
        part = Picture(picture.samples[box])
        if _is_text(part, across[box] & inside, down[box] & inside, inside, params):
            inside |= _specks(parts[box], box, told)
            whole = _filled_out(inside, params)
            if _colour_share(to_float(part.samples), whole, params) >= params.few:
                found[box] |= whole
    if not found.any():
        return None
    is_large = np.zeros(count + 1, bool)
    is_large[large] = True
    return found if _is_moved(picture, hard & is_large[parts], found, params) else None


def _is_moved(picture: Picture, hard: Mask, drawn: Mask, params: DrawnParams) -> bool:
    """Return whether hardly anything but what was drawn is hard in all directions.

    A sharp photo has hard edges all over, and nothing in it needs to be told apart. In a moved one
    edges along the motion stay hard: those of the directions that most others have do not count.
    """
    away = hard & ~drawn
    beyond = directions(picture, away)
    ours = directions(picture, hard & drawn)
    main = _main_directions(beyond)
    elsewhere = int(np.count_nonzero(~np.isin(beyond, main)))
    own = int(np.count_nonzero(~np.isin(ours, main)))
    return elsewhere <= params.elsewhere * (elsewhere + own)


def _main_directions(turns: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the neighbouring directions that most steps have."""
    counts = np.bincount(turns, minlength=DIRECTIONS)
    sums = sum(np.roll(counts, -k) for k in range(_MAIN))
    return (int(np.argmax(sums)) + np.arange(_MAIN)) % DIRECTIONS


def _lines(glyphs: list[tuple[int, _Glyph]], params: DrawnParams) -> list[list[tuple[int, _Glyph]]]:
    """Return the glyphs of each line, of lines that are long enough.

    Glyphs come from left to right, and each joins the first line that it stands beside the end of.
    Only lines of its own rows that end near by are compared: large photos have many thousands.
    """
    lines: list[list[tuple[int, _Glyph]]] = []
    in_rows: defaultdict[int, set[int]] = defaultdict(set)
    furthest = params.gap * (params.glyph_px[1] + 2)
    for number, glyph in sorted(glyphs, key=lambda found: found[1].x0):
        stripes = range(glyph.y0 // _STRIPE_ROWS, (glyph.y1 - 1) // _STRIPE_ROWS + 1)
        for stripe in stripes:
            ended = [n for n in in_rows[stripe] if _end(lines[n]) + furthest < glyph.x0]
            in_rows[stripe].difference_update(ended)
        for place in sorted(set().union(*(in_rows[stripe] for stripe in stripes))):
            if any(_beside(other, glyph, params) for _, other in lines[place][-_LAST:]):
                break
        else:
            place = len(lines)
            lines.append([])
        lines[place].append((number, glyph))
        for stripe in stripes:
            in_rows[stripe].add(place)
    return [line for line in lines if sum(g.count() for _, g in line) >= params.glyphs]


def _end(line: list[tuple[int, _Glyph]]) -> int:
    return max(glyph.x1 for _, glyph in line[-_LAST:])


def _beside(a: _Glyph, b: _Glyph, params: DrawnParams) -> bool:
    small, large = sorted((a.height, b.height))
    shared = min(a.y1, b.y1) - max(a.y0, b.y0)
    near = max(a.x0, b.x0) - min(a.x1, b.x1) <= params.gap * large
    return near and small >= params.alike * large and shared >= params.alike * large


def _around(
    glyphs: list[_Glyph], shape: tuple[int, ...], params: DrawnParams
) -> tuple[slice, slice]:
    """Return the box of a line with room for its rim, and for specks such as colons."""
    margin = 4 + params.rim_px
    y0, x0 = min(g.y0 for g in glyphs), min(g.x0 for g in glyphs)
    y1, x1 = max(g.y1 for g in glyphs), max(g.x1 for g in glyphs)
    return (
        slice(max(0, y0 - margin), min(shape[0], y1 + margin)),
        slice(max(0, x0 - margin), min(shape[1], x1 + margin)),
    )


def _specks(parts: NDArray[Any], box: tuple[slice, slice], told: Sequence[_Glyph]) -> Mask:
    """Return what lies within the box of a line, whatever its height: hyphens, colons, points.

    Args:
        parts: (H, W) of the box, numbered from 1.
        box: of the line.
        told: all parts of the picture, by their numbers less 1.
    """
    rows, columns = box
    numbers = [
        number
        for number in np.unique(parts[parts > 0])
        if rows.start <= told[number - 1].y0
        and told[number - 1].y1 <= rows.stop
        and columns.start <= told[number - 1].x0
        and told[number - 1].x1 <= columns.stop
    ]
    return np.isin(parts, numbers)


def _filled_out(glyphs: Mask, params: DrawnParams) -> Mask:
    """Return glyphs with their insides and a rim."""
    size = 2 * params.steps_are.around_px + 1
    padded = np.pad(glyphs, size)
    whole = ndimage.binary_closing(padded, np.ones((size, size), bool))[size:-size, size:-size]
    return np.asarray(ndimage.binary_dilation(whole, iterations=params.rim_px))


def _is_text(part: Picture, across: Mask, down: Mask, glyphs: Mask, params: DrawnParams) -> bool:
    """Return whether glyphs are hard along both axes, in all directions, and hardly anything else.

    Args:
        part: of the picture.
        across, down: (H, W) of it, hard steps along both axes.
        glyphs: (H, W), all of a line.
        params: when something counts as drawn.
    """
    low, high = sorted(int(np.count_nonzero(steps)) for steps in (across, down))
    hard = across | down
    if low < max(params.steps, params.even * high):
        return False
    if np.count_nonzero(hard) < params.dense * np.count_nonzero(glyphs):
        return False
    turns = directions(part, hard)
    return bool(np.mean(~np.isin(turns, _main_directions(turns))) >= params.spread)


def _colour_share(part: FloatArray, glyphs: Mask, params: DrawnParams) -> float:
    """Return the share of the strokes that has the two colours that most have: one and an outline.

    Args:
        part: (H, W, C), encoded.
        glyphs: (H, W), a line with its insides.
        params: what is one colour.
    """
    apart = np.abs(part - continued(part, glyphs)).max(axis=2)[glyphs]
    strokes = part[glyphs][apart >= 0.6 * np.percentile(apart, 95)]
    count, left = len(strokes), strokes
    for _ in range(2):
        if not len(left):
            break
        bins = np.floor(left / (2 * params.colour)).astype(int)
        _, which, counts = np.unique(bins, axis=0, return_inverse=True, return_counts=True)
        colour = np.median(left[which.ravel() == int(np.argmax(counts))], axis=0)
        left = left[np.abs(left - colour).max(axis=1) > params.colour]
    return 1 - len(left) / count
