"""Checkpoints: everything a run needs to go on, written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from unblur.errors import CannotWrite, CorruptWeights


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a state (tensors, numbers, strings and dicts of them) atomically.

    Raises:
        CannotWrite: no space or no permission; an older checkpoint stays as it was.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as stream:
            torch.save(state, stream)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except (OSError, RuntimeError) as error:
        temporary.unlink(missing_ok=True)
        raise CannotWrite(f"cannot write the checkpoint {path}: {error}") from error


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a state; only tensors and plain values are accepted, never code.

    Raises:
        CorruptWeights: the file is missing, damaged or holds something else.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise CorruptWeights(f"cannot read the checkpoint {path}: {error}") from error
    if not isinstance(state, dict):
        raise CorruptWeights(f"{path} is not a checkpoint of this program")
    return state
