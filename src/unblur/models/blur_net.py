"""BlurNet: light features of a window -> sharp, moved or out of focus, and how far."""

from __future__ import annotations

import math

import torch
from torch import nn

from unblur.models.blocks import residual_blocks
from unblur.models.interface import InputPort, Interface, Network
from unblur.models.kernel_net import POOLED_SHAPE, kernel_space_inputs

OUTPUTS = 7
"""Numbers per window: logits of sharp, motion and defocus; log2 of the blur's extent in px and
the logarithm of its standard deviation; cosine and sine of twice the angle."""


class BlurNet(Network):
    """A small classifier that looks in kernel space and at the window itself.

    Args:
        maps: names of the feature maps.
        widths: channels at a half, a quarter and an eighth of the maps' resolution.
        depths: residual blocks there.
        pixel_widths: channels at a half, a quarter ... of the window's resolution.
        pixel_depths: residual blocks there; the fine levels are costly.
    """

    def __init__(
        self,
        *,
        maps: tuple[str, ...],
        widths: tuple[int, ...] = (24, 48, 96),
        depths: tuple[int, ...] = (1, 1, 2),
        pixel_widths: tuple[int, ...] = (16, 32, 48, 64),
        pixel_depths: tuple[int, ...] = (0, 0, 1, 1),
    ) -> None:
        super().__init__()
        self._maps = maps
        self.body = _narrowing(len(maps), widths, depths)
        self.pooled = nn.Sequential(nn.Linear(math.prod(POOLED_SHAPE), 64), nn.ReLU())
        self.pixels = _narrowing(1, pixel_widths, pixel_depths)
        seen = 2 * widths[-1] + 64 + 2 * pixel_widths[-1]
        self.head = nn.Sequential(
            nn.Linear(seen, 128), nn.ReLU(), nn.Dropout(0.1), nn.Linear(128, OUTPUTS)
        )

    def interface(self) -> Interface:
        """Return its inputs: what KernelNet has, and the window, of any size."""
        return Interface(inputs=(*kernel_space_inputs(self._maps), InputPort("pixels", ("luma",))))

    def forward(
        self, maps: torch.Tensor, pooled: torch.Tensor, pixels: torch.Tensor
    ) -> torch.Tensor:
        """Judge windows.

        Args:
            maps: (N, len(maps), 64, 64) float32, light motion features.
            pooled: (N, 3, 8, 8) float32, pooled high-pass energies.
            pixels: (N, 1, H, W) float32, the windows at zero mean and unit contrast.

        Returns:
            (N, OUTPUTS) float32, see OUTPUTS.
        """
        seen = [
            _mean_and_most(self.body(maps)),
            self.pooled(pooled.flatten(1)),
            _mean_and_most(self.pixels(pixels)),
        ]
        out: torch.Tensor = self.head(torch.cat(seen, dim=1))
        return out


def _narrowing(channels: int, widths: tuple[int, ...], depths: tuple[int, ...]) -> nn.Sequential:
    """Strided convolutions, each followed by residual blocks; (N, channels, H, W) in."""
    layers: list[nn.Module] = []
    for number, (width, depth) in enumerate(zip(widths, depths, strict=True)):
        side = 5 if number == 0 else 3
        layers.append(nn.Conv2d(channels, width, side, stride=2, padding=side // 2))
        # A residual block begins with its own ReLU, but adds to what came in unchanged.
        layers.append(residual_blocks(width, depth) if depth else nn.ReLU())
        channels = width
    return nn.Sequential(*layers)


def _mean_and_most(deep: torch.Tensor) -> torch.Tensor:
    """(N, C, H, W) -> (N, 2 C): what is everywhere, and what is anywhere."""
    deep = torch.relu(deep)
    return torch.cat([deep.mean(dim=(2, 3)), deep.amax(dim=(2, 3))], dim=1)
