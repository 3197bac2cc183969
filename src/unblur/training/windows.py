"""Blurred windows of sharp photos, what most samples start from."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from unblur.blur.synthesis import MAX_REACH_PX, Pair, Synthesiser
from unblur.training.config import TrainConfig
from unblur.training.photos import SharpPhotos, Split
from unblur.training.shards import Arrays, SampleMaker

if TYPE_CHECKING:
    from typing_extensions import Self


class WindowSamples:
    """Base of the makers of samples that are made of one blurred window each.

    Args:
        config: its recipe blurs the windows.
        photos: sharp ones, no side shorter than :func:`drawn_px`.
    """

    def __init__(self, config: TrainConfig, photos: SharpPhotos) -> None:
        self.data = config.data
        self.synthesise = Synthesiser(config.recipe)
        self.photos, self._side = photos, drawn_px(config)

    def __call__(self, rng: np.random.Generator) -> list[Arrays]:
        """Return the samples of one window."""
        raise NotImplementedError

    def only(self, paths: list[Path]) -> Self:
        """Return a maker of samples of some photos only."""
        some = copy.copy(self)
        some.photos = self.photos.only(paths)
        return some

    def pair(self, rng: np.random.Generator) -> Pair:
        """Return a random window, ``data.window_px`` wide, blurred and sharp."""
        window = self.photos.window(self._side, rng, downscale=self.data.downscale)
        return self.synthesise(window, rng)


def drawn_px(config: TrainConfig) -> int:
    """Return the side of what is cut out of a photo: the window and what the blur uses up."""
    return config.data.window_px + 2 * MAX_REACH_PX


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
