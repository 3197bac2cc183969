"""How networks are run: on how many threads, by which of ONNX Runtime's providers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from unblur.errors import BadValue, NoSuchDevice, nearest

Device = Literal["auto", "cpu", "openvino", "cuda", "coreml", "directml"]
"""What may be asked for; ``auto`` takes the first of AUTO that is there."""

DEVICES: tuple[Device, ...] = get_args(Device)

VARIABLE = "UNBLUR_DEVICE"
"""Environment variable that names the device where none is given. It is read where a call or a
command begins; what that decides goes on as a :class:`Runtime`, to worker processes too."""

_WINDOWS_AT_ONCE = 2
"""Windows or searches worked on at the same time at most: each holds tens of megabytes."""

CPU, OPENVINO = "CPUExecutionProvider", "OpenVINOExecutionProvider"
"""ONNX Runtime's own names of the two that are told apart elsewhere."""

_NAMES = {
    "cpu": CPU,
    "openvino": OPENVINO,
    "cuda": "CUDAExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
}
"""ONNX Runtime's own names."""

_INSTALL = {
    "openvino": "pip install onnxruntime-openvino, in place of onnxruntime",
    "cuda": "pip install onnxruntime-gpu, in place of onnxruntime, beside an NVIDIA driver",
    "coreml": "it comes with onnxruntime on macOS only",
    "directml": "pip install onnxruntime-directml, in place of onnxruntime, on Windows",
}
"""How each provider is got. All of these packages hold the one module ``onnxruntime``, so no extra
of this package can add one beside the plain one."""

AUTO = ("cuda", "coreml", "directml", "openvino", "cpu")
"""Order in which ``auto`` looks: graphics first, then the faster way to use the processor."""


@dataclass(frozen=True)
class Choice:
    """A provider that was chosen.

    Attributes:
        device: its short name.
        providers: ONNX Runtime's names, in order; what the first cannot run, the next does.
    """

    device: str
    providers: tuple[str, ...]


@dataclass(frozen=True)
class Runtime:
    """How networks are run; results differ between devices by rounding.

    Attributes:
        threads: computing threads; as many as this process has processors if None.
        provider: which of ONNX Runtime's providers computes, a short name of DEVICES.
        tiles_at_once: tiles of a photo that are restored at a time; by the threads if None.

    Raises:
        BadValue: no such provider, or numbers below 1.
    """

    threads: int | None = None
    provider: Device = "cpu"
    tiles_at_once: int | None = None

    def __post_init__(self) -> None:
        if self.provider not in DEVICES:
            raise BadValue(
                f"there is no device '{self.provider}'; {nearest(self.provider, DEVICES)}"
            )
        for name in ("threads", "tiles_at_once"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise BadValue(f"{name} must be at least 1, got {value}")

    @classmethod
    def of_process(cls, threads: int | None = None) -> Runtime:
        """Return the runtime that the environment asks for, on so many threads.

        Raises:
            BadValue: the environment variable names no device.
        """
        asked = os.environ.get(VARIABLE) or "cpu"
        return cls(threads=threads, provider=asked)  # type: ignore[arg-type]  # it looks itself

    def computing_threads(self) -> int:
        """Return the number of threads."""
        return self.threads or available_cores()

    def windows_at_once(self) -> int:
        """Return how many windows or searches are worked on at the same time."""
        return min(_WINDOWS_AT_ONCE, self.computing_threads())

    def on_threads(self, threads: int) -> Runtime:
        """Return the same with another number of threads.

        Raises:
            BadValue: a number below 1.
        """
        return replace(self, threads=threads)

    def choices(self, available: Sequence[str]) -> list[Choice]:
        """Return the providers to try, in order.

        Args:
            available: ONNX Runtime's names of those that are installed.

        Raises:
            NoSuchDevice: the one that is asked for is not installed.
        """
        if self.provider == "auto":
            return [_choice(name) for name in AUTO if _NAMES[name] in available]
        if _NAMES[self.provider] not in available:
            raise NoSuchDevice(absent(self.provider, available))
        return [_choice(self.provider)]


ALL_THREADS, ONE_THREAD = Runtime(), Runtime(threads=1)
"""The processor with all its threads, and with one: results that others must get again."""


def absent(device: str, available: Sequence[str]) -> str:
    """Return in words that a device is not there, and how to get it."""
    short = [name for name, long in _NAMES.items() if long in available]
    return (
        f"the device '{device}' is not there: this ONNX Runtime has {', '.join(short) or 'none'}; "
        f"{_INSTALL.get(device, 'install onnxruntime again')}, or take --device auto"
    )


def available_cores() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def _choice(device: str) -> Choice:
    name = _NAMES[device]
    return Choice(device, (name,) if name == CPU else (name, CPU))
