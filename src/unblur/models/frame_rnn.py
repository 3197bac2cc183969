"""FrameRNN: a blurry frame, hints of the frames beside it and a memory -> the restored frame."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from unblur.models.blocks import UNet, zero
from unblur.models.interface import InputPort, Interface, Network, numbered

CELL_PX = 4
"""Side of the squares of pixels that the network sees as one place with 48 channels."""

_PIXELS = CELL_PX**2
_COLOURS = 3
_FRAME_CHANNELS = _COLOURS * _PIXELS

_HALO = 4
"""Context around a tile in places of the coarsest level: 64 px with three levels."""


class FrameRNN(Network):
    """A recurrent cell: a residual U-Net at quarter resolution with hints and a memory.

    The frame comes with *hints*, see :mod:`unblur.video.hints`: its brightness along the way that
    the picture goes (taps), the next frame laid on it, and the ways. The state holds two things,
    both at quarter resolution: the last restored frame (48 channels, so that no pixel is lost)
    and ``hidden`` learned channels. Whoever runs the cell moves the state along with the picture
    (:mod:`unblur.video.alignment`) before each step, so that the cell need not search; where
    nothing is remembered the last frame is the current one and the learned channels are 0.

    What the cell adds to the frame is a correction of its own and, pixel by pixel, learned shares
    of the taps (a filter along the motion), of what the last restored frame differs by, and of
    what the next frame differs by.

    Args:
        widths: channels of each level, quarter resolution first.
        depths: residual blocks of each level.
        hidden: learned channels of the state.
        taps: of the frame along its way.
        facts: numbers of each place.

    Reference:
        The kind of cell of Zhong et al., Efficient Spatio-Temporal Recurrent Neural Network
        for Video Deblurring, ECCV 2020, doi:10.1007/978-3-030-58539-6_12, with the last output
        fed back as in Sajjadi et al., Frame-Recurrent Video Super-Resolution, CVPR 2018,
        doi:10.1109/CVPR.2018.00693; own, plainer form.
    """

    def __init__(
        self,
        *,
        widths: tuple[int, ...] = (24, 48, 96),
        depths: tuple[int, ...] = (1, 1, 4),
        hidden: int = 16,
        taps: int = 8,
        facts: int = 6,
    ) -> None:
        super().__init__()
        self.hidden, self.taps, self.facts = hidden, taps, facts
        self._multiple_of = CELL_PX * 2 ** (len(widths) - 1)
        hints = taps * _PIXELS + _FRAME_CHANNELS + facts
        self.stem = nn.Conv2d(_FRAME_CHANNELS, widths[0], 3, padding=1)
        self.hint = nn.Conv2d(hints, widths[0], 1)
        self.recall = nn.Conv2d(_FRAME_CHANNELS + hidden, widths[0], 1)
        self.body = UNet(widths, depths)
        self.head = nn.Conv2d(widths[0], _FRAME_CHANNELS, 3, padding=1)
        self.shares = nn.Conv2d(widths[0], (taps + 2) * _PIXELS, 1)
        self.remember = nn.Conv2d(widths[0], hidden, 3, padding=1)
        zero(self.head)
        zero(self.shares)

    def interface(self) -> Interface:
        """Return its inputs: the frame, and at quarter resolution hints and memory."""
        hints = (
            *numbered("tap", self.taps * _PIXELS),
            *numbered("next", _FRAME_CHANNELS),
            *numbered("fact", self.facts),
        )
        state = (*numbered("last", _FRAME_CHANNELS), *numbered("hidden", self.hidden))
        return Interface(
            inputs=(
                InputPort("frame", ("red", "green", "blue")),
                InputPort("hints", hints, per_px=CELL_PX),
                InputPort("state", state, per_px=CELL_PX),
            ),
            multiple_of=self._multiple_of,
            halo_px=_HALO * self._multiple_of,
            state_channels=len(state),
        )

    def forward(
        self, frame: torch.Tensor, hints: torch.Tensor, state: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Restore one frame.

        Args:
            frame: (N, 3, H, W) float32 sRGB in [0, 1]; H and W as :meth:`interface` says.
            hints: (N, 16 taps + 48 + facts, H / 4, W / 4): unshuffled taps and next frame, then
                the facts.
            state: (N, 48 + hidden, H / 4, W / 4), moved along with the picture.

        Returns:
            The restored frame, not clipped, and the state to take along.
        """
        restored, kept = self.step(functional.pixel_unshuffle(frame, CELL_PX), hints, state)
        return functional.pixel_shuffle(restored, CELL_PX), kept

    def step(
        self, cells: torch.Tensor, hints: torch.Tensor, state: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Do the same with a frame in cells, (N, 48, H / 4, W / 4), which stays in them."""
        seen = self.stem(cells) + self.hint(hints) + self.recall(state)
        features = torch.relu(self.body(seen))
        tapped, recalled, foreseen = self.shares(features).split(
            [self.taps * _PIXELS, _PIXELS, _PIXELS], dim=1
        )
        filtered = tapped * hints[:, : self.taps * _PIXELS]
        grey = filtered.unflatten(1, (self.taps, _PIXELS)).sum(dim=1)
        following = hints[:, self.taps * _PIXELS : self.taps * _PIXELS + _FRAME_CHANNELS]
        last = (state[:, :_FRAME_CHANNELS] - cells) * recalled.repeat(1, _COLOURS, 1, 1)
        coming = (following - cells) * foreseen.repeat(1, _COLOURS, 1, 1)
        own = self.head(features)
        restored = cells + own + last + coming + grey.repeat(1, _COLOURS, 1, 1)
        # Bounded, so that no error can grow over the thousands of frames of a clip.
        kept = torch.cat([restored.clamp(0, 1), torch.tanh(self.remember(features))], dim=1)
        return restored, kept

    def first_state(self, frame: torch.Tensor) -> torch.Tensor:
        """Return the state in which nothing is remembered, for a frame (N, 3, H, W)."""
        return self.first_state_of(functional.pixel_unshuffle(frame, CELL_PX))

    def first_state_of(self, cells: torch.Tensor) -> torch.Tensor:
        """Return the same for a frame in cells."""
        nothing = cells.new_zeros(cells.shape[0], self.hidden, *cells.shape[2:])
        return torch.cat([cells, nothing], dim=1)
