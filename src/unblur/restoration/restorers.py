"""What turns one tile and its PSF into a restored tile: our networks or a classical method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from unblur.blur.psf import Psf
from unblur.color import FloatArray, linear_to_srgb, srgb_to_linear
from unblur.engines.base import Engine
from unblur.restoration.inputs import network_input
from unblur.restoration.wiener import STRENGTHS, wiener_bank

WeightedPsf = tuple[Psf, FloatArray]
"""A PSF and its (H, W) weight in a tile; the weights of all PSFs of a tile sum to 1."""


@dataclass(frozen=True, eq=False)
class Tile:
    """One piece of a photo to restore.

    Attributes:
        srgb: (H, W, 3) float32 in [0, 1].
        psfs: the PSFs that count in it.
        confidence: (H, W) float32, trust in the PSFs.
        noise: standard deviation of the noise, linear light.
    """

    srgb: FloatArray
    psfs: list[WeightedPsf]
    confidence: FloatArray
    noise: float


class Restorer(Protocol):
    """Restores tiles.

    Attributes:
        name: as given to ``--model``.
        halo_px: context needed beyond the PSF's reach.
    """

    name: str
    halo_px: int

    def __call__(self, tile: Tile) -> FloatArray:
        """Return the restored tile, (H, W, 3) float32, sRGB, not clipped."""


@runtime_checkable
class BlindRestorer(Restorer, Protocol):
    """Restores tiles from their blurry pixels alone: needs no PSF, and takes none.

    Attributes:
        window_px: (height, width) of the tiles that it wants, their halo included.
    """

    window_px: tuple[int, int]


class NetworkRestorer:
    """RestoreNet on the Wiener bank."""

    def __init__(self, name: str, engine: Engine) -> None:
        self.name, self._engine = name, engine
        self.halo_px = engine.spec.halo_px

    def __call__(self, tile: Tile) -> FloatArray:
        """See :class:`Restorer`."""
        linear = srgb_to_linear(tile.srgb)
        bank = np.zeros((len(STRENGTHS), *tile.srgb.shape), np.float32)
        for psf, weight in tile.psfs:
            bank += weight[..., None] * wiener_bank(linear, psf, tile.noise)
        image = network_input(tile.srgb, bank, tile.confidence, tile.noise)
        height, width = image.shape[1:]
        step = self._engine.spec.multiple_of
        padded = np.pad(image, ((0, 0), (0, -height % step), (0, -width % step)), mode="edge")
        (restored,) = self._engine(padded[None])
        return np.moveaxis(restored[0, :, :height, :width], 0, 2)


Deconvolution = Callable[[FloatArray, Psf, float], FloatArray]
"""(blurry linear (H, W, 3), PSF, noise) -> restored linear."""


class ClassicalRestorer:
    """One closed-form or iterative deconvolution."""

    def __init__(self, name: str, deconvolve: Deconvolution) -> None:
        self.name, self._deconvolve = name, deconvolve
        self.halo_px = 32

    def __call__(self, tile: Tile) -> FloatArray:
        """See :class:`Restorer`."""
        linear = srgb_to_linear(tile.srgb)
        restored = np.zeros_like(linear)
        for psf, weight in tile.psfs:
            restored += weight[..., None] * self._deconvolve(linear, psf, tile.noise)
        return linear_to_srgb(np.clip(restored, 0, 1))
