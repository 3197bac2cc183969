"""The building blocks shared by the networks: plain 3 x 3 convolutions, which CPUs like best."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions added to the input; starts as the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        zero(self.second)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, width, H, W) -> the same shape."""
        out: torch.Tensor = x + self.second(torch.relu(self.first(torch.relu(x))))
        return out


def residual_blocks(width: int, count: int) -> nn.Sequential:
    """Return ``count`` residual blocks of one width."""
    return nn.Sequential(*(ResidualBlock(width) for _ in range(count)))


def zero(layer: nn.Conv2d) -> None:
    """Make a convolution start as zero."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)


class UNet(nn.Module):
    """A residual U-Net body: (N, widths[0], H, W) -> the same shape.

    Each level halves the sides by a strided convolution and doubles back by a 1 x 1
    convolution and pixel shuffle; skip connections are added. H and W must be multiples of
    ``2 ** (len(widths) - 1)``.

    Reference:
        Ronneberger, Fischer, Brox, U-Net, MICCAI 2015; Shi et al., Real-time single image
        and video super-resolution (pixel shuffle), CVPR 2016.
    """

    def __init__(self, widths: tuple[int, ...], depths: tuple[int, ...]) -> None:
        super().__init__()
        pairs = list(pairwise(widths))
        self.encoders = nn.ModuleList(
            residual_blocks(w, d) for w, d in zip(widths, depths, strict=True)
        )
        self.downs = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in pairs)
        self.ups = nn.ModuleList(
            nn.Sequential(nn.Conv2d(b, 4 * a, 1), nn.PixelShuffle(2)) for a, b in pairs
        )
        self.decoders = nn.ModuleList(
            residual_blocks(w, d) for w, d in zip(widths[:-1], depths[:-1], strict=True)
        )

    def encode(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Return the features of every level, finest first."""
        levels = [self.encoders[0](x)]
        for down, encoder in zip(self.downs, list(self.encoders)[1:], strict=True):
            levels.append(encoder(down(levels[-1])))
        return levels

    def decode(self, levels: list[torch.Tensor]) -> torch.Tensor:
        """Return the features of the finest level, informed by all others."""
        x = levels[-1]
        steps = list(zip(self.ups, self.decoders, levels[:-1], strict=True))
        for up, decoder, skip in reversed(steps):
            x = decoder(up(x) + skip)
        return x

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, widths[0], H, W) -> the same shape."""
        return self.decode(self.encode(x))
