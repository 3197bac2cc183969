"""The options of one command."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from unblur.io import Region
from unblur.pipeline.only import Only, Point
from unblur.pipeline.settings import Settings as PipelineSettings
from unblur.runtime import Runtime


@dataclass(frozen=True, eq=False)
class Settings:
    """The options that hold for every photo of one command; see ``unblur restore --help``."""

    model: str
    strength: float
    psf: Path | None
    region: Region | None
    mask: Path | None
    gate: bool
    tuned: PipelineSettings | None
    runtime: Runtime
    quality: int | None
    overwrite: bool
    strip_location: bool
    strip_metadata: bool
    max_megapixels: float
    page: int | None = None
    tone: str = "auto"
    fast: bool = False
    only: Only | None = None
    at: Point | None = None
