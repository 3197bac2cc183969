"""What a worker process does: one order after the other, until the server is gone."""

from __future__ import annotations

import contextlib
import signal
import sys
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from unblur.confine import confine
from unblur.errors import DiskFull, UnblurError, is_disk_full
from unblur.web.orders import (
    CANCEL,
    Answer,
    Done,
    Failed,
    Order,
    Progress,
    Ready,
    Rendering,
    Stage,
    write_answer,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from unblur.blur.psf import Psf
    from unblur.io import Photo, Region

_PSF_SIDE = 257
_READ, _ANALYSED, _RESTORED = 0.04, 0.15, 0.9


class Tell(Protocol):
    """Tells the server how far a job is."""

    def __call__(
        self, stage: Stage, share: float, megapixels: float, preview: bool = False
    ) -> None:
        """Tell it; raises Cancelled if nobody wants to know."""


class Cancelled(Exception):
    """The job is not wanted any more."""


def work(pipe: Connection, memory_bytes: int | None, restores: bool = True) -> None:
    """Do what comes through a pipe until it closes; the target of the worker process.

    Args:
        pipe: orders come in, answers go out.
        memory_bytes: that this process may have.
        restores: false for one that only writes results, and needs to know no models.
    """
    confine(memory_bytes)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which stops us

    def send(word: Answer) -> None:
        pipe.send_bytes(write_answer(word))

    with contextlib.suppress(EOFError, OSError):  # the server is gone
        send(Ready(_models() if restores else []))
        while True:
            order = pipe.recv()
            send(answer(order, send))


def _models() -> list[dict[str, Any]]:
    from unblur.zoo.catalogue import describe_models

    return describe_models()


def answer(order: Order | Rendering, send: Callable[[Progress], None]) -> Done | Failed:
    """Do one order."""
    try:
        if isinstance(order, Rendering):
            return _rendering(order)
        return _job(order, send)
    except (EOFError, BrokenPipeError):
        raise
    except Exception as error:  # the worker must live on; what happened goes to the log
        return _failure(error, order)


def _failure(error: Exception, order: Order | Rendering) -> Failed:
    if isinstance(error, Cancelled):
        return Failed("Cancelled", "cancelled", 409)
    if isinstance(error, MemoryError):
        return Failed("OutOfMemory", "there is not enough memory for this file", 413)
    if is_disk_full(error):
        return Failed(DiskFull.__name__, str(DiskFull()), DiskFull.http_status)
    if isinstance(error, UnblurError):
        message = _without_paths(str(error), order)
        return Failed(type(error).__name__, message, error.http_status)
    traceback.print_exception(error, file=sys.stderr)
    return Failed("InternalError", f"something went wrong inside ({type(error).__name__})", 500)


def _job(order: Order, send: Callable[[Progress], None]) -> Done:
    def tell(stage: Stage, share: float, megapixels: float, preview: bool = False) -> None:
        if (order.folder / CANCEL).exists():
            raise Cancelled
        send(Progress(stage, share, megapixels, preview))

    if order.task == "detect":
        return Done(_detect(order, tell))
    if order.task == "layers":
        return Done(_layers(order, tell))
    return Done(_clip(order, tell) if order.clip else _photo(order, tell))


def _rendering(order: Rendering) -> Done:
    from unblur.web.results import write

    return Done({"name": write(order)})


def _without_paths(message: str, order: Order | Rendering) -> str:
    if isinstance(order, Rendering):
        folder = order.wanted.folder
        names = [(order.target, "the result"), (order.wanted.source, "the file")]
    else:
        folder = order.folder
        parts = [(order.psf, "the PSF"), (order.mask, "the mask"), (order.source, "the file")]
        names = [(path, name) for path, name in parts if path is not None]
    for path, name in names:
        message = message.replace(str(path), name)
    message = message.replace(str(folder), "the result").replace("the data", "the file")
    return message.replace(str(folder.parent), "")


def _photo(order: Order, tell: Tell) -> dict[str, Any]:
    from unblur.io import read_photo
    from unblur.pipeline.facade import restore
    from unblur.web import pictures
    from unblur.web.preview import write_preview
    from unblur.zoo.models import default_session

    tell("reading", 0.0, 0.0)
    photo = read_photo(order.source.read_bytes(), max_pixels=order.pixels)
    size, session = photo.megapixels, default_session(order.runtime)
    tell("analysing", _READ, size)
    plain = order.psf is None and order.mask is None and order.region is None
    plain = plain and order.only is None
    if plain and write_preview(photo, order.folder, session, tone=order.tone):
        tell("analysing", _READ, size, preview=True)

    def advance(done: int, total: int) -> None:
        tell("restoring", _ANALYSED + (_RESTORED - _ANALYSED) * done / total, size)

    restored = restore(
        photo,
        model=order.model,
        psf=given_psf(order.psf),
        region=_region(order.region),
        mask=painted_mask(order.mask, photo),
        only=order.only,
        at=order.at,
        tone=order.tone,
        session=session,
        progress=advance,
    )
    tell("writing", _RESTORED, size)
    result = pictures.save(photo, restored, order.folder)
    tell("writing", 0.99, size)
    return result


def _detect(order: Order, tell: Tell) -> dict[str, Any]:
    from unblur.detection.facade import judge, read_luma
    from unblur.io import read_photo
    from unblur.web import pictures
    from unblur.zoo.models import default_session

    tell("reading", 0.0, 0.0)
    photo = read_photo(order.source.read_bytes(), max_pixels=order.pixels)
    tell("analysing", 0.3, photo.megapixels)
    seen = read_luma(photo, full=False, tone=order.tone)
    detection = judge(seen, default_session(order.runtime).detector(mapped=True), everywhere=True)
    tell("writing", 0.9, photo.megapixels)
    return pictures.save_heat(detection, seen, order.folder)


def _layers(order: Order, tell: Tell) -> dict[str, Any]:
    from unblur.errors import BadValue
    from unblur.io import read_photo
    from unblur.pipeline.facade import as_picture
    from unblur.pipeline.layers import assess_layers
    from unblur.pipeline.report import RestoreOptions
    from unblur.pipeline.run import gate_of
    from unblur.web import pictures
    from unblur.zoo.models import default_session

    tell("reading", 0.0, 0.0)
    photo = read_photo(order.source.read_bytes(), max_pixels=order.pixels).with_tone(order.tone)
    tell("analysing", _READ, photo.megapixels)
    models = default_session(order.runtime).models()
    # A click on what moved asks for it, so what is shown needs no more evidence than that.
    gate = gate_of(models, RestoreOptions(), asked=True)
    found, layers = assess_layers(as_picture(photo), models.estimator, gate)
    if layers is None:
        raise BadValue(found.verdict.reason)
    tell("writing", _RESTORED, photo.megapixels)
    return pictures.save_layers(layers, photo, order.folder)


def _clip(order: Order, tell: Tell) -> dict[str, Any]:
    from unblur.video import ClipLimits, ClipOptions, restore_clip
    from unblur.zoo.models import default_session

    tell("reading", 0.0, 0.0)
    target = order.folder / f"result{order.clip}"
    limits = ClipLimits(seconds=order.clip_seconds, pixels=order.pixels // 4)

    def advance(done: int, total: int | None) -> None:
        tell("restoring", 0.98 * min(1.0, done / total) if total else 0.5, 0.0)

    report = restore_clip(
        order.source,
        target,
        options=ClipOptions(seconds=order.clip_seconds, strength=order.strength),
        limits=limits,
        session=default_session(order.runtime),
        progress=advance,
    )
    return {"kind": "clip", "verdict": "restored", "changed": True, **report.to_dict()}


def _region(region: tuple[int, int, int, int] | None) -> Region | None:
    from unblur.io import Region

    if region is None:
        return None
    x, y, width, height = region
    return Region(y, x, y + height, x + width)


def painted_mask(path: Path | None, photo: Photo) -> NDArray[np.float32] | None:
    """Return a painted mask at the photo's size, (H, W) float32 in [0, 1]."""
    if path is None:
        return None
    import numpy as np
    from PIL import Image

    from unblur.io import read_photo

    painted = read_photo(path, max_pixels=16_000_000).srgb().mean(axis=2)
    size = (photo.width, photo.height)
    shown = Image.fromarray(painted.astype(np.float32)).resize(size, Image.Resampling.BILINEAR)
    return np.asarray(shown)


def given_psf(path: Path | None) -> Psf | None:
    """Return a PSF that was drawn or imported, bounded before it is decoded."""
    if path is None:
        return None
    from unblur.blur.psf_files import load_psf

    return load_psf(path, max_side_px=_PSF_SIDE).centred()
