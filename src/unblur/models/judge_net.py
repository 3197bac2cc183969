"""JudgeNet: a window, and what a PSF made of it -> how good a picture that is."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

from unblur.models.blocks import residual_blocks
from unblur.models.interface import InputPort, Interface, Network

_MIDDLE = 0.5
"""Taken off the samples, which lie in [0, 1]."""

_CHANGE = 3.0
"""Factor on what the trial has changed, which is small beside the samples."""

_LEAST = 1e-6
"""Added under the root, whose slope at 0 is infinite."""


class JudgeNet(Network):
    """A convolutional network that sees ringing, ghosts and false light as the eye does.

    It scores one trial at a time. Differences between the scores of the trials of one window are
    differences of their PSNR in dB, as far as it can tell; the scores by themselves mean nothing.

    Args:
        numbers: names of what is known of a trial besides its pixels.
        widths: channels of its levels, at a half, a quarter and an eighth of the sides.
        depths: residual blocks of each.
        hidden: units of the dense layer.
        dropout: share of them that is left out in training.
    """

    def __init__(
        self,
        *,
        numbers: tuple[str, ...],
        widths: tuple[int, ...] = (24, 40, 56),
        depths: tuple[int, ...] = (1, 2, 2),
        hidden: int = 64,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self._numbers = numbers
        self.stem = nn.Sequential(nn.Conv2d(3, widths[0], 4, stride=2, padding=1), nn.ReLU())
        levels: list[nn.Module] = [residual_blocks(widths[0], depths[0]), nn.ReLU()]
        for (before, width), depth in zip(pairwise(widths), depths[1:], strict=True):
            levels += [
                nn.Conv2d(before, width, 4, stride=2, padding=1),
                residual_blocks(width, depth),
                nn.ReLU(),
            ]
        self.body = nn.Sequential(*levels)
        last = nn.Linear(hidden, 1)
        nn.init.zeros_(last.weight)
        first = nn.Linear(2 * widths[-1] + len(numbers), hidden)
        self.head = nn.Sequential(first, nn.ReLU(), nn.Dropout(dropout), last)
        self._multiple_of = 2 ** len(widths)

    def interface(self) -> Interface:
        """Return its inputs: pictures of any size, and a few numbers."""
        return Interface(
            inputs=(
                InputPort("pictures", ("window", "trial")),
                InputPort("numbers", self._numbers, sides=(1, 1)),
            ),
            multiple_of=self._multiple_of,
        )

    def forward(self, pictures: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        """Score trials.

        Args:
            pictures: (N, 2, H, W) float32 in [0, 1], encoded: the blurry window and the trial.
            numbers: (N, len(numbers), 1, 1) float32.

        Returns:
            (N,) scores, dB.
        """
        window, trial = pictures[:, :1], pictures[:, 1:]
        seen = torch.cat([window - _MIDDLE, trial - _MIDDLE, _CHANGE * (trial - window)], dim=1)
        maps = self.body(self.stem(seen.contiguous(memory_format=torch.channels_last)))
        strength = (maps.square().mean(dim=(2, 3)) + _LEAST).sqrt()
        known = torch.cat([maps.mean(dim=(2, 3)), strength, numbers.flatten(1)], dim=1)
        scores: torch.Tensor = self.head(known)[:, 0]
        return scores
