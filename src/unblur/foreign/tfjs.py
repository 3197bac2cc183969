"""Reading TensorFlow.js graph models: ``model.json`` and its shards, from a folder or an npm tar.

Nothing is unpacked onto the disk and nothing of the file is executed. What the graph means is
the business of :mod:`unblur.foreign.lowering`.
"""

from __future__ import annotations

import base64
import math
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unblur.errors import CorruptWeights
from unblur.files import drained, from_json, read_file

_DTYPES = {"float32": np.float32, "int32": np.int32, "bool": np.bool_}
_TYPES = {"DT_FLOAT": "float32", "DT_INT32": "int32", "DT_INT64": "int64", "DT_BOOL": "bool"}


_MAX_JSON_BYTES, _MAX_BYTES = 64_000_000, 2_000_000_000


@dataclass(frozen=True)
class TfNode:
    """One operation of a graph.

    Attributes:
        name: unique in the graph.
        op: what it does, as TensorFlow calls it.
        inputs: names of the nodes whose results it takes.
        attributes: plain values: int, bool, str, a dtype, or a tuple of ints.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    attributes: dict[str, Any]


@dataclass(frozen=True, eq=False)
class TfGraph:
    """A graph with one image input and one image output.

    Attributes:
        nodes: every node after all that it takes from.
        weights: the constants, by name of their node.
        source, result: names of the nodes where the image enters and leaves.
    """

    nodes: tuple[TfNode, ...]
    weights: dict[str, NDArray[Any]]
    source: str
    result: str


def read_tfjs(path: Path) -> TfGraph:
    """Read a graph model.

    Args:
        path: ``model.json`` beside its shards, or a ``.tgz`` that holds both.

    Raises:
        CorruptWeights: missing, damaged, or not a graph model with one input and one output.
    """
    try:
        if path.suffix == ".json":
            text = read_file(path, max_bytes=_MAX_JSON_BYTES)
            return _parse(text, lambda name: _beside(path, name), str(path))
        files = _unpacked(path)
        found = sorted(name for name in files if PurePosixPath(name).name == "model.json")
        if len(found) != 1:
            raise CorruptWeights(f"{path} holds {len(found)} files model.json, expected one")
        folder = PurePosixPath(found[0]).parent
        return _parse(files[found[0]], lambda name: files[str(folder / name)], str(path))
    except CorruptWeights:
        raise
    except Exception as error:  # a graph of strangers' may be anything
        message = f"cannot read the TensorFlow.js model {path}: {type(error).__name__}: {error}"
        raise CorruptWeights(message.splitlines()[0][:1000]) from error


def _unpacked(path: Path) -> dict[str, bytes]:
    """Return the models' files of a tar, read in one pass: going back unzips all over again."""
    files: dict[str, bytes] = {}
    with tarfile.open(path, "r|gz") as tar:
        for member in tar:
            stream = tar.extractfile(member) if member.isfile() else None
            if stream is not None and PurePosixPath(member.name).suffix in (".json", ".bin"):
                left = _MAX_BYTES - sum(map(len, files.values()))
                files[member.name] = drained(stream, member.name, max_bytes=left)  # type: ignore[arg-type]
    return files


def _beside(path: Path, name: str) -> bytes:
    if PurePosixPath(name).name != name:
        raise ValueError(f"the shard '{name}' does not lie beside the model")
    return read_file(path.with_name(name), max_bytes=_MAX_BYTES)


def _parse(text: bytes, read: Callable[[str], bytes], where: str) -> TfGraph:
    if len(text) > _MAX_JSON_BYTES:
        raise CorruptWeights(f"{where} describes its graph in more than 64 MB")
    model = from_json(text)
    if model.get("format") != "graph-model":
        raise CorruptWeights(f"{where} is no TensorFlow.js graph model; layers models are not read")
    nodes = {}
    for node in model["modelTopology"]["node"]:
        inputs = tuple(name.split(":")[0] for name in node.get("input", []) if name[:1] != "^")
        attributes = {key: _attribute(value) for key, value in node.get("attr", {}).items()}
        nodes[node["name"]] = TfNode(node["name"], node["op"], inputs, attributes)
    ends = [node.name for node in nodes.values() if node.op == "Placeholder"]
    outputs = list(model["signature"]["outputs"].values())
    if len(ends) != 1 or len(outputs) != 1:
        raise CorruptWeights(
            f"{where} has {len(ends)} inputs and {len(outputs)} outputs; one of each is expected"
        )
    result = outputs[0]["name"].split(":")[0]
    return TfGraph(_ordered(nodes, result), _weights(model, read, where), ends[0], result)


def _weights(
    model: dict[str, Any], read: Callable[[str], bytes], where: str
) -> dict[str, NDArray[Any]]:
    weights: dict[str, NDArray[Any]] = {}
    for group in model["weightsManifest"]:
        data = b"".join(read(name) for name in group["paths"])
        place = 0
        for entry in group["weights"]:
            if "quantization" in entry or entry["dtype"] not in _DTYPES:
                raise CorruptWeights(f"{where} has quantised weights; only plain ones are read")
            dtype = np.dtype(_DTYPES[entry["dtype"]])
            count = math.prod(entry["shape"])
            if any(type(side) is not int or side < 0 for side in entry["shape"]):
                raise CorruptWeights(f"{where} has weights of the shape {entry['shape']!r:.80}")
            flat = np.frombuffer(data, dtype.newbyteorder("<"), count, place)
            weights[entry["name"]] = flat.astype(dtype).reshape(entry["shape"])
            place += count * dtype.itemsize
        if place != len(data):
            raise CorruptWeights(f"{where}: the shards hold {len(data)} bytes, {place} are named")
    return weights


def _attribute(value: dict[str, Any]) -> Any:
    """Return one attribute as a plain value; kinds that no operation of ours reads as None."""
    if "b" in value:
        return bool(value["b"])
    if "i" in value:
        return int(value["i"])
    if "s" in value:
        return base64.b64decode(value["s"]).decode("utf-8", "replace")
    if "type" in value:
        return np.dtype(_TYPES[value["type"]]) if value["type"] in _TYPES else None
    if "list" in value and isinstance(value["list"].get("i"), list):
        return tuple(int(item) for item in value["list"]["i"])
    return None


def _ordered(nodes: dict[str, TfNode], result: str) -> tuple[TfNode, ...]:
    """Return the nodes that the result rests on, each after those that it takes from."""
    done: dict[str, TfNode] = {}
    begun: set[str] = set()
    stack = [result]
    while stack:
        name = stack[-1]
        waiting = [] if name in begun else [n for n in nodes[name].inputs if n not in done]
        if name in done or not waiting:
            done.setdefault(name, nodes[name])
            stack.pop()
        else:
            stack += waiting
        if any(n in begun and n not in done for n in waiting):
            raise CorruptWeights(f"the graph runs in a circle at '{name}'")
        begun.add(name)
    return tuple(done.values())
