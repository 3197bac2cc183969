"""Networks run by ONNX Runtime, on the CPU or another of its providers."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np

from unblur.color import FloatArray
from unblur.engines.sealed import check_sealed, read_network
from unblur.errors import CorruptWeights, EngineFailed, NoSuchDevice, SpecMismatch
from unblur.runtime import ALL_THREADS, CPU, OPENVINO, Runtime, absent, available_cores
from unblur.spec import SPEC_KEY, ModelSpec

__all__ = ["OnnxEngine", "available_cores", "first_line", "open_session", "require_device"]

log = logging.getLogger(__name__)


class OnnxEngine:
    """An ONNX file with a :class:`ModelSpec` in its metadata, ready to run.

    Args:
        path: the file.
        task: what it must be for; None for anything.
        runtime: how it is run.

    Attributes:
        device: short name of the device that computes.

    Raises:
        CorruptWeights: no such file, not ONNX, or without a specification.
        NoSuchDevice: the device that is asked for is not there.
        SpecMismatch: it is for another task.
    """

    def __init__(
        self,
        path: Path,
        *,
        task: str | None,
        runtime: Runtime = ALL_THREADS,
    ) -> None:
        # Frames come one after the other, all of one size: the arena holds one frame's activations
        # and takes no more. Without it the heap, in which they alternate with frames that wait,
        # breaks up, and grew from frame to frame (by 70 to 240 MB at 640 x 360).
        self._session, self.device = open_session(path, runtime, arena=task == "frame")
        text = self._session.get_modelmeta().custom_metadata_map.get(SPEC_KEY)
        if text is None:
            raise CorruptWeights(
                f"{path} has no '{SPEC_KEY}' metadata; it is not one of ours. A network from "
                "elsewhere is put in the model store first: unblur models add FILE"
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


def require_device(runtime: Runtime) -> None:
    """Look whether the device that is asked for is installed, before anything is done.

    Raises:
        NoSuchDevice: it is not.
    """
    import onnxruntime

    runtime.choices(onnxruntime.get_available_providers())


def open_session(source: Path | bytes, runtime: Runtime, *, arena: bool = False) -> tuple[Any, str]:
    """Return an ONNX Runtime session for a file or its bytes, and the device that computes.

    With the provider ``auto``, a device that is installed and does not work is passed over with a
    note in the log.

    Args:
        source: the file or its bytes.
        runtime: how it is run.
        arena: whether the memory of a run is kept for the next one.

    Raises:
        CorruptWeights: no such file, not ONNX, or with weights in other files.
        NoSuchDevice: the device that is asked for is not there, or does not work.
    """
    if isinstance(source, bytes):
        check_sealed(source)
        data, where = source, ""
    else:
        data, where = read_network(source), f" {source}"
    import onnxruntime

    onnxruntime.disable_telemetry_events()  # of Windows; elsewhere see unblur/__init__.py
    available = onnxruntime.get_available_providers()
    for choice in runtime.choices(available):
        try:
            session = _session(data, runtime, choice.providers, arena=arena)
        except Exception as error:
            if choice.device == "cpu" or not _loads(data, runtime):
                raise CorruptWeights(
                    f"cannot load the network{where}: {first_line(error)}"
                ) from error
            fault = first_line(error)
        else:
            # A provider whose libraries are missing is left out by ONNX Runtime without an error.
            if session.get_providers()[0] == choice.providers[0]:
                return session, choice.device
            fault = "it does not start; its driver or libraries are missing"
        if runtime.provider != "auto":
            raise NoSuchDevice(f"{absent(choice.device, available)} ({fault})")
        log.warning("the device '%s' cannot be used (%s); trying the next", choice.device, fault)
    raise NoSuchDevice(absent("cpu", available))


def _session(
    data: bytes, runtime: Runtime, providers: tuple[str, ...], *, arena: bool = False
) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = runtime.computing_threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # It keeps the largest tile's memory for ever; tiles of photos are few and large.
    options.enable_cpu_mem_arena = arena
    options.add_session_config_entry("session.load_model_format", "ONNX")
    # As bytes, so that what is loaded is what was looked at.
    return onnxruntime.InferenceSession(
        data,
        options,
        providers=list(providers),
        # OpenVINO has threads of its own, and does not look at those of the session.
        provider_options=[
            {"num_of_threads": str(runtime.computing_threads())} if name == OPENVINO else {}
            for name in providers
        ],
    )


def _loads(data: bytes, runtime: Runtime) -> bool:
    """Return whether the plain provider takes a network that another did not."""
    try:
        _session(data, runtime, (CPU,))
    except Exception:
        return False
    return True


def first_line(error: Exception) -> str:
    """Return the first line of what an error says, or its kind if it says nothing."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
