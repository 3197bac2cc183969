"""KernelNet: motion features of a window -> its PSF, and what else they tell."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from unblur.models.blocks import UNet
from unblur.models.interface import InputPort, Interface, Network, numbered

MAP_SIDE = 64
"""Side of the feature maps and of the PSF."""

POOLED_SHAPE = (3, 8, 8)
"""Scales, rows and columns of the pooled high-pass energies."""

SUMMARY = 5
"""Numbers of the second output, the summary: blur logit, similarity logit, log2 of the length in
px, and cosine and sine of twice the angle."""

_FORMER = "facts"


class KernelNet(Network):
    """A U-Net in kernel space.

    It never sees the photo, only the maps of :mod:`unblur.motion.features` and, when it estimates
    again, of :mod:`unblur.motion.guided`, in which the PSF is already dimly visible: small,
    cheap, and blind to what the photo shows.

    Args:
        maps: names of the feature maps.
        widths: channels of each level, finest (64 x 64) first.
        depths: residual blocks of each level.
    """

    def __init__(
        self,
        *,
        maps: tuple[str, ...],
        widths: tuple[int, ...] = (24, 40, 72, 112),
        depths: tuple[int, ...] = (1, 1, 2, 2),
    ) -> None:
        super().__init__()
        deepest = widths[-1]
        self._maps = maps
        self.stem = nn.Conv2d(len(maps), widths[0], 5, padding=2)
        self.body = UNet(widths, depths)
        self.pooled = nn.Sequential(
            nn.Linear(math.prod(POOLED_SHAPE), 64), nn.ReLU(), nn.Linear(64, deepest)
        )
        self.summary = nn.Sequential(nn.Linear(2 * deepest, 64), nn.ReLU(), nn.Linear(64, SUMMARY))
        self.head = nn.Conv2d(widths[0], 1, 3, padding=1)

    def interface(self) -> Interface:
        """Return its inputs, feature maps and pooled energies, whose sides are fixed."""
        return Interface(inputs=kernel_space_inputs(self._maps))

    def forward(
        self, maps: torch.Tensor, pooled: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Estimate PSFs.

        Args:
            maps: (N, len(maps), 64, 64) float32, motion features.
            pooled: (N, 3, 8, 8) float32, pooled high-pass energies.

        Returns:
            PSFs (N, 64, 64), non-negative, summing to 1, centre at [32, 32]; and the
            summaries (N, SUMMARY), see SUMMARY.
        """
        levels = self.body.encode(self.stem(maps))
        extra = self.pooled(pooled.flatten(1))
        deep = levels[-1] + extra[:, :, None, None]
        logits = self.base(maps) + self.head(torch.relu(self.body.decode([*levels[:-1], deep])))
        psf = torch.softmax(logits.flatten(1), dim=1).reshape(maps.shape[0], *maps.shape[2:])
        over_all = torch.cat([deep.mean(dim=(2, 3)), deep.amax(dim=(2, 3))], dim=1)
        summary: torch.Tensor = self.summary(torch.relu(over_all))
        return psf, summary

    def base(self, maps: torch.Tensor) -> torch.Tensor | float:
        """Return what the head's logits are added to, here nothing."""
        return 0.0

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *rest: Any, **options: Any
    ) -> None:
        """Take weights of before 0.2 too, when the summary's layers had another name."""
        for key in [key for key in state_dict if key.startswith(f"{prefix}{_FORMER}.")]:
            name = key.removeprefix(f"{prefix}{_FORMER}.")
            state_dict[f"{prefix}summary.{name}"] = state_dict.pop(key)
        super()._load_from_state_dict(state_dict, prefix, *rest, **options)


def kernel_space_inputs(maps: tuple[str, ...]) -> tuple[InputPort, InputPort]:
    """Return the inputs of a network that looks in kernel space."""
    scales, *sides = POOLED_SHAPE
    return (
        InputPort("maps", maps, sides=(MAP_SIDE, MAP_SIDE)),
        InputPort("pooled", numbered("scale", scales), sides=(sides[0], sides[1])),
    )
