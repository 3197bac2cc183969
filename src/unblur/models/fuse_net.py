"""FuseNet: several candidates for how a window moved -> the one that they amount to."""

from __future__ import annotations

import math

import torch

from unblur.models.kernel_net import KernelNet


class FuseNet(KernelNet):
    """KernelNet with the last word: it corrects the mean of the candidates that it is shown.

    It begins as that mean: with a head of zeros it would return it as it is.

    Args:
        mean_at: which map holds the mean, as ``1 + log10(share of its peak + 0.001) / 3``.
        maps, widths, depths: as for KernelNet.
    """

    def __init__(
        self,
        *,
        mean_at: int,
        maps: tuple[str, ...],
        widths: tuple[int, ...] = (24, 40, 72, 112),
        depths: tuple[int, ...] = (1, 1, 2, 2),
    ) -> None:
        super().__init__(maps=maps, widths=widths, depths=depths)
        self._mean_at = mean_at

    def adopted(self, weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return weights to begin with: KernelNet's, which knows nothing of the candidates."""
        stem, head = weights["stem.weight"], weights["head.weight"]
        unknown = self.stem.in_channels - stem.shape[1]
        wider = torch.nn.functional.pad(stem, (0, 0, 0, 0, 0, unknown))
        blank = {"head.weight": torch.zeros_like(head), "head.bias": torch.zeros(1)}
        return {**weights, "stem.weight": wider, **blank}

    def base(self, maps: torch.Tensor) -> torch.Tensor | float:
        """Return the logits (N, 1, 64, 64) of the mean."""
        return (maps[:, self._mean_at : self._mean_at + 1] - 1) * (3 * math.log(10))
