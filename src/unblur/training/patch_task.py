"""Training PatchNet as the founding document does: patches, binary cross-entropy, accuracy."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from unblur.blur.synthesis import MAX_REACH_PX, Synthesiser
from unblur.color import quantise
from unblur.models.patch_net import PATCH_PX, PatchNet
from unblur.training.config import TrainConfig
from unblur.training.facts import class_of
from unblur.training.photos import SharpPhotos, Split
from unblur.training.shards import Arrays, SampleMaker


class PatchSamples:
    """Makes samples: patches of a synthetic window, and whether it was blurred."""

    def __init__(self, config: TrainConfig, photos: SharpPhotos) -> None:
        self._config, self._photos = config, photos
        self._synthesise = Synthesiser(config.recipe)

    def __call__(self, rng: np.random.Generator) -> list[Arrays]:
        """Return ``data.crops`` patches of one window."""
        data = self._config.data
        side = data.window_px + 2 * MAX_REACH_PX
        pair = self._synthesise(self._photos.window(side, rng, downscale=data.downscale), rng)
        pixels = np.moveaxis(quantise(pair.blurry, np.dtype(np.uint8)), 2, 0)
        blurred = np.array(class_of(pair) != 0, np.float32)
        places = rng.integers(data.window_px - PATCH_PX + 1, size=(data.crops, 2))
        return [
            {"patch": pixels[:, y : y + PATCH_PX, x : x + PATCH_PX].copy(), "blurred": blurred}
            for y, x in places
        ]


def samples(config: TrainConfig, photos: Path, split: Split) -> Callable[[], SampleMaker]:
    """Return a picklable factory of the sample maker."""
    return partial(_make, config, photos, split)


def _make(config: TrainConfig, photos: Path, split: Split) -> SampleMaker:
    smallest = config.data.window_px + 2 * MAX_REACH_PX
    return PatchSamples(config, SharpPhotos(photos, split, smallest_px=smallest))


class PatchTask:
    """Network, augmentation and loss of PatchNet."""

    def __init__(self, config: TrainConfig) -> None:
        self.config = config

    def build(self) -> nn.Module:
        """Return a fresh network."""
        return PatchNet(widths=self.config.widths)

    def augment(self, batch: Arrays, rng: np.random.Generator) -> Arrays:
        """Mirror a batch at random and bring it to float."""
        patches = batch["patch"].astype(np.float32)
        if rng.random() < 0.5:
            patches = patches[..., ::-1]
        return {"patch": patches, "blurred": batch["blurred"].astype(np.float32)}

    def loss(
        self, network: nn.Module, batch: dict[str, torch.Tensor]
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """Return the loss of a batch and the figures to log."""
        logits = network(batch["patch"] * (1 / 255))
        loss = functional.binary_cross_entropy_with_logits(logits, batch["blurred"])
        told = ((logits > 0) == (batch["blurred"] > 0.5)).float().mean()
        return loss, {"accuracy": float(told)}
