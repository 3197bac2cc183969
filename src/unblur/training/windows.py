"""Blurred windows of sharp photos, what most samples start from."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unblur.blur.synthesis import Pair, Synthesiser
from unblur.color import FloatArray
from unblur.training.config import DataConfig, TrainConfig
from unblur.training.photos import SharpPhotos, Split
from unblur.training.shards import Arrays, SampleMaker

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True)
class WindowData(DataConfig):
    """Data of the tasks whose samples are made of one blurred window each.

    Attributes:
        sides_px: sides of the windows, each as often; ``window_px`` alone if empty.
    """

    sides_px: tuple[int, ...] = ()


class WindowSamples:
    """Base of the makers of samples that are made of one blurred window each.

    Args:
        config: its recipe blurs the windows.
        photos: sharp ones.
    """

    data: WindowData

    def __init__(self, config: TrainConfig, photos: SharpPhotos) -> None:
        assert isinstance(config.data, WindowData)  # a task has looked at it before
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
    """Return a picklable factory of a sample maker on the photos of a split.

    The photos are looked through here, once, not in each worker process again.
    """
    return partial(maker, config, SharpPhotos(photos, split, smallest_px=drawn_px(config)))


def crops_of(
    image: FloatArray, sharp: FloatArray, side: int, count: int, rng: np.random.Generator
) -> list[Arrays]:
    """Return random crops of a network's input and of what it should give.

    Args:
        image: (C, H, W) float32 in [0, 1], H and W of at least ``side``.
        sharp: (3, H, W) float32 in [0, 1].
        side: of the crops, px.
        count: how many.
        rng: source of their places.

    Returns:
        ``image`` and ``sharp`` of each as uint8; a quarter of a grey level of rounding is below the
        noise.
    """
    made = []
    for _ in range(count):
        y = int(rng.integers(image.shape[1] - side + 1))
        x = int(rng.integers(image.shape[2] - side + 1))
        part = (slice(None), slice(y, y + side), slice(x, x + side))
        made.append({"image": _to_bytes(image[part]), "sharp": _to_bytes(sharp[part])})
    return made


def _to_bytes(values: FloatArray) -> NDArray[np.uint8]:
    return np.asarray(np.clip(values, 0, 1) * 255 + 0.5, dtype=np.uint8)
