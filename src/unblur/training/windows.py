"""Blurred windows of sharp photos, what most samples start from."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from unblur.blur.synthesis import MAX_REACH_PX, Pair, Synthesiser
from unblur.training.config import TrainConfig
from unblur.training.photos import SharpPhotos, Split
from unblur.training.shards import SampleMaker


class WindowSamples:
    """Base of the makers of samples that are made of one blurred window each.

    Args:
        config: its recipe blurs the windows.
        photos: sharp ones.
    """

    def __init__(self, config: TrainConfig, photos: SharpPhotos) -> None:
        self.data = config.data
        self.synthesise = Synthesiser(config.recipe)
        self._photos = photos

    def pair(self, rng: np.random.Generator) -> Pair:
        """Return a random window, blurred and sharp, as wide as the config says."""
        sides = self.data.sides_px
        side = sides[int(rng.integers(len(sides)))] if sides else self.data.window_px
        window = self._photos.window(side + 2 * MAX_REACH_PX, rng, downscale=self.data.downscale)
        return self.synthesise(window, rng)


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
    # The window, and what the blur uses up around it.
    smallest_px = config.data.window_px + 2 * MAX_REACH_PX
    return maker(config, SharpPhotos(photos, split, smallest_px=smallest_px))
