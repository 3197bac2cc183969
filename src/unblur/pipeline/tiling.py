"""Geometry of tiles: which pixels a tile reads, and how much of each it writes.

Everything is decided along one axis and applied twice. No pixels are needed to test it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import pairwise, product

import numpy as np

from unblur.color import FloatArray
from unblur.errors import BadValue

_LONGEST = 4 / 3
"""Longest side of a tile, in units of a square one's: bands of whole rows are held in memory."""


@dataclass(frozen=True)
class Segment:
    """One tile's extent along one axis, in px, all ends half-open.

    Attributes:
        start, stop: pixels written, with those shared with the neighbours.
        outer_start, outer_stop: pixels read: the written ones plus the halo, inside the image.
        fade_in, fade_out: how many of the written pixels are shared with the previous and the
            next tile.
    """

    start: int
    stop: int
    outer_start: int
    outer_stop: int
    fade_in: int
    fade_out: int

    @classmethod
    def whole(cls, size: int) -> Segment:
        """Return the only segment of an axis that is not cut."""
        return cls(0, size, 0, size, 0, 0)

    def weights(self) -> FloatArray:
        """Return the weight of each written pixel; those of all segments sum to 1."""
        out = np.ones(self.stop - self.start, np.float32)
        if self.fade_in:
            out[: self.fade_in] = _ramp(self.fade_in)
        if self.fade_out:
            out[-self.fade_out :] = 1 - _ramp(self.fade_out)
        return out

    @property
    def inner(self) -> slice:
        """The written pixels within those read."""
        return slice(self.start - self.outer_start, self.stop - self.outer_start)


def plan_axis(size: int, *, tile: int, halo: int, fade: int, step: int = 1) -> list[Segment]:
    """Cut an axis into tiles.

    Args:
        size: length of the axis, >= 1.
        tile: most pixels that a tile is answerable for, > fade.
        halo: context read on each side where the image has it.
        fade: pixels over which neighbours are blended; even.
        step: all segments begin at multiples of it, if half the fade and the halo are multiples.

    Returns:
        Segments from first to last, about equally long, the last perhaps shorter by a step.

    Raises:
        BadValue: the numbers do not fit together.
    """
    if size < 1 or tile <= fade or halo < 0 or fade < 0 or fade % 2:
        raise BadValue(
            f"cannot cut {size} px into tiles of {tile} with halo {halo} and fade {fade}; "
            "the tile must be larger than the (even) fade"
        )
    count = -(-size // tile)
    if count > 1 and size // count <= fade + step - 1:
        count = max(1, size // (fade + step))
    bounds = [size * i // count // step * step for i in range(count)] + [size]
    half = fade // 2
    segments = []
    for i in range(count):
        first, last = i == 0, i == count - 1
        start = bounds[i] if first else bounds[i] - half
        stop = bounds[i + 1] if last else bounds[i + 1] + half
        segments.append(
            Segment(
                start=start,
                stop=stop,
                outer_start=max(0, start - halo),
                outer_stop=min(size, stop + halo),
                fade_in=0 if first else fade,
                fade_out=0 if last else fade,
            )
        )
    return segments


def plan_tiles(
    size: tuple[int, int], *, tile: int, halo: int, fade: int, step: int = 1
) -> tuple[list[Segment], list[Segment]]:
    """Cut a picture into tiles so that as few pixels as possible are read twice.

    No tile reads more pixels than a square one among others would, and none is much longer than
    that. What square tiles would cut stays cut: tiles are restored side by side.

    Args:
        size: (H, W) of the picture.
        tile, halo, fade, step: as for :func:`plan_axis`, of the square tile.

    Returns:
        The segments of rows and columns.
    """
    cut = partial(plan_axis, halo=halo, fade=fade, step=step)
    square = cut(size[0], tile=tile), cut(size[1], tile=tile)
    most, longest = (tile + fade + 2 * halo) ** 2, round(_LONGEST * tile)
    least = min(2, len(square[0]) * len(square[1]))
    plans = [square]
    for rows, columns in product(*(_sides(side, tile, fade) for side in size)):
        plan = cut(size[0], tile=rows), cut(size[1], tile=columns)
        read = [max(map(_read, segments)) for segments in plan]
        fits = read[0] * read[1] <= most and max(rows, columns) <= longest
        if fits and len(plan[0]) * len(plan[1]) >= least:
            plans.append(plan)
    return min(plans, key=lambda plan: sum(map(_read, plan[0])) * sum(map(_read, plan[1])))


def _sides(size: int, tile: int, fade: int) -> list[int]:
    """Return the sides of tiles of an axis: one tile less than square ones, as many, one more."""
    count = -(-size // tile)
    return [max(-(-size // n), fade + 1) for n in (count - 1, count, count + 1) if n]


def _read(segment: Segment) -> int:
    return segment.outer_stop - segment.outer_start


def plan_windows(size: int, *, window: int, halo: int, fade: int) -> list[Segment]:
    """Cut an axis into tiles that all read exactly one window, none reaching outside.

    At the image's borders a window reads more context instead of inventing pixels.

    Args:
        size: length of the axis, >= 1.
        window: pixels that each tile reads; the whole axis if that is shorter.
        halo: context read at least, on each side that has a neighbour.
        fade: pixels over which neighbours are blended; even.

    Raises:
        BadValue: the window has no room for halos and fade.
    """
    overlap = 2 * halo + fade
    # Windows are spread evenly; they step by half of what they could at least, and no more than
    # two may share a pixel.
    if size < 1 or halo < 0 or fade < 0 or fade % 2 or window <= overlap + 2 * fade:
        raise BadValue(
            f"cannot cut {size} px into windows of {window} with halo {halo} and fade {fade}; "
            f"windows must be larger than {overlap + 2 * fade} px: take larger tiles or less halo"
        )
    if size <= window:
        return [Segment.whole(size)]
    count = -(-(size - overlap) // (window - overlap))
    starts = [i * (size - window) // (count - 1) for i in range(count)]
    middles = [(a + window + b) // 2 for a, b in pairwise(starts)]
    half = fade // 2
    return [
        Segment(
            start=0 if i == 0 else middles[i - 1] - half,
            stop=size if i == count - 1 else middles[i] + half,
            outer_start=outer,
            outer_stop=outer + window,
            fade_in=0 if i == 0 else fade,
            fade_out=0 if i == count - 1 else fade,
        )
        for i, outer in enumerate(starts)
    ]


def node_weights(nodes: tuple[float, ...], start: int, stop: int) -> FloatArray:
    """Return how much each node of a field counts at each pixel of [start, stop).

    Linear between nodes, constant beyond the first and the last.

    Args:
        nodes: rising positions in px.

    Returns:
        (len(nodes), stop - start) float32; columns sum to 1.
    """
    place = np.arange(start, stop) + 0.5
    identity = np.eye(len(nodes))
    return np.stack([np.interp(place, nodes, row) for row in identity]).astype(np.float32)


def _ramp(length: int) -> FloatArray:
    """Rising weights, symmetric: ramp + its mirror image = 1."""
    return ((np.arange(length) + 0.5) / length).astype(np.float32)
