"""Gyroflow's text logs ``.gcsv``.

A first line that names it, lines ``key,value``, a row of column names and rows of numbers: ``t``
times ``tscale`` is seconds, ``gx``, ``gy``, ``gz`` times ``gscale`` are rad/s. ``orientation`` has
three letters: where each of gyroflow's axes (up, left, back) is found among the columns, small
letters for reversed ones. ``frame_readout_time`` is in ms.

Reference:
    https://docs.gyroflow.xyz/app/technical-details/gcsv-format and
    https://docs.gyroflow.xyz/app/advanced-usage/imu-orientation-and-rotation (read, not copied).
"""

from __future__ import annotations

import io
import math
import warnings
from pathlib import Path

import numpy as np

from unblur.errors import UnreadableImage
from unblur.io.gyro import MOST_ROWS, GyroLog, checked, in_camera

MAGIC = (b"GYROFLOW IMU LOG", b"CAMERA IMU LOG")

_MOST_BYTES = 1 << 30
_HEADER_LINES = 200
_MOST = MOST_ROWS + 1
_NEEDED = ("t", "gx", "gy", "gz")


def read_gcsv(path: Path) -> GyroLog:
    """Read a ``.gcsv`` log.

    Raises:
        UnreadableImage: it is too large, lacks a column or a scale, or holds no numbers.
    """
    if path.stat().st_size > _MOST_BYTES:
        raise UnreadableImage(f"{path} is larger than a gyroscope log can be (1 GiB)")
    with path.open(encoding="utf-8-sig", errors="replace") as stream:
        header, columns = _header(stream, path)
        missing = [name for name in _NEEDED if name not in columns]
        if missing:
            raise UnreadableImage(
                f"{path} lacks the column(s) {', '.join(missing)}; a gyroscope log has t, gx, gy "
                f"and gz, this one {', '.join(columns)}"
            )
        used = [columns.index(name) for name in _NEEDED]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # empty lines are no matter
                rows = np.loadtxt(stream, delimiter=",", usecols=used, ndmin=2, max_rows=_MOST)
        except ValueError as error:
            raise UnreadableImage(f"cannot read the samples of {path}: {error}") from error
    if not rows.size:
        raise UnreadableImage(f"{path} holds no gyroscope samples")
    times = rows[:, 0] * _number(header, "tscale", path)
    omega = rows[:, 1:] * _number(header, "gscale", path)
    readout = _number(header, "frame_readout_time", path, default=-1.0)
    log = GyroLog(
        times,
        in_camera(omega, _letters(header.get("orientation", "XYZ"), path)),
        readout_s=readout / 1000 if readout >= 0 else None,
        direction=_direction(header, path),
    )
    return checked(log, str(path))


def _header(stream: io.TextIOBase, path: Path) -> tuple[dict[str, str], list[str]]:
    """Return the lines ``key,value`` and the names of the columns."""
    found: dict[str, str] = {}
    for _ in range(_HEADER_LINES):
        line = stream.readline(4096)
        if not line:
            break
        parts = [part.strip() for part in line.strip().split(",")]
        if parts[0].lower() == "t" and len(parts) > 1:
            return found, [part.lower() for part in parts]
        if len(parts) > 1:
            found[parts[0].lower()] = parts[1]
    raise UnreadableImage(f"{path} has no row of column names 't,gx,gy,gz'")


def _number(header: dict[str, str], key: str, path: Path, default: float | None = None) -> float:
    text = header.get(key)
    if text is None and default is not None:
        return default
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or (value <= 0 and default is None):
        raise UnreadableImage(f"{path} needs a number above 0 for '{key}', got '{text}'")
    return value


def _direction(header: dict[str, str], path: Path) -> int:
    text = header.get("frame_readout_direction", "0")
    if text not in ("0", "1", "2", "3"):
        raise UnreadableImage(f"'frame_readout_direction' of {path} must be 0 to 3, got '{text}'")
    return int(text)


def _letters(orientation: str, path: Path) -> str:
    """Return the direction of each column's axis, see :func:`in_camera`.

    Gyroflow's letters tell for each of its axes from which column it is taken, and with which
    sign; here it is told the other way round.
    """
    if sorted(orientation.upper()) != ["X", "Y", "Z"]:
        raise UnreadableImage(
            f"'orientation' of {path} must name x, y and z once each, as XYZ or yXz, got "
            f"'{orientation[:20]}'"
        )
    columns = ["", "", ""]
    for axis, letter in zip("ULB", orientation, strict=True):
        columns["XYZ".index(letter.upper())] = axis if letter.isupper() else axis.lower()
    return "".join(columns)
