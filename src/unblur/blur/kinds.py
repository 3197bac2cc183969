"""The kinds of blur that the package makes and tells apart."""

from __future__ import annotations

from typing import Literal

BlurKind = Literal["shake", "line", "rotation", "moving_object", "defocus", "shallow", "sharp"]

UNIFORM: tuple[BlurKind, ...] = ("shake", "line", "defocus")
"""Those that blur a photo by one PSF all over."""
