"""Whether an ONNX file keeps everything in itself, found out before a library reads it.

A tensor may say that its values lie in another file, at a place that the network names: whoever
loads the network then reads that file, with old libraries any file of the machine. Such tensors
hide in subgraphs, functions, attributes and sparse tensors. The file's wire format is simple
enough to look at all of them without any library.

Reference:
    Protocol Buffers encoding; onnx.proto3 of ONNX 1.21 for the numbers of the fields.
"""

from __future__ import annotations

from pathlib import Path

from unblur.errors import BadValue, CorruptWeights
from unblur.files import read_file

MAX_BYTES = 2_000_000_000
"""A protocol buffer cannot be longer than 2 GiB."""

_MAX_FIELDS = 3_000_000
_MAX_DEPTH = 64
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14

_INSIDE: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse tensor"},
    "node": {5: "attribute"},
    "attribute": {
        5: "tensor",
        6: "graph",
        10: "tensor",
        11: "graph",
        22: "sparse tensor",
        23: "sparse tensor",
    },
    "sparse tensor": {1: "tensor", 2: "tensor"},
    "function": {7: "node", 11: "attribute"},
    "training": {1: "graph", 2: "graph"},
    "tensor": {},
}
"""Which fields of a message hold which messages, as far as tensors may be in them."""


def read_network(path: Path) -> bytes:
    """Return an ONNX file that keeps all its weights in itself.

    Raises:
        CorruptWeights: missing, too large, damaged, or with weights elsewhere.
    """
    try:
        data = read_file(path, max_bytes=MAX_BYTES)
    except BadValue as error:
        raise CorruptWeights(f"cannot load the network {path}: {error}") from error
    except OSError as error:
        reason = error.strerror or error
        raise CorruptWeights(f"cannot load the network {path}: {reason}") from error
    check_sealed(data, str(path))
    return data


def check_sealed(data: bytes, name: str = "the network") -> None:
    """Raise unless an ONNX file is one, and keeps all its weights in itself.

    Args:
        data: the file.
        name: what messages call it.

    Raises:
        CorruptWeights: it is damaged, of another format, or has weights elsewhere.
    """
    try:
        external = _looks_outside(data)
    except ValueError as error:
        raise CorruptWeights(
            f"cannot load the network {name}: it is no ONNX file ({error})"
        ) from error
    if external:
        raise CorruptWeights(
            f"{name} keeps weights in another file, which is never read; make it one: "
            "python -c \"import onnx; onnx.save(onnx.load('IN.onnx'), 'OUT.onnx')\""
        )


def _looks_outside(data: bytes) -> bool:
    if data[4:8] == b"ORTM":
        raise ValueError("it is in the format of ONNX Runtime")
    if not data:
        raise ValueError("it is empty")
    count = 0
    waiting = [("model", 0, len(data), 0)]
    while waiting:
        kind, start, end, depth = waiting.pop()
        if depth > _MAX_DEPTH:
            raise ValueError("it is nested too deeply")
        place = start
        inside = _INSIDE[kind]
        while place < end:
            count += 1
            if count > _MAX_FIELDS:
                raise ValueError("it has too many parts")
            key, place = _varint(data, place, end)
            field, wire = key >> 3, key & 7
            value, place = _skipped(data, place, end, wire)
            if kind == "tensor" and _names_outside(field, wire, value):
                return True
            if wire == _BYTES and field in inside:
                waiting.append((inside[field], place - value, place, depth + 1))
    return False


def _names_outside(field: int, wire: int, value: int) -> bool:
    if field == _EXTERNAL_DATA and wire == _BYTES:
        return True
    # Of longer numbers the lower 32 bits count.
    return field == _DATA_LOCATION and wire == _VARINT and value & 0xFFFFFFFF != 0


def _skipped(data: bytes, place: int, end: int, wire: int) -> tuple[int, int]:
    """Return the number that a field holds, or the length of its bytes, and where it ends."""
    if wire == _VARINT:
        return _varint(data, place, end)
    length = 8 if wire == _FIXED64 else 4
    if wire == _BYTES:
        length, place = _varint(data, place, end)
    elif wire not in (_FIXED64, _FIXED32):
        raise ValueError(f"a field has the unknown type {wire}")
    if length > end - place:
        raise ValueError("it is cut short")
    return length, place + length


def _varint(data: bytes, place: int, end: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= end:
            raise ValueError("it is cut short")
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise ValueError("a number is too long")
