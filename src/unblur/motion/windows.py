"""Where to look in a picture: windows and spans of it."""

from __future__ import annotations


def span(middle: int, size: int, length: int) -> tuple[int, int]:
    """Return a span of a line, of a length at most, about its middle if there is room."""
    first = min(max(0, middle - length // 2), max(0, size - length))
    return first, min(size, first + length)
