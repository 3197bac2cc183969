"""Gyroscope logs of all kinds -> :class:`unblur.io.gyro.GyroLog`."""

from __future__ import annotations

from pathlib import Path

from unblur.errors import UnreadableImage
from unblur.files import open_regular
from unblur.io.gcsv import MAGIC, read_gcsv
from unblur.io.gpmf_track import read_gpmf_track
from unblur.io.gyro import GyroLog


def load_gyro_log(path: Path) -> GyroLog:
    """Read a gyroscope log: gyroflow's ``.gcsv``, or a video with a GPMF track (GoPro).

    Raises:
        UnreadableImage: no such file, or it is neither, or its samples make no sense.
        MissingExtra: PyAV is not installed (videos only).
    """
    try:
        with open_regular(path, UnreadableImage) as stream:
            start = stream.read(64)
    except OSError as error:
        raise UnreadableImage(
            f"cannot read the gyroscope log {path}: {error.strerror or error}"
        ) from error
    if start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(MAGIC):
        return read_gcsv(path)
    if path.suffix.lower() in (".gcsv", ".csv", ".txt") or not start:
        raise UnreadableImage(
            f"{path} is no gyroscope log: its first line must be 'GYROFLOW IMU LOG' or "
            "'CAMERA IMU LOG'"
        )
    return read_gpmf_track(path)
