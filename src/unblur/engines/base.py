"""The seam between the pipeline and whatever runs a network."""

from __future__ import annotations

from typing import Protocol

from unblur.color import FloatArray
from unblur.spec import ModelSpec


class Engine(Protocol):
    """Runs one network on one batch; knows nothing of files, tiles, colour or padding.

    Attributes:
        spec: what the network says of itself.
    """

    spec: ModelSpec

    def __call__(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """Run the network.

        Args:
            inputs: float32 arrays, batch first, in the network's order.

        Returns:
            Its outputs, float32, unclipped.

        Raises:
            EngineFailed: shapes that the network cannot take, or no memory.
        """
