"""What can be trained: one table of tasks and their networks.

A new network for a task that is there is one line in its ``networks``; a new task is one entry.
Modules are imported when they are asked for.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from unblur.errors import BadValue, nearest
from unblur.files import from_json
from unblur.models.interface import Network
from unblur.toml import from_dict, values_of
from unblur.training.config import DataConfig, TrainConfig
from unblur.training.task import Task

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """One task.

    Attributes:
        task: ``module:class`` of the :class:`unblur.training.task.Task`, within ``training``.
        networks: ``module:class`` of each network, within ``models``, by the name that a config
            asks for; the first is the default.
    """

    task: str
    networks: dict[str, str]

    def task_type(self) -> type[Task[Any]]:
        """Return the class of the task."""
        found: type[Task[Any]] = _named(f"unblur.training.{self.task}")
        return found

    def network_type(self, name: str) -> type[Network]:
        """Return a class of network by the name in a config.

        Raises:
            BadValue: the task has no such network.
        """
        name = name or next(iter(self.networks))
        if name not in self.networks:
            raise BadValue(f"there is no network '{name}' here; {nearest(name, self.networks)}")
        found: type[Network] = _named(f"unblur.models.{self.networks[name]}")
        return found


TASKS: dict[str, Entry] = {
    "kernel": Entry("kernel_task:KernelTask", {"kernel_net": "kernel_net:KernelNet"}),
    "restore": Entry(
        "restore_task:RestoreTask",
        {"restore_net": "restore_net:RestoreNet", "blend_net": "blend_net:BlendNet"},
    ),
    "detect": Entry("detect_task:DetectTask", {"blur_net": "blur_net:BlurNet"}),
    "patches": Entry("patch_task:PatchTask", {"patch_net": "patch_net:PatchNet"}),
    "frame": Entry("frame_task:FrameTask", {"frame_rnn": "frame_rnn:FrameRNN"}),
    "judge": Entry("judge_task:JudgeTask", {"judge_net": "judge_net:JudgeNet"}),
    "map": Entry("map_task:MapTask", {"map_net": "map_net:MapNet"}),
    "fuse": Entry("fuse_task:FuseTask", {"fuse_net": "fuse_net:FuseNet"}),
}
"""All tasks by the name that a config and a network file give them."""

_FLAT_DATA = frozenset(
    {
        "window_px", "crop_px", "crops", "windows", "shard", "repeats", "keep", "val_samples",
        "downscale", "estimated", "true", "none", "clips", "sides_px", "rounds", "search",
        "search_share", "bank", "fused", "kernel_weights", "fuse_weights",
    }
)  # fmt: skip
"""Keys of the one data config that all tasks shared once, as old checkpoints hold it."""


_RENAMED = {"looks": "rounds"}
"""Old names of keys of ``data``; taken until 0.3, with a note."""


def task_of(config: TrainConfig) -> Task[Any]:
    """Return what a config trains.

    Raises:
        BadValue: no such task or network, or the data config of another task.
    """
    entry = entry_of(config.task)
    return entry.task_type()(config, entry.network_type(config.network))


def entry_of(task: str) -> Entry:
    """Return the entry of a task.

    Raises:
        BadValue: there is no such task.
    """
    if task not in TASKS:
        raise BadValue(f"there is no task '{task}'; {nearest(task, TASKS)}")
    return TASKS[task]


def load_config(path: Path) -> TrainConfig:
    """Read a training config.

    Raises:
        BadValue: the file is missing, is not TOML, or has an unknown key or a wrong type.
    """
    return config_from(values_of(path), where=str(path))


def recorded_config(text: str, *, where: str) -> TrainConfig:
    """Read the config that a checkpoint or a network file holds as JSON, an old one too.

    Raises:
        BadValue: an unknown key or a wrong type.
    """
    try:
        values = from_json(text)
    except ValueError as error:
        raise BadValue(f"the config in {where} cannot be read: {error}") from error
    if not isinstance(values, dict) or not isinstance(values.get("data", {}), dict):
        raise BadValue(f"the config in {where} must be an object, with an object 'data'")
    data = values.get("data", {})
    own = _data_type(values, where).__dataclass_fields__
    data = {_RENAMED.get(key, key): value for key, value in data.items()}
    values["data"] = {k: v for k, v in data.items() if k in own or k not in _FLAT_DATA}
    return config_from(values, where=where)


def config_from(values: dict[str, Any], *, where: str) -> TrainConfig:
    """Build a config from plain values.

    Raises:
        BadValue: an unknown key or a wrong type.
    """
    values = dict(values)
    if not isinstance(values.get("data", {}), dict):
        raise BadValue(f"{where}: data must be a table, got {type(values['data']).__name__}")
    own = _data_type(values, where)
    # These two stood beside the data once, for every task.
    for moved in ("hidden", "clip"):
        if moved in values:
            value = values.pop(moved)
            if moved in own.__dataclass_fields__:
                values["data"] = {moved: value, **values.get("data", {})}
    values["data"] = _renamed(values.get("data", {}), own, where)
    return from_dict(TrainConfig, values, where=where, types={"data": own})


def _renamed(data: dict[str, Any], own: type[DataConfig], where: str) -> dict[str, Any]:
    """Return values of the data config by the names of today."""
    out = dict(data)
    for old, new in _RENAMED.items():
        if old in out and new in own.__dataclass_fields__:
            log.warning("%s: data.%s is called %s now; write that", where, old, new)
            out.setdefault(new, out.pop(old))
    return out


def _data_type(values: dict[str, Any], where: str) -> type[DataConfig]:
    if "task" not in values:
        raise BadValue(f"{where}: 'task' is missing; known: {', '.join(TASKS)}")
    try:
        found: type[DataConfig] = entry_of(values["task"]).task_type().data_type
    except (BadValue, TypeError) as error:
        raise BadValue(f"{where}: task must be one of {', '.join(TASKS)}; {error}") from error
    return found


def _named(place: str) -> Any:
    module, name = place.split(":")
    return getattr(import_module(module), name)
