"""Where a network is trained: on the processor, or on an accelerator that PyTorch sees."""

from __future__ import annotations

import os
from typing import Any, Literal

import torch

from unblur.errors import BadValue, NoSuchDevice

Device = Literal["auto", "cpu", "cuda"]
"""What may be asked for."""


def device_of(asked: Device) -> torch.device:
    """Return the device that is asked for; ``auto`` takes an accelerator if there is one.

    Raises:
        NoSuchDevice: ``cuda`` is asked for and there is none.
    """
    if asked == "cpu":
        return torch.device("cpu")
    if torch.cuda.is_available():
        return torch.device("cuda")
    if asked == "auto":
        return torch.device("cpu")
    built = torch.version.cuda
    why = (
        "this PyTorch is built without CUDA"
        if built is None
        else f"PyTorch (CUDA {built}) sees none"
    )
    raise NoSuchDevice(
        f"there is no CUDA device: {why}; train with --device cpu, or install a PyTorch that fits "
        "the machine's driver"
    )


def check_alone(device: torch.device, processes: int) -> None:
    """Refuse several processes on one accelerator.

    Raises:
        BadValue: they would only take turns on it.
    """
    if device.type != "cpu" and processes > 1:
        raise BadValue(
            f"{processes} processes cannot share one {device.type} device; train in one process, "
            "or with --device cpu"
        )


def workers_for(device: torch.device) -> int:
    """Return how many processes should make samples: one beside a CPU that trains.

    An accelerator waits for samples, so all processors but one make them.
    """
    if device.type == "cpu":
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, (cores or 1) - 1)


def on_cpu(state: Any) -> Any:
    """Return a state (tensors in dicts and lists) with every tensor on the CPU."""
    if isinstance(state, torch.Tensor):
        return state.cpu()
    if isinstance(state, dict):
        return {key: on_cpu(value) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return type(state)(on_cpu(value) for value in state)
    return state
