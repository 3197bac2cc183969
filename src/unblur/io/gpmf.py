"""GPMF, the telemetry of GoPro's cameras: keys, lengths and values, nested.

Every entry begins with eight bytes: a key of four letters, a type, the size of one sample and
their number; its data are filled up to four bytes. Type 0 holds further entries. Everything is
big-endian.
``SCAL`` divides what follows it in the same ``STRM``.

The parser takes bytes from anybody: it never reads beyond them, goes down a bounded number of
levels, and its work is proportional to their length.

Reference:
    https://gopro.github.io/gpmf-parser (the format's description; no code of it is used).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

_DEEPEST = 6
_NUMBERS = {
    "b": ">i1",
    "B": ">u1",
    "s": ">i2",
    "S": ">u2",
    "l": ">i4",
    "L": ">u4",
    "j": ">i8",
    "J": ">u8",
    "f": ">f4",
    "d": ">f8",
}


@dataclass(frozen=True)
class Entry:
    """One entry.

    Attributes:
        key: of four characters.
        kind: its type; "" for nested entries.
        size: bytes of one sample.
        data: its samples, without filling.
    """

    key: str
    kind: str
    size: int
    data: bytes

    def numbers(self) -> NDArray[np.float64] | None:
        """Return the samples, (N, columns); None where they are no numbers."""
        form = _NUMBERS.get(self.kind)
        if form is None or not self.data:
            return None
        values = np.dtype(form)
        if not self.size or self.size % values.itemsize or len(self.data) % self.size:
            return None
        plain = np.frombuffer(self.data, values).astype(np.float64)
        return plain.reshape(-1, self.size // values.itemsize)

    def text(self) -> str:
        """Return the samples as text."""
        return self.data.split(b"\0")[0].decode("latin-1").strip()


@dataclass
class Payload:
    """What one payload tells of the camera.

    Attributes:
        device: the camera's name.
        gyro: (N, 3) rad/s as stored, or None.
        orientation: of its columns, GoPro's letters; "" where it is not told.
        exposures: (F,) s, or None.
        readout_ms: of the sensor, or None.
        view_deg: diagonal field of view, or None.
    """

    device: str = ""
    gyro: NDArray[np.float64] | None = None
    orientation: str = ""
    exposures: NDArray[np.float64] | None = None
    readout_ms: float | None = None
    view_deg: float | None = None
    scale: NDArray[np.float64] = field(default_factory=lambda: np.ones(1))


def entries(data: bytes) -> Iterator[Entry]:
    """Yield the entries of one level; ends where the bytes make no further entry."""
    at = 0
    while at + 8 <= len(data):
        key, size = data[at : at + 4], data[at + 5]
        length = size * int.from_bytes(data[at + 6 : at + 8], "big")
        if key == b"\0\0\0\0" or at + 8 + length > len(data):
            return
        kind = chr(data[at + 4]) if data[at + 4] else ""
        yield Entry(key.decode("latin-1"), kind, size, data[at + 8 : at + 8 + length])
        at += 8 + (length + 3) // 4 * 4


def read_payload(data: bytes) -> Payload:
    """Return what a payload tells of the camera; what is damaged in it is passed over."""
    told = Payload()
    _read(data, told, 0)
    return told


def _read(data: bytes, told: Payload, depth: int) -> None:
    told.scale = np.ones(1)
    orientation = ""
    for entry in entries(data):
        if entry.kind == "":
            if depth < _DEEPEST:
                _read(entry.data, told, depth + 1)
                told.scale = np.ones(1)
            continue
        if entry.key == "DVNM":
            told.device = entry.text()
        elif entry.key == "ORIN":
            orientation = entry.text()
        elif entry.key == "SCAL":
            _scale(entry, told)
        else:
            _sensor(entry, told, orientation)


def _scale(entry: Entry, told: Payload) -> None:
    numbers = entry.numbers()
    if numbers is not None and (numbers != 0).all() and np.isfinite(numbers).all():
        told.scale = numbers.ravel()


def _sensor(entry: Entry, told: Payload, orientation: str) -> None:
    """Take over what counts: gyroscope, exposures, read-out, field of view."""
    if entry.key not in ("GYRO", "SHUT", "SROT", "ZFOV"):
        return
    numbers = entry.numbers()
    if numbers is None:
        return
    if len(told.scale) in (1, numbers.shape[1]):
        numbers = numbers / told.scale
    if entry.key == "GYRO" and numbers.shape[1] == 3:
        told.gyro, told.orientation = numbers, orientation
    elif entry.key == "SHUT":
        told.exposures = numbers[:, 0]
    elif entry.key == "SROT":
        told.readout_ms = float(numbers[0, 0])
    elif entry.key == "ZFOV":
        told.view_deg = float(numbers[0, 0])
