"""KernelNet: motion features of a window -> its PSF, and what else they tell."""

from __future__ import annotations

import torch
from torch import nn

from unblur.models.blocks import UNet

FACTS = 5
"""Numbers of the second output: blur logit, similarity logit, log2 of the length in px, and
cosine and sine of twice the angle."""


class KernelNet(nn.Module):
    """A U-Net in kernel space.

    It never sees the photo, only the maps of :mod:`unblur.motion.features` and, when it looks
    again, of :mod:`unblur.motion.looks`, in which the PSF is already dimly visible: small,
    cheap, and blind to what the photo shows.

    Args:
        in_maps: number of feature maps.
        widths: channels of each level, finest (64 x 64) first.
        depths: residual blocks of each level.
        pooled: number of pooled high-pass values, read by a fully connected layer.
    """

    def __init__(
        self,
        *,
        in_maps: int = 18,
        widths: tuple[int, ...] = (24, 40, 72, 112),
        depths: tuple[int, ...] = (1, 1, 2, 2),
        pooled: int = 192,
    ) -> None:
        super().__init__()
        deepest = widths[-1]
        self.stem = nn.Conv2d(in_maps, widths[0], 5, padding=2)
        self.body = UNet(widths, depths)
        self.pooled = nn.Sequential(nn.Linear(pooled, 64), nn.ReLU(), nn.Linear(64, deepest))
        self.facts = nn.Sequential(nn.Linear(2 * deepest, 64), nn.ReLU(), nn.Linear(64, FACTS))
        self.head = nn.Conv2d(widths[0], 1, 3, padding=1)

    def forward(
        self, maps: torch.Tensor, pooled: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Estimate PSFs.

        Args:
            maps: (N, in_maps, 64, 64) float32, motion features.
            pooled: (N, 3, 8, 8) float32, pooled high-pass energies.

        Returns:
            PSFs (N, 64, 64), non-negative, summing to 1, centre at [32, 32]; and facts
            (N, FACTS), see FACTS.
        """
        levels = self.body.encode(self.stem(maps))
        extra = self.pooled(pooled.flatten(1))
        deep = levels[-1] + extra[:, :, None, None]
        logits = self.base(maps) + self.head(torch.relu(self.body.decode([*levels[:-1], deep])))
        psf = torch.softmax(logits.flatten(1), dim=1).reshape(maps.shape[0], *maps.shape[2:])
        summary = torch.cat([deep.mean(dim=(2, 3)), deep.amax(dim=(2, 3))], dim=1)
        facts: torch.Tensor = self.facts(torch.relu(summary))
        return psf, facts

    def base(self, maps: torch.Tensor) -> torch.Tensor | float:
        """Return what the head's logits are added to, here nothing."""
        return 0.0
