"""BlendNet: blurry photo and the bank ``tv`` -> the photo as it should have been.

Where RestoreNet draws a correction freely, this network chooses between pictures that are there,
pixel by pixel, and adds a correction no larger than what they disagree about nearby. Where nothing
moved, or nothing is to be seen, they agree, and the photo stays as it is.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from unblur.models.blocks import UNet, zero

PICTURES = 3
"""Blurry, crisp and detailed: the first channels of the input, three each."""

_NEAR_PX = 9
"""Side of the neighbourhood whose disagreement bounds the correction."""
_MOST = 2.0
"""Largest correction, in units of that disagreement."""
_FAVOUR_CRISP = 1.5
"""Logit by which the crisp picture leads before anything is learnt."""


class BlendNet(nn.Module):
    """A residual U-Net at half resolution that weighs pictures and corrects their mean.

    Args:
        in_channels: see :data:`unblur.restoration.inputs.CHANNELS`; the first nine are the blurry,
            the crisp and the detailed picture, sRGB.
        widths: channels of each level, half resolution first.
        depths: residual blocks of each level.
    """

    def __init__(
        self,
        *,
        in_channels: int = 13,
        widths: tuple[int, ...] = (16, 48, 80),
        depths: tuple[int, ...] = (1, 2, 3),
    ) -> None:
        super().__init__()
        self.stem = nn.Conv2d(4 * in_channels, widths[0], 3, padding=1)
        self.body = UNet(widths, depths)
        self.head = nn.Conv2d(widths[0], 4 * (3 + PICTURES), 3, padding=1)
        zero(self.head)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, in_channels, H, W), sides multiples of ``2 ** levels`` -> (N, 3, H, W) sRGB."""
        features = self.body(self.stem(functional.pixel_unshuffle(x, 2)))
        out = functional.pixel_shuffle(self.head(torch.relu(features)), 2)
        blurry, crisp, detailed = x[:, :3], x[:, 3:6], x[:, 6:9]
        weights = torch.softmax(
            out[:, 3:] + out.new_tensor([0, _FAVOUR_CRISP, 0])[:, None, None], 1
        )
        mean = blurry * weights[:, :1] + crisp * weights[:, 1:2] + detailed * weights[:, 2:]
        return mean + _MOST * _disagreement(blurry, crisp, detailed) * torch.tanh(out[:, :3])


def _disagreement(
    blurry: torch.Tensor, crisp: torch.Tensor, detailed: torch.Tensor
) -> torch.Tensor:
    """Return the largest difference from the blurry picture nearby, (N, 1, H, W)."""
    apart = torch.maximum((crisp - blurry).abs(), (detailed - blurry).abs())
    apart = apart.amax(dim=1, keepdim=True)
    for kernel in ((_NEAR_PX, 1), (1, _NEAR_PX)):
        padding = kernel[0] // 2, kernel[1] // 2
        apart = functional.max_pool2d(apart, kernel, stride=1, padding=padding)
    return apart
