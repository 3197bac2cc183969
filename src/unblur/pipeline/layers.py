"""A photo's map of what moved how: layers, each with its motion, that do not overlap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from unblur.blur.psf import Psf
from unblur.motion.estimator import MotionEstimator
from unblur.motion.picture import Picture
from unblur.motion.windows import Mask
from unblur.pipeline.assessing import bare_of, seen_whole
from unblur.pipeline.gate import Gate
from unblur.pipeline.outcome import Assessment
from unblur.pipeline.parts import Part, assess_by_parts

Kind = Literal["pasted", "still", "camera", "object", "unclear"]
"""Not part of the exposure; still; moved with the camera; moved by itself; moved in a way that
could not be told."""

LONGEST_CELLS = 512
"""Cells along the longer side of the map: of 12 megapixels each has 8 px."""


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer of a photo.

    Attributes:
        kind: what became of it during the exposure.
        psf: its motion, px of the photo; None where it did not move, or nobody can tell.
        confidence: in its motion, or in its having none, [0, 1]; None where nobody says.
        share: of the photo.
        centre: (y, x), px of the photo: a place inside, far from its borders.
    """

    kind: Kind
    psf: Psf | None
    confidence: float | None
    share: float
    centre: tuple[float, float]

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers, for JSON."""
        psf, sure = self.psf, self.confidence
        return {
            "kind": self.kind,
            "share": round(self.share, 4),
            "length_px": None if psf is None else round(psf.length_px(), 2),
            "angle_deg": None if psf is None else round(psf.angle_deg(), 1),
            "confidence": None if sure is None else round(sure, 4),
            "centre": [round(side, 1) for side in self.centre],
        }


@dataclass(frozen=True, eq=False)
class Layers:
    """The layers of a photo.

    Attributes:
        cell_px: side of a cell, px of the photo.
        labels: (h, w) uint8, the number of the layer that each cell belongs to.
        layers: by their numbers.
    """

    cell_px: int
    labels: NDArray[np.uint8]
    layers: tuple[Layer, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers, for JSON."""
        return {"cell_px": self.cell_px, "layers": [layer.to_dict() for layer in self.layers]}


def assess_layers(
    picture: Picture, estimator: MotionEstimator, gate: Gate
) -> tuple[Assessment, Layers | None]:
    """Tell how a photo moved, as :func:`unblur.pipeline.assessing.assess` does, and its layers.

    What moved by itself is looked for too, though nobody asked: a map shows it, nothing undoes it.

    Args:
        picture: the photo.
        estimator: tells the motions.
        gate: judges each.

    Returns:
        What the photo is as a whole, and its layers; None for a photo too small to tell.
    """
    bare = bare_of(picture)
    found, parts = assess_by_parts(bare.picture, estimator, gate)
    if found.motion is None:
        return seen_whole(found, picture, bare), None
    exposed = _labels(found, parts, bare.picture.shape)
    y0, x0, y1, x1 = bare.box or (0, 0, *picture.shape)
    named: list[tuple[Kind, Part | None]] = [("pasted", None), (_base(found, parts), None)]
    named += [(part.kind, part) for part in parts]
    labels = np.zeros(picture.shape, np.uint8)
    labels[y0:y1, x0:x1] = exposed
    if bare.drawn is not None:
        labels[y0:y1, x0:x1][bare.drawn] = 0
    cell = -(-max(picture.shape) // LONGEST_CELLS)
    few = np.ascontiguousarray(labels[cell // 2 :: cell, cell // 2 :: cell])
    return seen_whole(found, picture, bare), _named(few, named, found, cell)


def _base(found: Assessment, parts: tuple[Part, ...]) -> Kind:
    """Return what the rest of a photo is, beside its parts: they stand out from what is still."""
    left = found.verdict.reason and not found.verdict.sharp
    return "unclear" if left and not parts else "still"


def _labels(
    found: Assessment, parts: tuple[Part, ...], shape: tuple[int, int]
) -> NDArray[np.uint8]:
    """Return 1 for the rest of the exposed part of a photo, 2 and more for its parts."""
    labels = np.ones(shape, np.uint8)
    for number, part in enumerate(parts, 2):
        moved = part.found.moved
        labels[... if moved is None else moved > 0] = number
    return labels


def _named(
    labels: NDArray[np.uint8],
    named: list[tuple[Kind, Part | None]],
    found: Assessment,
    cell: int,
) -> Layers:
    """Return the layers that have any cell, numbered anew."""
    layers: list[Layer] = []
    numbered = np.zeros_like(labels)
    for old, (kind, part) in enumerate(named):
        where = labels == old
        if not where.any():
            continue
        numbered[where] = len(layers)
        psf = None if part is None else part.psf()
        confidence = None
        if part is not None and part.found.motion is not None:
            confidence = part.found.motion.confidence
        elif kind == "still" and found.motion is not None and found.verdict.sharp:
            confidence = 1 - found.motion.blur_probability
        y, x = _inside(where)
        centre = (cell * (y + 0.5), cell * (x + 0.5))
        layers.append(Layer(kind, psf, confidence, float(where.mean()), centre))
    return Layers(cell, numbered, tuple(layers))


def _inside(where: Mask) -> tuple[int, int]:
    """Return the cell that is farthest from the borders of a layer and of the photo."""
    far = ndimage.distance_transform_edt(np.pad(where, 1))[1:-1, 1:-1]
    y, x = np.unravel_index(int(np.argmax(far)), far.shape)
    return int(y), int(x)
