"""Configs of tiny networks, one of each task."""

import dataclasses

from unblur.blur import SynthesisRecipe
from unblur.training.config import OptimConfig, TrainConfig
from unblur.training.kernel_task import KernelData
from unblur.training.registry import entry_of

TINY = TrainConfig(
    name="tiny",
    task="kernel",
    validate_every=4,
    widths=(4, 8),
    depths=(1, 1),
    data=KernelData(shard=16, repeats=2, keep=2, val_samples=8, window_px=128),
    optim=OptimConfig(steps=10, batch=4, warmup=2, cooldown=2, lr=2e-3),
    recipe=SynthesisRecipe(),
)


def of_task(task, config=TINY, **data):
    """Return a config as one of another task, what their data have in common kept."""
    data_type = entry_of(task).task_type().data_type
    names = {field.name for field in dataclasses.fields(data_type)}
    kept = {key: value for key, value in vars(config.data).items() if key in names}
    return dataclasses.replace(config, task=task, data=data_type(**{**kept, **data}))
