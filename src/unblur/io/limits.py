"""How large a photo may be."""

from __future__ import annotations

from unblur.errors import ImageTooLarge

MAX_PIXELS = 96_000_000
"""Default limit of a photo's size; larger ones are refused before they are decoded."""

HARD_LIMIT = 178_000_000
"""Pillow refuses anything larger, whatever limit is asked for."""


def check_size(pixels: int, name: str, limit: int) -> None:
    """Raise ImageTooLarge if a photo has more pixels than the limit, before it is decoded."""
    if pixels > limit:
        more = (
            f"allow more with --max-megapixels (at most {HARD_LIMIT // 10**6})"
            if limit < HARD_LIMIT
            else "no larger photo can be read"
        )
        raise ImageTooLarge(
            f"{name} has {pixels / 1e6:.0f} megapixels, the limit is {limit / 1e6:.0f}; {more}"
        )
