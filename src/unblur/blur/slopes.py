"""Slopes of planes on a periodic canvas, and their adjoint, added in place."""

from __future__ import annotations

from unblur.color import FloatArray

_Index = tuple[slice, ...]


def add_slopes(planes: FloatArray, out: FloatArray, axis: int) -> None:
    """Add the periodic forward differences of planes along an axis."""
    first, rest, last = _parts(axis)
    out[first] += planes[rest]
    out[last] += planes[_begin(axis)]
    out -= planes


def add_divergence(slopes: FloatArray, out: FloatArray, axis: int) -> None:
    """Add the adjoint of the forward differences."""
    first, rest, last = _parts(axis)
    out -= slopes
    out[rest] += slopes[first]
    out[_begin(axis)] += slopes[last]


def _parts(axis: int) -> tuple[_Index, _Index, _Index]:
    """Return the indices of all but the last, all but the first, and the last along an axis."""
    before = (slice(None),) * axis
    return (
        (*before, slice(None, -1)),
        (*before, slice(1, None)),
        (*before, slice(-1, None)),
    )


def _begin(axis: int) -> _Index:
    return (*(slice(None),) * axis, slice(0, 1))
