"""Networks from elsewhere as restorers: they see the blurry tile alone, no PSF."""

from __future__ import annotations

import numpy as np

from unblur.color import FloatArray
from unblur.engines.foreign import ForeignEngine
from unblur.restoration.restorers import Tile


class ForeignRestorer:
    """Pads a tile to a size that the network takes, runs it, and cuts the tile out again.

    Invented pixels are mirrored ones, at the ends of the axes. One tile at a time, on all threads:
    what such a network takes of memory is not known, and may be a gigabyte for each tile.
    """

    at_once = 1
    regularised = False

    def __init__(self, name: str, engine: ForeignEngine) -> None:
        self.name, self._engine = name, engine
        self.halo_px = engine.spec.halo_px
        self.window_px: tuple[int, int] | None = engine.spec.window_px

    def __call__(self, tile: Tile) -> FloatArray:
        """See :class:`unblur.restoration.restorers.Restorer`."""
        spec = self._engine.spec
        height, width = tile.srgb.shape[:2]
        if spec.fixed:
            missing = (spec.window_px[0] - height, spec.window_px[1] - width)
        else:
            missing = (-height % spec.multiple_of, -width % spec.multiple_of)
        padded = np.pad(tile.srgb, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="symmetric")
        return self._engine(padded)[:height, :width]
