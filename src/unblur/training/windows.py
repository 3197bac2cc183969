"""Blurred windows of sharp photos, what most samples start from."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from unblur.blur.synthesis import Pair, Synthesiser
from unblur.color import FloatArray
from unblur.training.config import TrainConfig
from unblur.training.photos import SharpPhotos, Split
from unblur.training.shards import Arrays, SampleMaker

if TYPE_CHECKING:
    from typing_extensions import Self


class WindowSamples:
    """Base of the makers of samples that are made of one blurred window each.

    Args:
        config: its recipe blurs the windows.
        photos: sharp ones.
    """

    def __init__(self, config: TrainConfig, photos: SharpPhotos) -> None:
        self.data = config.data
        self.synthesise = Synthesiser(config.recipe)
        self.photos = photos
        self._margin = 2 * config.recipe.reach_px

    def __call__(self, rng: np.random.Generator) -> list[Arrays]:
        """Return the samples of one window."""
        raise NotImplementedError

    def only(self, paths: list[Path]) -> Self:
        """Return a maker of samples of some photos only."""
        some = copy.copy(self)
        some.photos = self.photos.only(paths)
        return some

    def pair(self, rng: np.random.Generator) -> Pair:
        """Return a random window, blurred and sharp, as wide as the config says."""
        return self.synthesise(self.window(rng), rng)

    def window(self, rng: np.random.Generator) -> FloatArray:
        """Return a random sharp window, as wide as the config says and what the blur uses up."""
        sides = self.data.sides_px
        side = sides[int(rng.integers(len(sides)))] if sides else self.data.window_px
        return self.photos.window(side + self._margin, rng, downscale=self.data.downscale)


def drawn_px(config: TrainConfig) -> int:
    """Return the smallest side cut out of a photo: the window and what the blur uses up."""
    return config.data.window_px + 2 * config.recipe.reach_px


def window_samples(
    maker: Callable[[TrainConfig, SharpPhotos], SampleMaker],
    config: TrainConfig,
    photos: Path,
    split: Split,
) -> Callable[[], SampleMaker]:
    """Return a picklable factory of a sample maker on the photos of a split."""
    return partial(_make, maker, config, photos, split)


def _make(
    maker: Callable[[TrainConfig, SharpPhotos], SampleMaker],
    config: TrainConfig,
    photos: Path,
    split: Split,
) -> SampleMaker:
    return maker(config, SharpPhotos(photos, split, smallest_px=drawn_px(config)))
