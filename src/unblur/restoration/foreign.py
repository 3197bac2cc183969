"""Networks from elsewhere as restorers: they see the blurry tile alone, no PSF."""

from __future__ import annotations

import numpy as np

from unblur.color import FloatArray
from unblur.engines.foreign import ForeignEngine
from unblur.engines.sizes import SizeRequirements
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
        record = engine.record
        self.halo_px = record.halo_px
        self.window_px: tuple[int, int] | None = record.window_px
        self._sizes = SizeRequirements(
            record.multiple_of, fixed=record.window_px if record.fixed else None
        )

    def __call__(self, tile: Tile) -> FloatArray:
        """See :class:`unblur.restoration.restorers.Restorer`."""
        planes = np.moveaxis(tile.srgb, 2, 0)
        return np.moveaxis(self._sizes.run(self._engine, planes, "symmetric"), 0, 2)
