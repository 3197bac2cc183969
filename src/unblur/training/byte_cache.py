"""What was read last, kept in memory up to a number of bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
from numpy.typing import NDArray

LIMIT_BYTES = 512 * 2**20
"""Of one process. Some seven hundred photos of 500 x 500 px, or fourteen of 12 megapixels: workers
that each keep as much as this leave a machine of 16 GB its memory."""


class ByteCache:
    """Keeps arrays, the last used longest, as long as all together fit.

    Args:
        limit: bytes that all arrays may take; one that is larger by itself is not kept.
    """

    def __init__(self, limit: int = LIMIT_BYTES) -> None:
        self._limit = limit
        self._held: OrderedDict[Hashable, list[NDArray[Any]]] = OrderedDict()
        self.bytes = 0

    def get(self, key: Hashable, make: Callable[[], list[NDArray[Any]]]) -> list[NDArray[Any]]:
        """Return what is kept under a key, or make it. The arrays are shared: do not write."""
        if key in self._held:
            self._held.move_to_end(key)
            return self._held[key]
        arrays = make()
        size = _bytes_of(arrays)
        if size <= self._limit:
            self._held[key] = arrays
            self.bytes += size
            while self.bytes > self._limit:
                self.bytes -= _bytes_of(self._held.popitem(last=False)[1])
        return arrays


def _bytes_of(arrays: list[NDArray[np.generic]]) -> int:
    return sum(array.nbytes for array in arrays)
