"""What a network says of itself: its inputs, the sides it takes, the context it needs."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class InputPort:
    """One input of a network, an (N, channels, H, W) float32 tensor.

    Attributes:
        name: of the input in the exported file.
        channels: names of its channels, in order.
        sides: (H, W) where they are fixed; None where they follow the image's.
        per_px: image pixels to a place of the input, along each axis; only where sides are free.
    """

    name: str
    channels: tuple[str, ...]
    sides: tuple[int, int] | None = None
    per_px: int = 1


@dataclass(frozen=True)
class Interface:
    """Everything that a caller must know to run a network, and an exporter to write it.

    Attributes:
        inputs: in the order of the network's arguments.
        multiple_of: the image's sides must be multiples of this, px.
        halo_px: context to read around a tile, on each side; what lies further off hardly counts.
        state_channels: of the memory that it hands on from frame to frame; 0 if it has none.
    """

    inputs: tuple[InputPort, ...]
    multiple_of: int = 1
    halo_px: int = 0
    state_channels: int = 0


class Network(nn.Module):
    """Base of the networks: a module that describes itself."""

    def interface(self) -> Interface:
        """Return the network's inputs and what they must be."""
        raise NotImplementedError(f"{type(self).__name__} does not describe itself")


def numbered(name: str, count: int) -> tuple[str, ...]:
    """Return ``count`` names of channels that are told apart by a number only.

    Example:
        >>> numbered("plane", 2)
        ('plane_0', 'plane_1')
    """
    return tuple(f"{name}_{index}" for index in range(count))
