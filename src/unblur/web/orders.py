"""What the server tells a worker and what it answers: small and frozen, through a pipe."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from unblur.pipeline.only import Only, Point
from unblur.runtime import ALL_THREADS, Runtime

Task = Literal["restore", "detect", "layers"]
Stage = Literal["reading", "analysing", "restoring", "writing"]

CANCEL = "cancel"
"""A file of this name in a job's folder tells the worker to stop."""


@dataclass(frozen=True)
class Order:
    """One job.

    Attributes:
        task: "restore"; "detect" for a verdict and a heat map; "layers" for the map of what
            moved how.
        folder: where results go; private, exists.
        source: the upload.
        clip: suffix of a clip, empty for a photo.
        model: name of a model of the catalogue.
        region: (x, y, width, height) in px, or None.
        mask: picture of where to restore, of any size, or None.
        psf: file of the PSF to use, or None.
        only: what is restored where not all that moved, see :data:`unblur.pipeline.only.Only`.
        at: where the subject is, or None.
        tone: how the photo's samples encode light, as :func:`unblur.tone.parse_tone` takes it.
        strength: of clips; photos are always restored fully, the strength is applied later.
        pixels: most that a photo may have.
        clip_seconds: longest clip.
        runtime: how networks are run.
    """

    task: Task
    folder: Path
    source: Path
    clip: str = ""
    model: str = "unblur"
    region: tuple[int, int, int, int] | None = None
    mask: Path | None = None
    psf: Path | None = None
    only: Only | None = None
    at: Point | None = None
    tone: str = "auto"
    strength: float = 1.0
    pixels: int = 0
    clip_seconds: float = 0.0
    runtime: Runtime = ALL_THREADS


@dataclass(frozen=True)
class Wanted:
    """One result as a client wants it.

    Attributes:
        name: of the photo, as the client calls it.
        source: its file.
        folder: of the job.
        changed: whether the job changed anything.
        clip: suffix of a clip, or empty.
        strength: 0 gives the photo, 1 the full restoration.
        suffix: of the format, as ".png"; the photo's own if empty.
        strip_location: leave out where it was taken.
    """

    name: str
    source: Path
    folder: Path
    changed: bool
    clip: str = ""
    strength: float = 1.0
    suffix: str = ""
    strip_location: bool = False


@dataclass(frozen=True)
class Rendering:
    """A result to be written.

    Attributes:
        wanted: what.
        target: where to; its folder is there.
        packed: ``target`` is a ZIP file that gets one more member.
        taken: names that the ZIP file has already.
    """

    wanted: Wanted
    target: Path
    packed: bool = False
    taken: tuple[str, ...] = ()


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
        preview: whether a preview can be seen.
    """

    stage: Stage
    share: float
    megapixels: float = 0.0
    preview: bool = False


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


Answer = Ready | Progress | Done | Failed
_ANSWERS: dict[str, type[Answer]] = {
    kind.__name__: kind for kind in (Ready, Progress, Done, Failed)
}


def write_answer(answer: Answer) -> bytes:
    """Return a worker's word as it goes through the pipe."""
    return json.dumps([type(answer).__name__, asdict(answer)]).encode()


def read_answer(data: bytes) -> Answer:
    """Return a worker's word.

    Raises:
        ValueError: it is none.
    """
    try:
        kind, fields = json.loads(data)
        return _ANSWERS[kind](**fields)
    except (TypeError, KeyError, RecursionError) as error:
        raise ValueError("this is no word of a worker") from error
