"""What turns one tile and its PSF into a restored tile: our networks or a classical method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from unblur.blur.psf import Psf
from unblur.color import FloatArray, linear_to_srgb, srgb_to_linear
from unblur.engines.base import Engine
from unblur.engines.sizes import SizeRequirements
from unblur.restoration.inputs import WeightedPsf, network_input
from unblur.restoration.lattice import without_lattice
from unblur.spec import Bank


@dataclass(frozen=True, eq=False)
class Tile:
    """One piece of a photo to restore.

    Attributes:
        srgb: (H, W, 3) float32 in [0, 1].
        psfs: the PSFs that count in it.
        confidence: (H, W) float32, trust in the PSFs.
        noise: standard deviation of the luma's noise, linear light.
        needed: rows and columns that are wanted, with the halo that the restorer asked for;
            what lies beyond is there for deconvolution only. None for all.
        regularisation: factor on the strengths of the network's bank.
    """

    srgb: FloatArray
    psfs: list[WeightedPsf]
    confidence: FloatArray
    noise: float
    needed: tuple[slice, slice] | None = None
    regularisation: float = 1.0


class Restorer(Protocol):
    """Restores tiles.

    Attributes:
        name: as given to ``--model``.
        halo_px: context needed beyond the PSF's reach.
        at_once: tiles that may be restored at the same time, each on a thread of its own.
        regularised: whether it heeds the tiles' regularisation.
    """

    name: str
    halo_px: int
    at_once: int
    regularised: bool

    def __call__(self, tile: Tile) -> FloatArray:
        """Return the restored tile, (H, W, 3) float32, sRGB, not clipped.

        Outside of what is needed it may hold anything.
        """


@runtime_checkable
class BlindRestorer(Restorer, Protocol):
    """Restores tiles from their blurry pixels alone: needs no PSF, and takes none.

    Attributes:
        window_px: (height, width) of the tiles that it wants, their halo included; None if it
            takes tiles of any size.
    """

    window_px: tuple[int, int] | None


_MIRRORED: tuple[tuple[int, ...], ...] = ((), (1,), (2,), (1, 2))
"""Axes of (C, H, W) along which the input of a self-ensemble is mirrored."""


class NetworkRestorer:
    """RestoreNet on the bank that it was trained on.

    Args:
        name: as given to ``--model``.
        engine: runs the network.
        at_once: tiles that may be restored at the same time.
        self_ensemble: whether the network is asked in four orientations, and the mean taken.
    """

    regularised = True

    def __init__(
        self, name: str, engine: Engine, *, at_once: int = 1, self_ensemble: bool = False
    ) -> None:
        self.name, self._engine, self.at_once = name, engine, at_once
        self._mirrored = _MIRRORED if self_ensemble else _MIRRORED[:1]
        self.halo_px = engine.spec.halo_px
        self._sizes = SizeRequirements(engine.spec.multiple_of)

    def __call__(self, tile: Tile) -> FloatArray:
        """See :class:`Restorer`."""
        rows, columns = tile.needed or (slice(None), slice(None))
        restored = np.moveaxis(self.run(self.network_input(tile, tile.needed)), 0, 2)
        step = self._engine.spec.multiple_of
        out = tile.srgb.copy()
        out[rows, columns] = without_lattice(tile.srgb[rows, columns], restored, step)
        return out

    def network_input(self, tile: Tile, wanted: tuple[slice, slice] | None = None) -> FloatArray:
        """Return what the network is shown of a tile, (C, H, W) float32 in [0, 1].

        Args:
            tile: the tile.
            wanted: rows and columns of it; all of them if omitted.
        """
        return network_input(
            self._engine.spec.bank,
            tile.srgb,
            tile.psfs,
            tile.confidence,
            tile.noise,
            regularisation=tile.regularisation,
            wanted=wanted,
        )

    @property
    def bank(self) -> Bank:
        """What the network is shown, see :mod:`unblur.restoration.inputs`."""
        return self._engine.spec.bank

    def run(self, image: FloatArray) -> FloatArray:
        """Return what the network makes of its input, (3, H, W) float32 sRGB, not clipped."""
        results = (
            np.flip(self._sizes.run(self._engine, np.flip(image, axes)), axes)
            for axes in self._mirrored
        )
        return np.asarray(sum(results) / np.float32(len(self._mirrored)), np.float32)


class PlainRestorer(NetworkRestorer):
    """RestoreNet without the motion: it sees the pixels and their noise alone."""

    window_px = None
    regularised = False


class Deconvolution(Protocol):
    """A method that undoes a known motion."""

    def __call__(
        self, blurry: FloatArray, psf: Psf, noise: float, *, regularisation: float = 1.0
    ) -> FloatArray:
        """(H, W, 3) linear light, PSF, standard deviation of the noise -> restored linear light."""


class ClassicalRestorer:
    """One closed-form or iterative deconvolution."""

    def __init__(
        self, name: str, deconvolve: Deconvolution, *, regularised: bool = True, at_once: int = 1
    ) -> None:
        self.name, self._deconvolve, self.at_once = name, deconvolve, at_once
        self.regularised = regularised
        self.halo_px = 32

    def __call__(self, tile: Tile) -> FloatArray:
        """See :class:`Restorer`."""
        linear = srgb_to_linear(tile.srgb)
        restored = np.zeros_like(linear)
        for psf, weight in tile.psfs:
            solved = self._deconvolve(linear, psf, tile.noise, regularisation=tile.regularisation)
            restored += weight[..., None] * solved
        return linear_to_srgb(np.clip(restored, 0, 1))
