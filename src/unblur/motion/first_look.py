"""The first look at a picture: windows all over it, few at first, all where these do not agree.

Most photos that moved, moved alike everywhere, and a few windows tell that as well as many. Of 84
first looks (43 validation and public photos of 0.4 megapixels and more, each in either light) 44
needed no more: in each of these one PSF serves all windows, too, and none was a rotation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unblur.engines.base import Engine
from unblur.motion.field import Comparison, MotionField, compared
from unblur.motion.kernel import Observed, estimate, observe_all
from unblur.motion.params import MOTION, MotionParams
from unblur.motion.psf_estimate import PsfEstimate
from unblur.motion.pyramid import Pyramid, window_starts
from unblur.runtime import ALL_THREADS, Runtime


@dataclass(frozen=True, eq=False)
class FirstLook:
    """What windows say of a picture, each by itself.

    Attributes:
        field: their estimates, not reconciled.
        comparison: of them.
        observed: the windows, row by row.
    """

    field: MotionField
    comparison: Comparison
    observed: tuple[Observed, ...]

    @property
    def estimates(self) -> tuple[PsfEstimate, ...]:
        """The windows' estimates, row by row."""
        return tuple(window for row in self.field.windows for window in row)

    def settled(self, params: MotionParams = MOTION) -> bool:
        """Return whether more windows would tell nothing else: all moved, and alike everywhere."""
        return (
            self.comparison.agreement() >= params.field.settled
            and min(one.blur_probability for one in self.estimates) >= params.field.surely_moved
            and not self.comparison.varies(params.field.heard, params.roll)
        )


def first_look(
    pyramid: Pyramid,
    level: int,
    engine: Engine,
    *,
    params: MotionParams = MOTION,
    runtime: Runtime = ALL_THREADS,
) -> FirstLook:
    """Return what windows all over a level of a picture say.

    Args:
        pyramid: the picture.
        level: at which it is looked at.
        engine: runs KernelNet.
        params: how many windows, and when a few are enough.
        runtime: says how many windows are worked on at the same time.
    """
    shape = pyramid.shape(level)
    every = window_starts(shape, params.scale.most_rows)
    coarse = window_starts(shape, params.scale.coarse_rows)
    few = [_spread(starts, len(fewer)) for starts, fewer in zip(every, coarse, strict=True)]
    looks = _Looks(pyramid, level, engine, runtime)
    look = looks.at(*few)
    if len(look.observed) == len(every[0]) * len(every[1]) or look.settled(params):
        return look
    return looks.at(*every)


def _spread(starts: Sequence[int], count: int) -> list[int]:
    """Return so many of some starts, the first and the last among them."""
    return [starts[round(i)] for i in np.linspace(0, len(starts) - 1, count)]


class _Looks:
    """Looks at a level of a picture; what was looked at before is not looked at again."""

    def __init__(self, pyramid: Pyramid, level: int, engine: Engine, runtime: Runtime) -> None:
        self._pyramid, self._level = pyramid, level
        self._engine, self._runtime = engine, runtime
        self._seen: dict[tuple[int, int], tuple[Observed, PsfEstimate]] = {}

    def at(self, rows: Sequence[int], columns: Sequence[int]) -> FirstLook:
        """Return what the windows of some rows and columns, their first pixels, say."""
        pyramid, level = self._pyramid, self._level
        height, width = pyramid.window_sides(level)
        places = [(y, x) for y in rows for x in columns]
        new = [place for place in places if place not in self._seen]
        windows = (pyramid.luma(level, y, x, y + height, x + width) for y, x in new)
        observed = observe_all(windows, runtime=self._runtime)
        found = estimate(observed, self._engine, runtime=self._runtime)
        self._seen.update(zip(new, zip(observed, found, strict=True), strict=True))
        scale = 2**level
        field = MotionField(
            pyramid.shape(0),
            scale,
            tuple((y + height / 2) * scale for y in rows),
            tuple((x + width / 2) * scale for x in columns),
            tuple(tuple(self._seen[y, x][1] for x in columns) for y in rows),
            uniform=False,
        )
        return FirstLook(field, compared(field), tuple(self._seen[place][0] for place in places))
