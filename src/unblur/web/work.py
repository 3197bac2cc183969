"""What a worker process does: one order after the other, until the server is gone."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unblur.errors import UnblurError
from unblur.web.orders import CANCEL, Done, Failed, Order, Progress, Ready, Stage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from unblur.blur.psf import Psf
    from unblur.io import Photo, Region

_PSF_SIDE = 257
_DYING_SECONDS = 10.0
_READ, _ANALYSED, _RESTORED = 0.04, 0.15, 0.9

Tell = Callable[[Stage, float, float], None]


class Cancelled(Exception):
    """The job is not wanted any more."""


def work(pipe: Connection, root: Path) -> None:
    """Do what comes through a pipe; the target of the worker process.

    Args:
        pipe: orders come in, answers go out.
        root: the server's private folder, removed if the server dies without doing so.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which stops us
    parent = os.getppid()
    try:
        from unblur.restoration.catalogue import describe_models

        pipe.send(Ready(describe_models()))
        while True:
            order = pipe.recv()
            pipe.send(answer(order, pipe.send))
    except (EOFError, OSError):
        # A dying server closes its pipes a moment before it is dead; one that lives kills us.
        until = time.monotonic() + _DYING_SECONDS
        while os.getppid() == parent and time.monotonic() < until:
            time.sleep(0.02)
        if os.getppid() != parent:
            shutil.rmtree(root, ignore_errors=True)


def answer(order: Order, send: Callable[[Progress], None]) -> Done | Failed:
    """Do one order."""

    def tell(stage: Stage, share: float, megapixels: float) -> None:
        if (order.folder / CANCEL).exists():
            raise Cancelled
        send(Progress(stage, share, megapixels))

    try:
        if order.task == "detect":
            return Done(_detect(order, tell))
        return Done(_clip(order, tell) if order.clip else _photo(order, tell))
    except Cancelled:
        return Failed("Cancelled", "cancelled", 409)
    except UnblurError as error:
        return Failed(type(error).__name__, _without_paths(str(error), order), error.http_status)
    except MemoryError:
        return Failed("OutOfMemory", "there is not enough memory for this file", 413)
    except (EOFError, BrokenPipeError):
        raise
    except Exception as error:  # the worker must live on; what happened goes to the log
        traceback.print_exc(file=sys.stderr)
        return Failed("InternalError", f"something went wrong inside ({type(error).__name__})", 500)


def _without_paths(message: str, order: Order) -> str:
    names = [(order.psf, "the PSF"), (order.mask, "the mask"), (order.source, "the file")]
    for path, name in names:
        if path is not None:
            message = message.replace(str(path), name)
    message = message.replace(str(order.folder), "the result").replace("the data", "the file")
    return message.replace(str(order.folder.parent), "")


def _photo(order: Order, tell: Tell) -> dict[str, Any]:
    from unblur.io import read_photo
    from unblur.restoration.facade import restore
    from unblur.web import pictures

    tell("reading", 0.0, 0.0)
    photo = read_photo(order.source.read_bytes(), max_pixels=order.pixels)
    size = photo.megapixels
    tell("analysing", _READ, size)

    def advance(done: int, total: int) -> None:
        tell("restoring", _ANALYSED + (_RESTORED - _ANALYSED) * done / total, size)

    restored = restore(
        photo,
        model=order.model,
        psf=_psf(order.psf),
        region=_region(order.region),
        mask=_mask(order.mask, photo),
        threads=order.threads,
        progress=advance,
    )
    tell("writing", _RESTORED, size)
    result = pictures.save(photo, restored, order.folder)
    tell("writing", 0.99, size)
    return result


def _detect(order: Order, tell: Tell) -> dict[str, Any]:
    from unblur.io import read_photo
    from unblur.restoration.detection import judge, look
    from unblur.web import pictures

    tell("reading", 0.0, 0.0)
    photo = read_photo(order.source.read_bytes(), max_pixels=order.pixels)
    tell("analysing", 0.3, photo.megapixels)
    seen = look(photo, full=False)
    detection = judge(seen, everywhere=True, threads=order.threads)
    tell("writing", 0.9, photo.megapixels)
    return pictures.save_heat(detection, seen, order.folder)


def _clip(order: Order, tell: Tell) -> dict[str, Any]:
    import dataclasses

    from unblur.video import ClipLimits, ClipOptions, restore_clip

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
        threads=order.threads,
        progress=advance,
    )
    shown = dataclasses.asdict(report)
    return {"kind": "clip", "verdict": "restored", "changed": True, **shown}


def _region(region: tuple[int, int, int, int] | None) -> Region | None:
    from unblur.io import Region

    if region is None:
        return None
    x, y, width, height = region
    return Region(y, x, y + height, x + width)


def _mask(path: Path | None, photo: Photo) -> NDArray[np.float32] | None:
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


def _psf(path: Path | None) -> Psf | None:
    """Return a PSF that was drawn or imported, bounded before it is decoded."""
    if path is None:
        return None
    from unblur.blur.psf_files import load_psf

    return load_psf(path, max_side_px=_PSF_SIDE).centred()
