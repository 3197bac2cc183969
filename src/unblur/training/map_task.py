"""Training MapNet: layered scenes -> what moved in each cell, how far and which way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from unblur.blur.layered import LayeredScene, LayeredSynthesiser, LayerShares, ObjectDraw, cells
from unblur.color import quantise
from unblur.errors import BadValue
from unblur.models.interface import Network
from unblur.models.map_net import CELL_PX
from unblur.training.config import TrainConfig
from unblur.training.photos import SharpPhotos, Split
from unblur.training.shards import Arrays, SampleMaker
from unblur.training.targets import motion_of
from unblur.training.task import Figures, Task
from unblur.training.windows import WindowData, WindowSamples, window_samples

_STEP_PX = 32
"""Side of the squares in which crops begin and end: the network's sides are multiples of it."""


@dataclass(frozen=True)
class MapData(WindowData):
    """Data of MapNet.

    Attributes:
        crop_px: side of the part of a window that is trained on, drawn anew each time.
        layers: what happens how often in the scenes.
        objects: what the things before a background are like.
    """

    crop_px: int = 128
    layers: LayerShares = field(default_factory=LayerShares)
    objects: ObjectDraw = field(default_factory=ObjectDraw)
    counts = (*WindowData.counts, "crop_px")

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("window_px", "crop_px"):
            if getattr(self, name) % _STEP_PX:
                raise BadValue(
                    f"data.{name} must be a multiple of {_STEP_PX}, got {getattr(self, name)}"
                )
        if self.crop_px > self.window_px:
            raise BadValue(
                f"data.crop_px must be at most data.window_px ({self.window_px}), "
                f"got {self.crop_px}"
            )


@dataclass(frozen=True)
class MapLoss:
    """What MapNet's loss is made of, beside the cross-entropy of having moved. Chosen by hand.

    Attributes:
        length: weight of the likelihood of the length (octaves).
        angle: weight of the error of the doubled angle's vector.
        spread: least and largest logarithm of the length's standard deviation.
        moved: share of a cell's light that moved from which on its motion counts.
    """

    length: float = 0.1
    angle: float = 0.3
    spread: tuple[float, float] = (-3.0, 2.0)
    moved: float = 0.5


LOSS = MapLoss()


class MapSamples(WindowSamples):
    """Makes samples: a layered scene, and what moved in each of its cells."""

    data: MapData

    def __init__(self, config: TrainConfig, photos: SharpPhotos) -> None:
        super().__init__(config, photos)
        self._compose = LayeredSynthesiser(self.synthesise, self.data.layers, self.data.objects)

    def __call__(self, rng: np.random.Generator) -> list[Arrays]:
        """Return one sample."""
        scene = self._compose(lambda: self.window(rng), rng)
        pixels = np.moveaxis(quantise(scene.samples, np.dtype(np.uint8)), 2, 0)
        return [{"image": np.ascontiguousarray(pixels), "cells": cells_of(scene)}]


def cells_of(scene: LayeredScene) -> np.ndarray:
    """Return what MapNet should say of the cells of a scene.

    Returns:
        (5, H / 8, W / 8) float16: share of the light that moved; of the layer that most of that is:
        log2 of the length in px, cos and sin of twice the angle as far as the PSF has a direction;
        share of the cell's light that is this layer's.
    """
    shape = tuple(side // CELL_PX for side in scene.samples.shape[:2])
    out = np.zeros((5, *shape), np.float32)
    for layer in scene.moved:
        share = cells(layer.share, CELL_PX)
        length, cosine, sine = motion_of(layer.psf)
        most = share > out[4]
        for row, value in enumerate((length, cosine, sine), 1):
            out[row][most] = value
        out[4][most] = share[most]
        out[0] += share
    return out.astype(np.float16)


class MapTask(Task[MapData]):
    """Network, samples, augmentation and loss of MapNet."""

    data_type = MapData

    def build(self) -> Network:
        """Return a fresh network."""
        return self.network(widths=self.config.widths, depths=self.config.depths)

    def samples(self, photos: Path, split: Split) -> Callable[[], SampleMaker]:
        """Return a picklable factory of the sample maker."""
        return window_samples(MapSamples, self.config, photos, split)

    def augment(self, batch: Arrays, rng: np.random.Generator) -> Arrays:
        """Crop, turn and mirror a batch at random and bring it to float."""
        side, room = self.data.crop_px, self.data.window_px - self.data.crop_px
        y, x = (int(v) * _STEP_PX // 4 for v in rng.integers(room * 4 // _STEP_PX + 1, size=2))
        image = batch["image"][..., y : y + side, x : x + side].astype(np.float32)
        first, last = (y // CELL_PX, x // CELL_PX), side // CELL_PX
        truth = batch["cells"][..., first[0] : first[0] + last, first[1] : first[1] + last].astype(
            np.float32
        )
        signs = np.ones((1, 5, 1, 1), np.float32)
        if rng.random() < 0.5:
            image, truth, signs[:, 3] = image[..., ::-1], truth[..., ::-1], -signs[:, 3]
        if rng.random() < 0.5:
            image, truth = image[..., ::-1, :], truth[..., ::-1, :]
            signs[:, 3] = -signs[:, 3]
        if rng.random() < 0.5:  # an angle a becomes -90 - a
            image, truth = image.swapaxes(-1, -2), truth.swapaxes(-1, -2)
            signs[:, 2] = -signs[:, 2]
        return {"image": image, "cells": truth * signs}

    def loss(
        self, network: nn.Module, batch: dict[str, torch.Tensor]
    ) -> tuple[torch.Tensor, Figures]:
        """Return the loss of a batch and the figures to log.

        Cross-entropy with the share of a cell's light that moved; where that is most of it, a
        Gaussian likelihood of the logarithm of the length and the squared error of the direction.
        """
        out, truth = network(batch["image"] * (1 / 255)), batch["cells"]
        share = truth[:, 0].clamp(0, 1)
        moved = functional.binary_cross_entropy_with_logits(out[:, 0], share)
        counts = (truth[:, 4] > LOSS.moved).float()
        total = counts.sum().clamp(min=1)
        spread = out[:, 2].clamp(*LOSS.spread)
        off = (out[:, 1] - truth[:, 1]).square()
        length = ((0.5 * off * torch.exp(-2 * spread) + spread) * counts).sum() / total
        apart = ((out[:, 3:5] - truth[:, 2:4]).square().sum(1) * counts).sum() / total
        sure = (share - 0.5).abs() > 0.4
        right = ((out[:, 0] > 0) == (share > 0.5)).float()[sure]
        figures = {
            "moved_loss": moved.detach(),
            "accuracy": right.mean(),
            "false_alarms": (out[:, 0] > 0).float()[share < 0.1].mean(),
            "length_off": ((off * counts).sum() / total).sqrt().detach(),
            "angle_off": apart.detach(),
        }
        whole = moved + LOSS.length * length + LOSS.angle * apart
        return whole, {k: float(v) for k, v in figures.items()}
