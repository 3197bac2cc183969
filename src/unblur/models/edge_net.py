"""EdgeNet: what a PSF makes of a blurry picture -> the edges that the sharp picture had."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from unblur.models.blocks import UNet, zero

IN_CHANNELS = 7
"""See :data:`unblur.motion.edges.CHANNELS`."""

_FEW_EDGES = slice(3, 5)
"""Channels that hold the gradients of the picture of few edges."""


class EdgeNet(nn.Module):
    """A residual U-Net at half resolution.

    It is not asked for a picture that anybody would like to look at, but for the gradients from
    which the PSF can be told best; what it is not sure of it may leave out.

    Args:
        widths: channels of each level, half resolution first.
        depths: residual blocks of each level.
    """

    def __init__(
        self,
        *,
        widths: tuple[int, ...] = (24, 48, 80),
        depths: tuple[int, ...] = (1, 2, 3),
    ) -> None:
        super().__init__()
        self.stem = nn.Conv2d(4 * IN_CHANNELS, widths[0], 3, padding=1)
        self.body = UNet(widths, depths)
        self.head = nn.Conv2d(widths[0], 12, 3, padding=1)
        zero(self.head)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, IN_CHANNELS, H, W), H and W multiples of 8 -> (N, 2, H, W) slopes along x and y.

        The result is the slopes of the picture of few edges, as far as they are trusted, plus a
        learned correction.
        """
        features = self.body(self.stem(functional.pixel_unshuffle(x, 2)))
        out = functional.pixel_shuffle(self.head(torch.relu(features)), 2)
        # 2 x the sigmoid: at the start, when the head is 0, the slopes pass as they are.
        return x[:, _FEW_EDGES] * (2 * torch.sigmoid(out[:, 2:])) + out[:, :2]
