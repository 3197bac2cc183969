"""RestoreNet: blurry photo and a bank of deconvolutions -> the photo as it should have been."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional

from unblur.models.blocks import UNet, zero
from unblur.models.interface import InputPort, Interface, Network

_CELL_PX = 2
"""Side of the squares of pixels that the network sees as one place."""

_HALO = 6
"""Context around a tile in places of the coarsest level: 48 px with three levels."""


class RestoreNet(Network):
    """A residual U-Net at half resolution.

    Args:
        channels: names of the input's, see :data:`unblur.restoration.inputs.CHANNEL_NAMES`; the
            first three are the blurry photo, sRGB.
        widths: channels of each level, half resolution first.
        depths: residual blocks of each level.
    """

    planes: ClassVar[int] = 3
    """Planes that the last layer gives: a correction."""

    def __init__(
        self,
        *,
        channels: tuple[str, ...],
        widths: tuple[int, ...] = (32, 48, 80),
        depths: tuple[int, ...] = (2, 2, 3),
    ) -> None:
        super().__init__()
        self._channels = channels
        self._multiple_of = _CELL_PX * 2 ** (len(widths) - 1)
        self.stem = nn.Conv2d(_CELL_PX**2 * len(channels), widths[0], 3, padding=1)
        self.body = UNet(widths, depths)
        self.head = nn.Conv2d(widths[0], self.planes * _CELL_PX**2, 3, padding=1)
        zero(self.head)

    def interface(self) -> Interface:
        """Return its one input, whose sides halve at each level after the first."""
        return Interface(
            inputs=(InputPort("image", self._channels),),
            multiple_of=self._multiple_of,
            halo_px=_HALO * self._multiple_of,
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, H, W) -> (N, 3, H, W) sRGB, not clipped; see :meth:`interface` for H, W.

        The result is the blurry photo plus a learned correction.
        """
        return x[:, :3] + self.drawn(x)

    def drawn(self, x: torch.Tensor) -> torch.Tensor:
        """Return what the last layer gives, (N, planes, H, W)."""
        features = self.body(self._stemmed(x))
        return functional.pixel_shuffle(self.head(torch.relu(features)), _CELL_PX)

    def _stemmed(self, x: torch.Tensor) -> torch.Tensor:
        """Return what the stem makes of the cells of an image.

        The same as of ``pixel_unshuffle(x)``, whose copy costs ONNX Runtime as much as several
        layers: laid out over the pixels of its cells the kernel steps over the image itself. In
        training the layer is called as such: private training hangs on its call.
        """
        if self.training:
            stemmed: torch.Tensor = self.stem(functional.pixel_unshuffle(x, _CELL_PX))
            return stemmed
        kernel = functional.pixel_shuffle(self.stem.weight, _CELL_PX)
        return functional.conv2d(x, kernel, self.stem.bias, stride=_CELL_PX, padding=_CELL_PX)
