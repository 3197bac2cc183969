"""BlendNet: blurry photo and the bank ``tv`` -> the photo as it should have been.

Where RestoreNet draws a correction freely, this network chooses between pictures that are there,
pixel by pixel, and adds a correction no larger than what they disagree about nearby. Where nothing
moved, or nothing is to be seen, they agree, and the photo stays as it is.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch.nn import functional

from unblur.models.restore_net import RestoreNet

PICTURES = 3
"""Blurry, crisp and detailed: the first channels of the input, three each."""

_NEAR_PX = 9
"""Side of the neighbourhood whose disagreement bounds the correction."""
_MOST = 2.0
"""Largest correction, in units of that disagreement."""
_FAVOUR_CRISP = 1.5
"""Logit by which the crisp picture leads before anything is learnt."""


class BlendNet(RestoreNet):
    """RestoreNet's layers, but they weigh pictures and correct their mean.

    Its arguments are RestoreNet's; the first nine channels are the blurry, the crisp and the
    detailed picture, sRGB.
    """

    planes: ClassVar[int] = 3 + PICTURES
    """A correction, and the weight of each picture."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, H, W) -> (N, 3, H, W) sRGB; see :meth:`interface` for H, W."""
        out = self.drawn(x)
        blurry, crisp, detailed = x[:, :3], x[:, 3:6], x[:, 6:9]
        logits = out[:, 3:4], out[:, 4:5] + _FAVOUR_CRISP, out[:, 5:6]
        mean = _mean((blurry, crisp, detailed), logits)
        return mean + _MOST * _disagreement(blurry, crisp, detailed) * torch.tanh(out[:, :3])


def _mean(pictures: tuple[torch.Tensor, ...], logits: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """Return the mean of three pictures (N, 3, H, W), weighted by the softmax of their logits.

    Written out: over three channels ONNX Runtime's softmax takes a sixth of the network's time.
    """
    highest = torch.maximum(torch.maximum(logits[0], logits[1]), logits[2])
    first, second, third = (torch.exp(logit - highest) for logit in logits)
    total = pictures[0] * first + pictures[1] * second + pictures[2] * third
    return total / (first + second + third)


def _disagreement(
    blurry: torch.Tensor, crisp: torch.Tensor, detailed: torch.Tensor
) -> torch.Tensor:
    """Return the largest difference from the blurry picture nearby, (N, 1, H, W)."""
    apart = torch.maximum((crisp - blurry).abs(), (detailed - blurry).abs())
    apart = torch.maximum(torch.maximum(apart[:, :1], apart[:, 1:2]), apart[:, 2:])
    for kernel in ((_NEAR_PX, 1), (1, _NEAR_PX)):
        padding = kernel[0] // 2, kernel[1] // 2
        apart = functional.max_pool2d(apart, kernel, stride=1, padding=padding)
    return apart
