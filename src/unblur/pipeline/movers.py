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
from unblur.motion.line_search import Line, expected_px, lines_in
from unblur.motion.motion_map import MapReader, MotionMap
from unblur.motion.moved_parts import MovedPart, largest, moved_parts
from unblur.motion.part_masks import box_around
from unblur.motion.part_motion import core_windows, motion_of_part
from unblur.motion.picture import Picture
from unblur.motion.windows import Mask
from unblur.pipeline.gate import Gate, Verdict
from unblur.pipeline.outcome import Assessment
from unblur.pipeline.tile_reader import measured_noise

_SURER = 0.5
"""Share of its rim that belongs to what is surely a part's: with 1, what moved gains 0.16 dB less
in 8 composed scenes, and what stands still loses 0.01 dB less."""
_FADE_PX = 10
"""Over how much the correction fades in within a core: the map's cells are nearly so large. Of 10
composed scenes 4 px harmed what stands still by 0.20 dB on the mean, this 0.12, for 0.05 dB less of
what moved."""
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
_WITHIN_PX = 3
"""By how much a core keeps off the border that a map tells."""
_AGREED = 0.85
"""Share of a core that must be left without what its own edges call still: or it did not move. 0.88
and more of 22 composed objects, 0.7 of soft parts of two sharp photos."""
_SHOWN = 0.25
"""Share of a core in which anything must be seen: half and more of 11 composed objects; a shadow on
snow, which the map took for one, has 0.07."""


def assess_movers(picture: Picture, estimator: MotionEstimator, gate: Gate) -> Iterator[Assessment]:
    """Yield what moved by itself before a still background, what stands out most first.

    Args:
        picture: in the light that is known or assumed.
        estimator: maps what moved, and tells what undoing a motion would gain.
        gate: says whether a part moved by itself.

    Yields:
        Assessments whose ``moved`` is the part; none overlaps with another one.
    """
    told = estimator.motion_map(picture) if isinstance(estimator, MapReader) else None
    if told is None:
        return
    for part in moved_parts(told, picture.shape):
        if not gate.alone(part):
            continue
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
    box = box_around(part.likely)
    if box is None:
        return None
    y0, x0, y1, x1 = box
    told = Line(expected_px(part.length_px), part.angle_deg)
    luma, likely = picture.luma(*box), _core_of(part.likely[y0:y1, x0:x1], told)
    if _without_still(luma, likely, told.psf()).sum() < _AGREED * likely.sum():
        return None
    lines = lines_in(luma, likely, part.length_px, part.angle_deg)
    core = _core_of(part.surely[y0:y1, x0:x1], told, _SURER)
    core = core if core_windows(core, 1) else likely
    own = without(replace(picture, assumed=False).part(*box), ~core)
    found = motion_of_part(own, core, [told, *lines], estimator)
    if found is None or not gate.alone(part, found):
        return None
    psf = found.psf()
    core = _core_of(part.surely[y0:y1, x0:x1], Line(psf.length_px(), psf.angle_deg()), _SURER)
    sure = _without_still(luma, core, psf)
    if sure.sum() < _AGREED * core.sum():
        return None
    shown = sure & _shows(luma)
    if shown.sum() < _SHOWN * core.sum():
        return None
    moved = np.zeros(picture.shape, np.float32)
    far = ndimage.distance_transform_edt(shown)
    moved[y0:y1, x0:x1] = np.clip(far / _FADE_PX, 0, 1)
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


def _core_of(where: Mask, line: Line, share: float = 1.0) -> Mask:
    """Return what of a part is its own light alone if it moved so, (H, W).

    So far within its border as the path reaches, and a little more for the map's cells; beyond the
    photo it goes on.

    Args:
        where: (H, W), the part with its rim, or some of that.
        line: its motion.
        share: of the rim that ``where`` has.
    """
    reach, angle = share * (line.length_px - 1) / 2, np.deg2rad(line.angle_deg)
    dx, dy = reach * np.cos(angle), -reach * np.sin(angle)
    side = int(np.ceil(abs(reach))) + 1
    path = np.zeros((2 * side + 1, 2 * side + 1), bool)
    steps = np.linspace(-1, 1, 2 * side + 1)
    path[np.rint(side + steps * dy).astype(int), np.rint(side + steps * dx).astype(int)] = True
    core = ndimage.binary_erosion(where, path, border_value=1)
    return np.asarray(ndimage.binary_erosion(core, iterations=_WITHIN_PX, border_value=1))


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
