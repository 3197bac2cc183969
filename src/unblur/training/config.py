"""Training configs: frozen and typed. Each task's data config stands beside its samples."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from unblur.blur.recipe import SynthesisRecipe
from unblur.errors import BadValue


@dataclass(frozen=True)
class DataConfig:
    """Where samples come from and how often each is used: what all tasks have in common.

    Attributes:
        window_px: side of the synthesised windows.
        shard: samples made at a time; a multiple of the batch.
        repeats: times a shard is trained on, on average, each time differently turned and
            mirrored.
        keep: shards that a repeat is drawn from.
        val_samples: size of the fixed validation set.
        downscale: photos are shrunk by a factor drawn between this and 1.
    """

    window_px: int = 256
    shard: int = 512
    repeats: int = 2
    keep: int = 12
    val_samples: int = 192
    downscale: float = 0.6

    counts: ClassVar[tuple[str, ...]] = ("window_px", "shard", "repeats", "keep", "val_samples")
    """Fields that must be at least 1."""

    def __post_init__(self) -> None:
        for name in self.counts:
            if getattr(self, name) < 1:
                raise BadValue(f"data.{name} must be at least 1, got {getattr(self, name)}")

    def weights_needed(self) -> tuple[str, ...]:
        """Return the fields that must name an ONNX file before samples can be made."""
        return ()


@dataclass(frozen=True)
class OptimConfig:
    """How the weights are trained.

    Attributes:
        steps: optimiser steps in all.
        batch: samples per step.
        lr: AdamW's learning rate after warm-up.
        warmup: steps over which it rises from 0.
        cooldown: steps at the end over which it falls to 0.
        ema: decay of the average of the weights that is validated and shipped.
        weight_decay: AdamW's.
        clip_norm: largest gradient norm.
        bf16: whether the network computes in bfloat16 while it is trained; two to four times
            as fast on processors with AMX, slower on most others. Weights, loss and validation
            stay float32; private training does altogether.
    """

    steps: int = 1000
    batch: int = 16
    lr: float = 1e-3
    warmup: int = 100
    cooldown: int = 200
    ema: float = 0.999
    weight_decay: float = 1e-4
    clip_norm: float = 1.0
    bf16: bool = False

    def __post_init__(self) -> None:
        for name in ("steps", "batch"):
            if getattr(self, name) < 1:
                raise BadValue(f"optim.{name} must be at least 1, got {getattr(self, name)}")


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides a training run, but the photos and the machine.

    Attributes:
        name: of the network; its files are called so.
        task: what is trained, a key of :data:`unblur.training.registry.TASKS`.
        network: which of the task's networks; its first if empty.
        seed: of data, weights and order.
        validate_every: steps between validations, checkpoints and log lines.
        widths, depths: channels and residual blocks of the network's levels, finest first.
        data: samples, of the class that the task asks for.
        optim: how the weights are trained.
        recipe: how photos are blurred.
    """

    name: str
    task: str
    network: str = ""
    seed: int = 1
    validate_every: int = 500
    widths: tuple[int, ...] = (24, 40, 72, 112)
    depths: tuple[int, ...] = (1, 1, 2, 2)
    data: DataConfig = field(default_factory=DataConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    recipe: SynthesisRecipe = field(default_factory=SynthesisRecipe)

    def __post_init__(self) -> None:
        if self.validate_every < 1:
            raise BadValue(f"validate_every must be at least 1, got {self.validate_every}")
        if len(self.widths) != len(self.depths):
            raise BadValue(
                f"widths and depths must be of one length, got {self.widths} and {self.depths}"
            )
        if self.data.shard % self.optim.batch:
            raise BadValue(
                f"data.shard ({self.data.shard}) must be a multiple of "
                f"optim.batch ({self.optim.batch})"
            )
