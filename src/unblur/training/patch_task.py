"""Training PatchNet as the founding document does: patches, binary cross-entropy, accuracy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from unblur.color import quantise
from unblur.models.patch_net import PATCH_PX, PatchNet
from unblur.training.config import TrainConfig
from unblur.training.facts import class_of
from unblur.training.photos import Split
from unblur.training.shards import Arrays, SampleMaker
from unblur.training.windows import WindowSamples, window_samples


class PatchSamples(WindowSamples):
    """Makes samples: patches of a synthetic window, and whether it was blurred."""

    def __call__(self, rng: np.random.Generator) -> list[Arrays]:
        """Return ``data.crops`` patches of one window."""
        data, pair = self.data, self.pair(rng)
        pixels = np.moveaxis(quantise(pair.blurry, np.dtype(np.uint8)), 2, 0)
        blurred = np.array(class_of(pair) != 0, np.float32)
        places = rng.integers(data.window_px - PATCH_PX + 1, size=(data.crops, 2))
        return [
            {"patch": pixels[:, y : y + PATCH_PX, x : x + PATCH_PX].copy(), "blurred": blurred}
            for y, x in places
        ]


def samples(config: TrainConfig, photos: Path, split: Split) -> Callable[[], SampleMaker]:
    """Return a picklable factory of the sample maker."""
    return window_samples(PatchSamples, config, photos, split)


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
