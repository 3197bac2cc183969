"""What moved by itself before a still background, each with its own motion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy import ndimage

from unblur.blocks import fitting_scale
from unblur.blur.layered import cells
from unblur.blur.psf import Psf
from unblur.color import FloatArray
from unblur.motion.edges import surely_still
from unblur.motion.estimator import MotionEstimator
from unblur.motion.features import noise_sigma
from unblur.motion.filling import without
from unblur.motion.line_search import Line, line_in
from unblur.motion.motion_map import MapReader, MotionMap
from unblur.motion.moved_parts import MovedPart, largest, moved_parts
from unblur.motion.part_masks import box_around
from unblur.motion.part_motion import motion_of_part
from unblur.motion.picture import Picture
from unblur.motion.windows import Box, Mask
from unblur.pipeline.gate import Gate, Verdict
from unblur.pipeline.outcome import Assessment
from unblur.pipeline.tile_reader import measured_noise

_RIM_PX, _FADE_PX = 4, 4
"""By how much of a core's rim the correction stays away, and over how much it fades in then: the
map's cells are larger than that."""
_FLAT_PX, _FLAT = 13, 3.0
"""Side of the square in which nothing is to be seen if its standard deviation is below so many of
the noise's."""
_SPECK_PX = 3
"""Width of what is cut off a core where its edges have cut it up."""
_LONGEST_PX = 1600
"""Longer side of the picture in which what lies around a part is looked at."""
_REST, _HARD = 0.3, 0.04
"""Share of a cell's light below which it lies beside all that moved, and least share of what lies
there that is surely still."""
_DEEPER = 0.03
"""By how much deeper a line's minimum must be in the surest part of a core than in all of it."""
_AGREED = 0.6
"""Share of a core that must be left without what its own edges call still: or it did not move."""
_SHOWN = 0.25
"""Share of a core in which anything must be seen: half and more of 11 composed objects; a shadow on
snow, which the map took for one, has 0.07."""


def assess_movers(picture: Picture, estimator: MotionEstimator, gate: Gate) -> Iterator[Assessment]:
    """Yield what moved by itself before a still background, the largest first.

    Args:
        picture: in the light that is known or assumed.
        estimator: maps what moved, and tells the motion of each part by itself.
        gate: says whether a part moved by itself.

    Yields:
        Assessments whose ``moved`` is the part; none overlaps with another one.
    """
    told = estimator.motion_map(picture) if isinstance(estimator, MapReader) else None
    if told is None:
        return
    for part in moved_parts(told, picture.shape):
        found = _assessed(picture, part, estimator, gate)
        if found is not None and _stands_out(picture, told, found):
            yield found


def _assessed(
    picture: Picture, part: MovedPart, estimator: MotionEstimator, gate: Gate
) -> Assessment | None:
    """Return the assessment of a part, whose picture goes on smoothly beyond its core.

    Its rim is a mix with what lies behind: there its motion explains nothing, and taken for light
    of its own it would spoil what is found and restored next to it.
    """
    box = box_around(part.core)
    if box is None:
        return None
    y0, x0, y1, x1 = box
    core, line = _core_of(picture.luma(*box), part, box)
    own = without(replace(picture, assumed=False).part(*box), ~core)
    found = motion_of_part(own, core, line, part, estimator)
    if found is None or not gate.alone(own, part, found):
        return None
    sure = _without_still(picture.luma(*box), core, found.field.windows[0][0].psf)
    if sure.sum() < _AGREED * core.sum():
        return None
    shown = sure & _shows(picture.luma(*box))
    if shown.sum() < _SHOWN * core.sum():
        return None
    moved = np.zeros(picture.shape, np.float32)
    far = ndimage.distance_transform_edt(shown)
    moved[y0:y1, x0:x1] = np.clip((far - _RIM_PX) / _FADE_PX, 0, 1)
    beyond = np.ones(picture.shape, bool)
    beyond[y0:y1, x0:x1] = ~sure
    return Assessment(
        without(replace(picture, assumed=False), beyond),
        found.field.seen_from(-y0, -x0, picture.shape),
        Verdict.restored(),
        moved=moved,
        noise=measured_noise(own, found.field),
    )


def _stands_out(picture: Picture, told: MotionMap, found: Assessment) -> bool:
    """Return whether what lies around a part has edges that its motion would have softened.

    A photo that moved as a whole has none, though the map may be in doubt of its sky.
    """
    if found.motion is None:
        return False
    scale = fitting_scale(picture.shape, _LONGEST_PX)
    line = _steady(found.motion.windows[0][0].psf, scale)
    still = surely_still(picture.shrunk_luma(scale), line)
    rows, columns = (side // told.cell_px for side in picture.shape)
    cell = told.cell_px // scale
    if cell == 0 or rows == 0 or columns == 0:
        return False
    hard = cells(still[: rows * cell, : columns * cell].astype(np.float32), cell)
    rest = told.moved[: hard.shape[0], : hard.shape[1]] < _REST
    return bool(rest.any()) and float(hard[rest].mean()) >= _HARD


def _core_of(luma: FloatArray, part: MovedPart, box: Box) -> tuple[Mask, Line | None]:
    """Return the core of a part in its box, and the line it shows: all of it, or what is surest.

    Where something still belongs to the core, what is surest shows the line the more clearly.
    """
    y0, x0, y1, x1 = box
    best: tuple[Mask, Line | None] = part.core[y0:y1, x0:x1], None
    for mask in (best[0], part.inner[y0:y1, x0:x1]):
        line = line_in(luma, mask, part.length_px, part.angle_deg)
        if line is not None and (best[1] is None or line.depth > best[1].depth + _DEEPER):
            best = mask, line
    return best


def _shows(luma: FloatArray) -> Mask:
    """Return where anything is to be seen: a flat sky beside an object is left as it is."""
    mean = ndimage.uniform_filter(luma, _FLAT_PX)
    spread = ndimage.uniform_filter(np.square(luma), _FLAT_PX) - np.square(mean)
    least = _FLAT * noise_sigma(luma)
    return np.asarray(ndimage.binary_fill_holes(spread > least * least))


def _steady(psf: Psf, scale: int = 1) -> Psf:
    """Return a motion as a steady one along a line: rests in it would allow any edge to be hard."""
    return Psf.from_line(psf.length_px() / scale, psf.angle_deg())


def _without_still(luma: FloatArray, core: Mask, psf: Psf) -> Mask:
    """Return a core without what its own edges say stood still."""
    left = core & ~surely_still(luma, _steady(psf))
    return largest(ndimage.binary_opening(left, iterations=_SPECK_PX))
