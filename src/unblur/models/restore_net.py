"""RestoreNet: blurry photo and a bank of deconvolutions -> the photo as it should have been."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from unblur.models.blocks import UNet, zero


class RestoreNet(nn.Module):
    """A residual U-Net at half resolution.

    Args:
        in_channels: see :data:`unblur.restoration.inputs.CHANNELS`; the first three are the
            blurry photo, sRGB.
        widths: channels of each level, half resolution first.
        depths: residual blocks of each level.
    """

    def __init__(
        self,
        *,
        in_channels: int = 14,
        widths: tuple[int, ...] = (32, 48, 80),
        depths: tuple[int, ...] = (2, 2, 3),
    ) -> None:
        super().__init__()
        self.stem = nn.Conv2d(4 * in_channels, widths[0], 3, padding=1)
        self.body = UNet(widths, depths)
        self.head = nn.Conv2d(widths[0], 12, 3, padding=1)
        zero(self.head)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, in_channels, H, W), H and W multiples of 8 -> (N, 3, H, W) sRGB, not clipped.

        The result is the blurry photo plus a learned correction.
        """
        features = self.body(self.stem(functional.pixel_unshuffle(x, 2)))
        return x[:, :3] + functional.pixel_shuffle(self.head(torch.relu(features)), 2)
