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
from unblur.models.interface import InputPort, Interface, Network

PICTURES = 3
"""Blurry, crisp and detailed: the first channels of the input, three each."""

_CELL_PX = 2
"""Side of the squares of pixels that the network sees as one place."""

_HALO = 6
"""Context around a tile in places of the coarsest level; as RestoreNet, whose body it has."""

_CELL_PX = 2
"""Side of the squares of pixels that the network sees as one place."""
_HALO = 6
"""Context around a tile in places of the coarsest level: 48 px with three levels."""
_NEAR_PX = 9
"""Side of the neighbourhood whose disagreement bounds the correction."""
_MOST = 2.0
"""Largest correction, in units of that disagreement."""
_FAVOUR_CRISP = 1.5
"""Logit by which the crisp picture leads before anything is learnt."""


class BlendNet(Network):
    """A residual U-Net at half resolution that weighs pictures and corrects their mean.

    Args:
        channels: names of the input's, see :data:`unblur.restoration.inputs.CHANNEL_NAMES`; the
            first nine are the blurry, the crisp and the detailed picture, sRGB.
        widths: channels of each level, half resolution first.
        depths: residual blocks of each level.
    """

    def __init__(
        self,
        *,
        channels: tuple[str, ...],
        widths: tuple[int, ...] = (16, 48, 80),
        depths: tuple[int, ...] = (1, 2, 3),
    ) -> None:
        super().__init__()
        self._channels = channels
        self._multiple_of = _CELL_PX * 2 ** (len(widths) - 1)
        self.stem = nn.Conv2d(_CELL_PX**2 * len(channels), widths[0], 3, padding=1)
        self.body = UNet(widths, depths)
        self.head = nn.Conv2d(widths[0], _CELL_PX**2 * (3 + PICTURES), 3, padding=1)
        zero(self.head)

    def interface(self) -> Interface:
        """Return its one input, whose sides halve at each level after the first."""
        return Interface(
            inputs=(InputPort("image", self._channels),),
            multiple_of=self._multiple_of,
            halo_px=_HALO * self._multiple_of,
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, H, W) -> (N, 3, H, W) sRGB; see :meth:`interface` for H, W."""
        features = self.body(self.stem(functional.pixel_unshuffle(x, _CELL_PX)))
        out = functional.pixel_shuffle(self.head(torch.relu(features)), _CELL_PX)
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
