"""Networks run by ONNX Runtime on the CPU."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from unblur.color import FloatArray
from unblur.engines.sealed import check_sealed, read_network
from unblur.errors import CorruptWeights, EngineFailed, SpecMismatch
from unblur.spec import SPEC_KEY, ModelSpec


class OnnxEngine:
    """An ONNX file with a :class:`ModelSpec` in its metadata, ready to run.

    Args:
        path: the file.
        task: what it must be for; None for anything.
        threads: computing threads; the number of processors of this process if omitted.

    Raises:
        CorruptWeights: no such file, not ONNX, or without a specification.
        SpecMismatch: it is for another task.
    """

    def __init__(self, path: Path, *, task: str | None, threads: int | None = None) -> None:
        self._session = open_session(path, threads)
        text = self._session.get_modelmeta().custom_metadata_map.get(SPEC_KEY)
        if text is None:
            raise CorruptWeights(
                f"{path} has no '{SPEC_KEY}' metadata; it is not one of ours. A network from "
                "elsewhere is put on the shelf first: unblur models add FILE"
            )
        self.spec = ModelSpec.from_json(text, where=str(path))
        if task is not None and self.spec.task != task:
            raise SpecMismatch(f"{path} is a '{self.spec.task}' network, '{task}' is needed")
        self._names = [node.name for node in self._session.get_inputs()]
        self._check_inputs(path)

    def _check_inputs(self, path: Path) -> None:
        """Refuse a file whose specification tells of other inputs than its graph has."""
        if not self.spec.inputs:
            return  # of before files told of them
        graph = {node.name: node.shape[1] for node in self._session.get_inputs()}
        told = {name: len(channels) for name, channels in self.spec.inputs.items()}
        if graph != told:
            raise CorruptWeights(f"{path} says that it takes {told} channels, but takes {graph}")

    def __call__(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """Run the network; see :class:`unblur.engines.base.Engine`."""
        if len(inputs) != len(self._names):
            raise SpecMismatch(
                f"{self.spec.name} takes {len(self._names)} inputs, {len(inputs)} are given; it "
                "was made by another version of unblur"
            )
        feed = {
            name: np.ascontiguousarray(value, dtype=np.float32)
            for name, value in zip(self._names, inputs, strict=True)
        }
        try:
            return tuple(self._session.run(None, feed))
        except Exception as error:
            raise EngineFailed(f"{self.spec.name} failed: {first_line(error)}") from error


def open_session(source: Path | bytes, threads: int | None) -> Any:
    """Return an ONNX Runtime session on the CPU for a file or its bytes.

    Raises:
        CorruptWeights: no such file, not ONNX, or with weights in other files.
    """
    if isinstance(source, bytes):
        check_sealed(source)
        data, where = source, ""
    else:
        data, where = read_network(source), f" {source}"
    import onnxruntime

    onnxruntime.disable_telemetry_events()  # of Windows; elsewhere see unblur/__init__.py
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or available_cores()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # The arena keeps the largest tile's memory for ever; tiles are few and large.
    options.enable_cpu_mem_arena = False
    options.add_session_config_entry("session.load_model_format", "ONNX")
    try:
        # As bytes, so that what is loaded is what was looked at.
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise CorruptWeights(f"cannot load the network{where}: {first_line(error)}") from error


def available_cores() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def first_line(error: Exception) -> str:
    """Return the first line of what an error says, or its kind if it says nothing."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
