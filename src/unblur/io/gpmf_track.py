"""The GPMF track of a clip: GoPro's gyroscope on the clip's clock."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unblur.errors import UnreadableImage
from unblur.io.gpmf import Payload, read_payload
from unblur.io.gyro import MOST_ROWS, GyroLog, checked, in_camera
from unblur.io.video import load_av, open_clip

_LARGEST_PAYLOAD = 16 << 20

_MOST_PAYLOADS = 200_000

_OLD = {"HERO6": "YxZ", "FUSION": "yXZ"}
"""Columns of cameras that do not tell them, by their names; all others have ZXY."""

_DIRECTIONS = {"X": "L", "Y": "B", "Z": "U"}
"""GoPro's axes: X to the left, Y back, Z up."""

_VIEWS_DEG = (10.0, 150.0)
_READOUTS_MS = (0.0, 100.0)
_LONGEST_S = 1.0

Timed = tuple[float, float, Payload]
"""(begin and duration, s, of a payload; what it tells)."""


def read_gpmf_track(path: Path) -> GyroLog:
    """Read the gyroscope of a clip's own GPMF track.

    Samples are spread evenly over all payloads: GoPro's clock is that of the container, and the
    number of samples in a payload jitters.

    Raises:
        UnreadableImage: not a video, or without such a track.
        MissingExtra: PyAV is not installed.
    """
    payloads, origin = _payloads(path)
    with_gyro = [item for item in payloads if item[2].gyro is not None]
    if not with_gyro:
        raise UnreadableImage(
            f"{path} holds no gyroscope (no GPMF track with GYRO); give a .gcsv log as --gyro"
        )
    told = with_gyro[0][2]
    values = np.concatenate([item[2].gyro for item in with_gyro if item[2].gyro is not None])
    letters = _letters(told)
    counts = [len(item[2].gyro) for item in with_gyro if item[2].gyro is not None]
    exposed = [item for item in payloads if item[2].exposures is not None]
    exposures = None
    if exposed:
        lengths = np.concatenate([p.exposures for *_, p in exposed if p.exposures is not None])
        sizes = [len(p.exposures) for *_, p in exposed if p.exposures is not None]
        usable = np.isfinite(lengths) & (lengths > 0) & (lengths < _LONGEST_S)
        times = _spread(exposed, sizes) - origin
        exposures = (times[usable], lengths[usable]) if usable.any() else None
    readouts = [p.readout_ms for *_, p in payloads if p.readout_ms is not None]
    views = [p.view_deg for *_, p in payloads if p.view_deg is not None]
    log = GyroLog(
        _spread(with_gyro, counts) - origin,
        in_camera(values, letters),
        readout_s=_within(readouts, _READOUTS_MS, 1e-3),
        exposures=exposures,
        focal_ratio=_focal_ratio(views),
    )
    return checked(log, str(path))


def _payloads(path: Path) -> tuple[list[Timed], float]:
    """Return all payloads in order, and when the clip's first frame is shown, s."""
    av = load_av()
    found: list[Timed] = []
    rows = 0
    try:
        with open_clip(path) as container:
            pictures = container.streams.video
            start = pictures[0].start_time if pictures else None
            origin = float(start * pictures[0].time_base) if start is not None else 0.0
            for packet in _packets(container):
                data = bytes(packet)
                if not data.startswith(b"DEVC") or len(data) > _LARGEST_PAYLOAD:
                    continue
                begin = float((packet.pts or 0) * packet.time_base)
                payload = read_payload(data)
                rows += 0 if payload.gyro is None else len(payload.gyro)
                found.append((begin, float((packet.duration or 0) * packet.time_base), payload))
                if rows > MOST_ROWS or len(found) > _MOST_PAYLOADS:
                    raise UnreadableImage(f"{path} holds more telemetry than is read")
    except (av.FFmpegError, OSError, ValueError) as error:
        raise UnreadableImage(f"cannot read the gyroscope of {path}: {error}") from error
    return found, origin


def _packets(container: Any) -> Any:
    """Yield the packets of all data tracks."""
    tracks = [stream for stream in container.streams if stream.type == "data"]
    return (p for p in (container.demux(*tracks) if tracks else ()) if p.size)


def _spread(items: list[Timed], counts: list[int]) -> NDArray[np.float64]:
    """Return the times of samples that are spread evenly over payloads.

    A straight line through the payloads' begins (and the last one's end) over the number of
    samples before them.
    """
    begins = [begin for begin, *_ in items]
    before = [0, *np.cumsum(counts).tolist()]
    last = items[-1][1]
    if last <= 0:
        last = begins[-1] - begins[-2] if len(begins) > 1 else 1.0
    slope, start = np.polyfit(before, [*begins, begins[-1] + last], 1)
    return np.asarray(start + slope * np.arange(before[-1]), dtype=np.float64)


def _letters(told: Payload) -> str:
    letters = told.orientation
    if sorted(letters.upper()) != ["X", "Y", "Z"]:
        device = told.device.upper()
        letters = next((order for name, order in _OLD.items() if name in device), "ZXY")
    return "".join(
        _DIRECTIONS[c.upper()] if c.isupper() else _DIRECTIONS[c.upper()].lower() for c in letters
    )


def _within(values: list[float], span: tuple[float, float], unit: float) -> float | None:
    usable = [v for v in values if math.isfinite(v) and span[0] <= v <= span[1]]
    return float(np.median(usable)) * unit if usable else None


def _focal_ratio(views: list[float]) -> float | None:
    """Return the focal length over the diagonal, by the diagonal field of view."""
    view = _within(views, _VIEWS_DEG, 1.0)
    return None if view is None else 0.5 / math.tan(math.radians(view) / 2)
