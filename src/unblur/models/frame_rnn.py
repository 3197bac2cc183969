"""FrameRNN: a blurry frame and what is remembered of the frames before -> the restored frame."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from unblur.models.blocks import UNet, zero

CELL_PX = 4
"""Side of the squares of pixels that the network sees as one place with 48 channels."""

_FRAME_CHANNELS = 3 * CELL_PX**2


class FrameRNN(nn.Module):
    """A causal recurrent cell: a residual U-Net at quarter resolution with a memory.

    The state holds two things, both at quarter resolution: the last restored frame (48
    channels, so that no pixel is lost) and ``hidden`` learned channels. Whoever runs the cell
    moves the state along with the picture (:mod:`unblur.video.alignment`) before each step, so
    that the cell need not search; where nothing is remembered the last frame is the current
    one and the learned channels are 0.

    Args:
        widths: channels of each level, quarter resolution first.
        depths: residual blocks of each level.
        hidden: learned channels of the state.

    Reference:
        The kind of cell of Zhong et al., Efficient Spatio-Temporal Recurrent Neural Network
        for Video Deblurring, ECCV 2020, doi:10.1007/978-3-030-58539-6_12, with the last output
        fed back as in Sajjadi et al., Frame-Recurrent Video Super-Resolution, CVPR 2018,
        doi:10.1109/CVPR.2018.00693; own, plainer form.
    """

    def __init__(
        self,
        *,
        widths: tuple[int, ...] = (32, 64, 96),
        depths: tuple[int, ...] = (1, 1, 3),
        hidden: int = 16,
    ) -> None:
        super().__init__()
        self.hidden = hidden
        self.stem = nn.Conv2d(_FRAME_CHANNELS, widths[0], 3, padding=1)
        self.recall = nn.Conv2d(_FRAME_CHANNELS + hidden, widths[0], 1)
        self.body = UNet(widths, depths)
        self.head = nn.Conv2d(widths[0], _FRAME_CHANNELS, 3, padding=1)
        self.remember = nn.Conv2d(widths[0], hidden, 3, padding=1)
        zero(self.head)

    def forward(
        self, frame: torch.Tensor, state: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Restore one frame.

        Args:
            frame: (N, 3, H, W) float32 sRGB in [0, 1]; H and W multiples of 16.
            state: (N, 48 + hidden, H / 4, W / 4), moved along with the picture.

        Returns:
            The restored frame, not clipped, and the state to take along.
        """
        cells = functional.pixel_unshuffle(frame, CELL_PX)
        features = torch.relu(self.body(self.stem(cells) + self.recall(state)))
        restored = cells + self.head(features)
        # Bounded, so that no error can grow over the thousands of frames of a clip.
        kept = torch.cat([restored.clamp(0, 1), torch.tanh(self.remember(features))], dim=1)
        return functional.pixel_shuffle(restored, CELL_PX), kept

    def first_state(self, frame: torch.Tensor) -> torch.Tensor:
        """Return the state in which nothing is remembered, for a frame (N, 3, H, W)."""
        cells = functional.pixel_unshuffle(frame, CELL_PX)
        nothing = cells.new_zeros(cells.shape[0], self.hidden, *cells.shape[2:])
        return torch.cat([cells, nothing], dim=1)
