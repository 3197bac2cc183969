"""Training PatchNet as the founding document does: patches, binary cross-entropy, accuracy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from unblur.color import quantise
from unblur.models.interface import Network
from unblur.models.patch_net import PATCH_PX
from unblur.training.photos import Split
from unblur.training.shards import Arrays, SampleMaker
from unblur.training.targets import class_of
from unblur.training.task import Figures, Task
from unblur.training.windows import WindowData, WindowSamples, window_samples


@dataclass(frozen=True)
class PatchData(WindowData):
    """Data of PatchNet.

    Attributes:
        crops: patches taken of each window.
    """

    crops: int = 2
    counts = (*WindowData.counts, "crops")


class PatchSamples(WindowSamples):
    """Makes samples: patches of a synthetic window, and whether it was blurred."""

    data: PatchData

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


class PatchTask(Task[PatchData]):
    """Network, samples, augmentation and loss of PatchNet."""

    data_type = PatchData
    private = True

    def build(self) -> Network:
        """Return a fresh network."""
        return self.network(widths=self.config.widths)

    def samples(self, photos: Path, split: Split) -> Callable[[], SampleMaker]:
        """Return a picklable factory of the sample maker."""
        return window_samples(PatchSamples, self.config, photos, split)

    def augment(self, batch: Arrays, rng: np.random.Generator) -> Arrays:
        """Mirror a batch at random and bring it to float."""
        patches = batch["patch"].astype(np.float32)
        if rng.random() < 0.5:
            patches = patches[..., ::-1]
        return {"patch": patches, "blurred": batch["blurred"].astype(np.float32)}

    def loss(
        self, network: nn.Module, batch: dict[str, torch.Tensor]
    ) -> tuple[torch.Tensor, Figures]:
        """Return the loss of a batch and the figures to log."""
        logits = network(batch["patch"] * (1 / 255))
        loss = functional.binary_cross_entropy_with_logits(logits, batch["blurred"])
        accuracy = ((logits > 0) == (batch["blurred"] > 0.5)).float().mean()
        return loss, {"accuracy": float(accuracy)}
