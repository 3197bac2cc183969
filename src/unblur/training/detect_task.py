"""Training BlurNet: light features of synthetic windows -> what blurred them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from unblur.color import luma, srgb_to_linear
from unblur.models.interface import Network
from unblur.motion.dihedral import turned_at_random
from unblur.motion.light import LIGHT_NAMES, light_features
from unblur.training.photos import Split
from unblur.training.shards import Arrays, SampleMaker
from unblur.training.targets import class_of, targets_of
from unblur.training.task import Figures, Task
from unblur.training.windows import WindowData, WindowSamples, window_samples


@dataclass(frozen=True)
class DetectLoss:
    """What BlurNet's loss is made of, beside the cross-entropy of the kind. Chosen by hand.

    Attributes:
        length: weight of the likelihood of the length (octaves).
        angle: weight of the error of the doubled angle's unit vector.
        spread: least and largest logarithm of the length's standard deviation, so that no single
            sample can rule.
    """

    length: float = 0.1
    angle: float = 0.1
    spread: tuple[float, float] = (-3.0, 2.0)


LOSS = DetectLoss()


class DetectSamples(WindowSamples):
    """Makes samples: a blurred window's light features and what is known of the blur."""

    def __call__(self, rng: np.random.Generator) -> list[Arrays]:
        """Return one sample."""
        pair = self.pair(rng)
        features = light_features(luma(srgb_to_linear(pair.blurry)))
        return [
            {
                "maps": features.maps.astype(np.float16),
                "pooled": features.pooled,
                "pixels": features.pixels.astype(np.float16),
                "targets": targets_of(pair),
                "class": np.array(class_of(pair), np.int64),
            }
        ]


class DetectTask(Task[WindowData]):
    """Network, samples, augmentation and loss of BlurNet."""

    data_type = WindowData
    private = True

    def build(self) -> Network:
        """Return a fresh network."""
        config = self.config
        return self.network(maps=LIGHT_NAMES, widths=config.widths, depths=config.depths)

    def samples(self, photos: Path, split: Split) -> Callable[[], SampleMaker]:
        """Return a picklable factory of the sample maker."""
        return window_samples(DetectSamples, self.config, photos, split)

    def augment(self, batch: Arrays, rng: np.random.Generator) -> Arrays:
        """Turn and mirror each sample at random."""
        return turned_at_random(batch, LIGHT_NAMES, rng)

    def loss(
        self, network: nn.Module, batch: dict[str, torch.Tensor]
    ) -> tuple[torch.Tensor, Figures]:
        """Return the loss of a batch and the figures to log.

        Cross-entropy for the kind; a Gaussian likelihood for the logarithm of the length, so
        that the network also says how sure it is; squared error for the doubled angle's unit
        vector, whose expected length is then how sure the angle is.
        """
        out = network(batch["maps"], batch["pooled"], batch["pixels"])
        truth, wanted = batch["targets"], batch["class"].long()
        kind = functional.cross_entropy(out[:, :3], wanted)
        blurred = wanted != 0
        spread = out[:, 4].clamp(*LOSS.spread)
        off = (out[:, 3] - truth[:, 1]).square()
        length = ((0.5 * off * torch.exp(-2 * spread) + spread) * blurred).mean()
        apart = (out[:, 5:7] - truth[:, 2:4]).square().sum(1)
        angle = (apart * truth[:, 4]).mean()
        accuracy = (out[:, :3].argmax(1) == wanted).float().mean()
        figures = {
            "kind_loss": kind.detach(),
            "accuracy": accuracy,
            "length_off": off[blurred].detach().sqrt().mean(),  # NaN where nothing is blurred
        }
        total = kind + LOSS.length * length + LOSS.angle * angle
        return total, {k: float(v) for k, v in figures.items()}
