"""Networks that compute in bfloat16 while they are trained; weights and answers stay float32."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

N = TypeVar("N", bound=nn.Module)


class InBfloat16(nn.Module):
    """A network whose answers are computed in bfloat16 and given in float32.

    It holds the network and owns nothing itself: parameters, state and averages are the
    network's.

    Args:
        network: what computes.
        device: kind of device that it computes on, as ``cpu``.
    """

    def __init__(self, network: nn.Module, device: str) -> None:
        super().__init__()
        self.network = network
        self._device = device

    def context(self) -> torch.autocast:
        """Return the context in which the network is to be called, for several calls in a row."""
        return torch.autocast(self._device, torch.bfloat16)

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """Call the network; see its own."""
        with self.context():
            out = self.network(*inputs)
        return out.float() if isinstance(out, torch.Tensor) else tuple(x.float() for x in out)


def unwrapped(
    network: nn.Module, kind: type[N]
) -> tuple[N, Callable[[], contextlib.AbstractContextManager[object]]]:
    """Return the network itself, for what its ``forward`` cannot do, and how to call it.

    Args:
        network: as the loop hands it to a loss.
        kind: class that it is of.

    Returns:
        The network, and what makes the context to call it in.
    """
    inner = network.network if isinstance(network, InBfloat16) else network
    assert isinstance(inner, kind)
    return inner, network.context if isinstance(network, InBfloat16) else contextlib.nullcontext
