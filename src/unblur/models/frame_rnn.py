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

    The frame, in cells (:mod:`unblur.video.cells`), comes with *hints*, see
    :mod:`unblur.video.hints`: its brightness along the way that the picture goes (taps), the next
    frame laid on it, and the ways. The state holds two things, both at quarter resolution: the
    last restored frame (48 channels, so that no pixel is lost) and ``hidden`` learned channels.
    Whoever runs the cell moves the state along with the picture (:mod:`unblur.video.alignment`)
    before each step, so that the cell need not search; where nothing is remembered the last frame
    is the current one and the learned channels are 0.

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
        """Return its inputs, both at quarter resolution: the frame; hints and memory."""
        told = (
            *numbered("tap", self.taps * _PIXELS),
            *numbered("next", _FRAME_CHANNELS),
            *numbered("fact", self.facts),
            *numbered("last", _FRAME_CHANNELS),
            *numbered("hidden", self.hidden),
        )
        return Interface(
            inputs=(
                InputPort("frame", numbered("pixel", _FRAME_CHANNELS), per_px=CELL_PX),
                InputPort("told", told, per_px=CELL_PX),
            ),
            multiple_of=self._multiple_of,
            halo_px=_HALO * self._multiple_of,
            state_channels=_FRAME_CHANNELS + self.hidden,
        )

    def forward(self, cells: torch.Tensor, told: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Restore one frame.

        Args:
            cells: (N, 48, H / 4, W / 4) float32 sRGB in [0, 1], a frame in cells; H and W as
                :meth:`interface` says.
            told: (N, 16 taps + 48 + facts + 48 + hidden, H / 4, W / 4): taps and next frame in
                cells, facts, and the state, moved along with the picture.

        Returns:
            What is to be added to the frame, in cells, and the learned channels to take along.
        """
        hints = self.taps * _PIXELS + _FRAME_CHANNELS + self.facts
        # One layer for all that is told, and slices of 16 channels that are cut from it directly:
        # ONNX Runtime copies whatever is cut or joined.
        weight = torch.cat([self.hint.weight, self.recall.weight], dim=1)
        assert self.hint.bias is not None and self.recall.bias is not None
        seen = functional.conv2d(told, weight, self.hint.bias + self.recall.bias)
        parts = [
            _sixteens(told, first, count)
            for first, count in ((0, self.taps), (self.taps * _PIXELS, _COLOURS), (hints, _COLOURS))
        ]
        return self._finished(self.stem(cells) + seen, cells, *parts)

    def step(
        self, cells: torch.Tensor, hints: torch.Tensor, state: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Do the same in training.

        Returns:
            The restored frame in cells, and the state to take along.
        """
        seen = self.stem(cells) + self.hint(hints) + self.recall(state)
        taps = _sixteens(hints, 0, self.taps)
        following = _sixteens(hints, self.taps * _PIXELS, _COLOURS)
        change, hidden = self._finished(seen, cells, taps, following, _sixteens(state, 0, _COLOURS))
        restored = cells + change
        return restored, torch.cat([restored.clamp(0, 1), hidden], dim=1)

    def _finished(
        self,
        seen: torch.Tensor,
        cells: torch.Tensor,
        taps: list[torch.Tensor],
        following: list[torch.Tensor],
        last: list[torch.Tensor],
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the change to the frame and the learned channels, of all that is seen.

        Args:
            seen: (N, widths[0], H / 4, W / 4).
            cells: the frame.
            taps: (N, 16, H / 4, W / 4) each.
            following, last: a colour each, of the next and of the last restored frame.
        """
        features = torch.relu(self.body(seen))
        own = self.head(features)
        *shares, recalled, foreseen = self.shares(features).split(_PIXELS, dim=1)
        grey = sum(
            (share * tap for share, tap in zip(shares[1:], taps[1:], strict=True)),
            shares[0] * taps[0],
        )
        change = []
        for mine, now, before, after in zip(
            _sixteens(own, 0, _COLOURS), _sixteens(cells, 0, _COLOURS), last, following, strict=True
        ):
            change.append(mine + grey + recalled * (before - now) + foreseen * (after - now))
        # Bounded, so that no error can grow over the thousands of frames of a clip.
        return torch.cat(change, dim=1), torch.tanh(self.remember(features))

    def first_state(self, cells: torch.Tensor) -> torch.Tensor:
        """Return the state in which nothing is remembered, for a frame in cells."""
        nothing = cells.new_zeros(cells.shape[0], self.hidden, *cells.shape[2:])
        return torch.cat([cells, nothing], dim=1)


def _sixteens(channels: torch.Tensor, first: int, count: int) -> list[torch.Tensor]:
    """Return ``count`` parts of 16 channels, from the first one on."""
    return [
        channels[:, start : start + _PIXELS]
        for start in range(first, first + count * _PIXELS, _PIXELS)
    ]
