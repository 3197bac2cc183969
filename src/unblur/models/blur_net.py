"""BlurNet: light motion features of a window -> sharp, moved or out of focus, and how far."""

from __future__ import annotations

import torch
from torch import nn

from unblur.models.blocks import residual_blocks

OUTPUTS = 7
"""Numbers per window: logits of sharp, motion and defocus; log2 of the blur's extent in px and
the logarithm of its standard deviation; cosine and sine of twice the angle."""


class BlurNet(nn.Module):
    """A small classifier in kernel space.

    Args:
        in_maps: number of feature maps.
        widths: channels at a half, a quarter and an eighth of the maps' resolution.
        depths: residual blocks there.
        pooled: number of pooled high-pass values, read by a fully connected layer.
    """

    def __init__(
        self,
        *,
        in_maps: int = 8,
        widths: tuple[int, ...] = (24, 48, 96),
        depths: tuple[int, ...] = (1, 1, 2),
        pooled: int = 192,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = in_maps
        for number, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            side = 5 if number == 0 else 3
            layers.append(nn.Conv2d(before, width, side, stride=2, padding=side // 2))
            layers.append(residual_blocks(width, depth))
            before = width
        self.body = nn.Sequential(*layers)
        self.pooled = nn.Sequential(nn.Linear(pooled, 64), nn.ReLU())
        self.head = nn.Sequential(
            nn.Linear(2 * before + 64, 128), nn.ReLU(), nn.Dropout(0.1), nn.Linear(128, OUTPUTS)
        )

    def forward(self, maps: torch.Tensor, pooled: torch.Tensor) -> torch.Tensor:
        """Judge windows.

        Args:
            maps: (N, in_maps, 64, 64) float32, light motion features.
            pooled: (N, 3, 8, 8) float32, pooled high-pass energies.

        Returns:
            (N, OUTPUTS) float32, see OUTPUTS.
        """
        deep = torch.relu(self.body(maps))
        seen = torch.cat([deep.mean(dim=(2, 3)), deep.amax(dim=(2, 3))], dim=1)
        out: torch.Tensor = self.head(torch.cat([seen, self.pooled(pooled.flatten(1))], dim=1))
        return out
