"""FuseNet: several answers to how a window moved -> the one that they amount to."""

from __future__ import annotations

import math

import torch

from unblur.models.kernel_net import KernelNet


class FuseNet(KernelNet):
    """KernelNet with the last word: it corrects the mean of the answers that it is shown.

    It begins as that mean: with a head of zeros it would return it as it is.

    Args:
        mean_at: which map holds the mean, as ``1 + log10(share of its peak + 0.001) / 3``.
        in_maps, widths, depths: as for KernelNet.
    """

    def __init__(
        self,
        *,
        mean_at: int,
        in_maps: int,
        widths: tuple[int, ...] = (24, 40, 72, 112),
        depths: tuple[int, ...] = (1, 1, 2, 2),
    ) -> None:
        super().__init__(in_maps=in_maps, widths=widths, depths=depths)
        self._mean_at = mean_at

    def base(self, maps: torch.Tensor) -> torch.Tensor | float:
        """Return the logits (N, 1, 64, 64) of the mean."""
        return (maps[:, self._mean_at : self._mean_at + 1] - 1) * (3 * math.log(10))
