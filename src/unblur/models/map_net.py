"""MapNet: a photo's pixels -> for each cell of 8 px whether it moved, how far and which way."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from unblur.models.blocks import UNet, residual_blocks, zero
from unblur.models.interface import InputPort, Interface, Network

CELL_PX = 8
"""Side of a cell, px of the input."""

OUTPUTS = 5
"""Per cell: logit of having moved; log2 of the length in px; logarithm of that one's standard
deviation; cos and sin of twice the direction, shorter the less sure or the less straight it is."""

_SCALES = 3
"""Scales on which energies are read: the photo, a half, a quarter of it."""
_ANGLES = 8
_SIDE = 5
"""Directions and side of the filters whose energies are read."""
_HIGH_PX = 5
"""Side of the mean that is taken off: what is left is fine detail, of bounded size in bfloat16."""
_FAINT = 1e-5
"""Energy below which there is nothing but quantisation."""
_RAW = (16, 24)
"""Channels of the plain way from the pixels, at a half and a quarter of the resolution."""
_LUMA = (0.2126, 0.7152, 0.0722)


class MapNet(Network):
    """Logarithms of directed energies and the pixels themselves, then a residual U-Net.

    Motion takes away detail along its path and leaves it across. So the photo's luma is filtered in
    several directions, on several scales; the squares are averaged over cells of 4 px, and their
    logarithms are what contrast hardly changes.

    Args:
        widths: channels at a quarter, an eighth, a sixteenth ... of the input's resolution.
        depths: residual blocks of each level.
    """

    def __init__(
        self,
        *,
        widths: tuple[int, ...] = (40, 48, 56, 56),
        depths: tuple[int, ...] = (1, 2, 1, 1),
    ) -> None:
        super().__init__()
        self._multiple_of = 2 ** (len(widths) + 1)
        # They are not learned: nothing has to be kept of the finest scale for learning.
        self.filters: torch.Tensor
        self.register_buffer("filters", _derivatives())
        self.raw = nn.Sequential(
            nn.Conv2d(4, _RAW[0], 6, stride=2, padding=2),
            nn.ReLU(),
            nn.Conv2d(_RAW[0], _RAW[1], 4, stride=2, padding=1),
        )
        self.mix = nn.Conv2d(_SCALES * _ANGLES + _RAW[1], widths[0], 3, padding=1)
        self.fine = residual_blocks(widths[0], depths[0])
        self.down = nn.Conv2d(widths[0], widths[1], 4, stride=2, padding=1)
        self.body = UNet(widths[1:], depths[1:])
        self.head = nn.Conv2d(widths[1], OUTPUTS, 3, padding=1)
        zero(self.head)

    def interface(self) -> Interface:
        """Return its one input, a photo whose sides halve at each level."""
        return Interface(
            inputs=(InputPort("image", ("red", "green", "blue")),),
            multiple_of=self._multiple_of,
            halo_px=2 * self._multiple_of,
        )

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) float32 sRGB in [0, 1] -> (N, OUTPUTS, H / 8, W / 8)."""
        fine, energies = self._energies(image)
        seen = [self.raw(torch.cat([image - 0.5, 4 * fine], dim=1)), *energies]
        mixed = self.fine(self.mix(torch.cat(seen, dim=1)))
        out: torch.Tensor = self.head(torch.relu(self.body(self.down(torch.relu(mixed)))))
        return out

    @torch.no_grad()
    def _energies(self, image: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Return the fine detail of the luma and, at a quarter of its sides, its energies."""
        red, green, blue = (image[:, channel : channel + 1] for channel in range(3))
        plane = _LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue
        energies = []
        for scale in range(_SCALES):
            fine = _fine_detail(plane)
            if scale == 0:
                finest = fine
            energy = functional.conv2d(fine, self.filters, padding=_SIDE // 2).float().square()
            pooled = functional.avg_pool2d(energy, 4 >> scale) if scale < _SCALES - 1 else energy
            energies.append(0.5 * (torch.log(pooled + _FAINT) + 7))
            plane = functional.avg_pool2d(plane, 2)
        return finest, energies


def _fine_detail(plane: torch.Tensor) -> torch.Tensor:
    around = functional.avg_pool2d(
        plane, _HIGH_PX, stride=1, padding=_HIGH_PX // 2, count_include_pad=False
    )
    return plane - around


def _derivatives() -> torch.Tensor:
    """Return derivatives along several directions, (N, 1, 5, 5), of unit norm."""
    reach = _SIDE // 2
    y, x = torch.meshgrid(
        torch.arange(-reach, reach + 1.0), torch.arange(-reach, reach + 1.0), indexing="ij"
    )
    filters = []
    for number in range(_ANGLES):
        angle = math.pi * number / _ANGLES
        along = x * math.cos(angle) + y * math.sin(angle)
        across = y * math.cos(angle) - x * math.sin(angle)
        one = along * torch.exp(-0.5 * (along.square() / 0.7 + across.square() / 2.0))
        filters.append(one / one.norm())
    return torch.stack(filters)[:, None]
