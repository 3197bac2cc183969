"""The founding document's network: three convolutions and a dense layer on a small patch."""

from __future__ import annotations

import torch
from torch import nn

from unblur.models.interface import InputPort, Interface, Network

PATCH_PX = 64


class PatchNet(Network):
    """Is this patch blurred? One number per patch.

    Layer by layer as the document has it: 3 x 3 convolutions without padding (32, 64, 128
    channels), each with ReLU and 2 x 2 max pooling; flatten; dense 128 with ReLU; dense 1. The
    closing sigmoid is left to the loss in training and to the caller in use. It was written
    for Keras; this is the same network in PyTorch, with which everything else here is trained.

    Args:
        widths: channels of the convolutions.
        dense: units of the dense layer.
    """

    def __init__(self, *, widths: tuple[int, ...] = (32, 64, 128), dense: int = 128) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before, side = 3, PATCH_PX
        for width in widths:
            layers += [nn.Conv2d(before, width, 3), nn.ReLU(), nn.MaxPool2d(2)]
            before, side = width, (side - 2) // 2
        flat = before * side * side
        layers += [nn.Flatten(), nn.Linear(flat, dense), nn.ReLU(), nn.Linear(dense, 1)]
        self.layers = nn.Sequential(*layers)

    def interface(self) -> Interface:
        """Return its one input, patches of a fixed size."""
        patches = InputPort("patches", ("red", "green", "blue"), sides=(PATCH_PX, PATCH_PX))
        return Interface(inputs=(patches,))

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        """(N, 3, 64, 64) float32 sRGB in [0, 1] -> (N,) logits of being blurred."""
        out: torch.Tensor = self.layers(patches)[:, 0]
        return out
