"""What the server tells a worker and what it answers: small, frozen, sent through a pipe."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Task = Literal["restore", "detect"]
Stage = Literal["reading", "analysing", "restoring", "writing"]

CANCEL = "cancel"
"""A file of this name in a job's folder tells the worker to stop."""


@dataclass(frozen=True)
class Order:
    """One job.

    Attributes:
        task: "restore", or "detect" for a verdict and a heat map.
        folder: where results go; private, exists.
        source: the upload.
        clip: suffix of a clip, empty for a photo.
        model: name of a model of the catalogue.
        region: (x, y, width, height) in px, or None.
        mask: picture of where to restore, of any size, or None.
        psf: file of the PSF to use, or None.
        strength: of clips; photos are always restored fully, the strength is applied later.
        pixels: most that a photo may have.
        clip_seconds: longest clip.
        threads: of the networks.
    """

    task: Task
    folder: Path
    source: Path
    clip: str = ""
    model: str = "unblur"
    region: tuple[int, int, int, int] | None = None
    mask: Path | None = None
    psf: Path | None = None
    strength: float = 1.0
    pixels: int = 0
    clip_seconds: float = 0.0
    threads: int | None = None


@dataclass(frozen=True)
class Ready:
    """The worker waits for orders."""

    models: list[dict[str, Any]]


@dataclass(frozen=True)
class Progress:
    """How far a job is.

    Attributes:
        stage: what is being done.
        share: of the whole job, 0 to 1.
        megapixels: of the photo, once it is known.
    """

    stage: Stage
    share: float
    megapixels: float = 0.0


@dataclass(frozen=True)
class Done:
    """What came out, ready for JSON."""

    result: dict[str, Any]


@dataclass(frozen=True)
class Failed:
    """Why nothing came out.

    Attributes:
        code: name of the error's class.
        message: for people, in one line, without paths of this machine.
        status: of HTTP.
    """

    code: str
    message: str
    status: int
