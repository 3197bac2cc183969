"""Every photo is read once before training begins: what cannot be used is named and left out."""

from __future__ import annotations

import logging
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unblur.color import quantise, to_float
from unblur.errors import UnblurError, UnreadableImage
from unblur.io import read_photo
from unblur.runtime import available_cores

log = logging.getLogger(__name__)

_MANY = 256
"""Photos from which on several processes are worth their start."""

_NAMED = 20
"""How many photos that are left out are named one by one."""


@dataclass(frozen=True)
class Verdict:
    """What is known of a file.

    Attributes:
        shorter_px: the shorter side; 0 if it cannot be used.
        fault: why it cannot be used, in a line; empty if it can.
    """

    shorter_px: int = 0
    fault: str = ""


_known: dict[tuple[str, int, int], Verdict] = {}
"""By path, bytes and time of change, so that clients and splits do not read a photo again."""


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """Return the (H, W, 3) uint8 pixels of a photo, as its own samples are rounded to 8 bits.

    Transparency is left out; grey becomes RGB.

    Raises:
        UnblurError: the file cannot be read, see :func:`unblur.io.read_photo`.
    """
    samples = read_photo(path).samples
    if samples.dtype != np.uint8:
        samples = quantise(to_float(samples), np.dtype(np.uint8))
    return np.repeat(samples, 3, axis=2) if samples.shape[2] == 1 else samples


def usable(paths: list[Path], *, smallest_px: int, split: str, root: Path) -> dict[Path, int]:
    """Read all photos and return the shorter sides of those that can be used, in px.

    What is left out is told in the log: each unreadable file with the reason, the number of those
    that are too small.

    Args:
        paths: of the photos.
        smallest_px: photos with a shorter side are left out.
        split, root: where they come from, for messages.

    Raises:
        UnreadableImage: no photo is left.
    """
    verdicts = dict(zip(paths, _verdicts(paths), strict=True))
    bad = [(path, verdict.fault) for path, verdict in verdicts.items() if verdict.fault]
    for path, fault in bad[:_NAMED]:
        log.warning("left out of training: %s (%s)", path, fault)
    if len(bad) > _NAMED:
        log.warning("left out of training: %d more that cannot be read", len(bad) - _NAMED)
    sides = {path: verdict.shorter_px for path, verdict in verdicts.items() if not verdict.fault}
    fit = {path: side for path, side in sides.items() if side >= smallest_px}
    if len(fit) < len(sides):
        log.warning(
            "left out of training: %d '%s' photos with a side below %d px",
            len(sides) - len(fit), split, smallest_px,
        )  # fmt: skip
    if not fit:
        seen = f"; of {len(paths)} files {len(bad)} cannot be read" if paths else ""
        first = f", as {bad[0][0]} ({bad[0][1]})" if bad else ""
        raise UnreadableImage(
            f"no '{split}' photo of at least {smallest_px} px in {root}{seen}{first}; "
            "give a folder of sharp photos"
        )
    return fit


def _verdicts(paths: list[Path]) -> list[Verdict]:
    keys = [_key(path) for path in paths]
    fresh = [path for path, key in zip(paths, keys, strict=True) if key not in _known]
    if len(fresh) >= _MANY and available_cores() > 1 and not multiprocessing.parent_process():
        with ProcessPoolExecutor(available_cores(), mp_context=get_context("spawn")) as pool:
            found = list(pool.map(_judged, fresh, chunksize=16))
    else:
        found = [_judged(path) for path in fresh]
    _known.update(zip((_key(path) for path in fresh), found, strict=True))
    return [_known[key] for key in keys]


def _key(path: Path) -> tuple[str, int, int]:
    try:
        status = path.stat()
    except OSError:
        return (str(path), -1, -1)
    return (str(path), status.st_size, status.st_mtime_ns)


def _judged(path: Path) -> Verdict:
    try:
        return Verdict(min(read_rgb(path).shape[:2]))
    except UnblurError as error:
        return Verdict(fault=str(error))
