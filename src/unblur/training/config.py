"""Training configs: frozen, typed, read from TOML; unknown keys are errors."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from unblur.blur.clip import ClipRecipe
from unblur.blur.synthesis import SynthesisRecipe
from unblur.errors import BadValue
from unblur.spec import Bank
from unblur.toml import from_toml

Task = Literal["kernel", "restore", "detect", "patches", "frame", "fuse"]


@dataclass(frozen=True)
class DataConfig:
    """Where samples come from and how often each is used.

    Attributes:
        window_px: side of the synthesised windows.
        crop_px: side of the training crops of RestoreNet; KernelNet takes whole windows.
        crops: crops taken of each window.
        windows: windows made at a time for RestoreNet. Of photos that moved alike all over, they
            move as the first one does and are restored with its estimate, which is what takes
            the time.
        shard: samples made at a time; a multiple of the batch.
        repeats: times a shard is trained on, on average, each time differently turned and
            mirrored.
        keep: shards that a repeat is drawn from.
        val_samples: size of the fixed validation set.
        downscale: photos are shrunk by a factor drawn between this and 1.
        estimated, true, none: shares of RestoreNet's samples by the PSF they are given;
            the rest gets a wrong one.
        clips: share of FrameRNN's samples made from sharp clips instead of photos, if there
            are clips.
        search: one more look of KernelNet's, with the answer of the coarse-to-fine search.
        search_share: share of windows that are searched, which takes long; at the others the last
            look is at KernelNet's own answer.
        bank: what RestoreNet is told of the motion, see
            :data:`unblur.restoration.inputs.CHANNELS`.
        sides_px: sides of the windows, each as often; ``window_px`` alone if empty.
        looks: looks that KernelNet takes at each window; each is a sample of KernelNet's, the
            last answer is what RestoreNet's banks are made with.
        fused: share of RestoreNet's estimates that are made as a photo's are: searched, and FuseNet
            having the last word. The others are KernelNet's looks, which take a tenth of the time.
        kernel_weights: ONNX file of the KernelNet whose estimates RestoreNet and further looks
            are trained on.
        fuse_weights: ONNX file of the FuseNet that ``fused`` asks for.
    """

    window_px: int = 256
    crop_px: int = 128
    crops: int = 2
    windows: int = 1
    shard: int = 512
    repeats: int = 2
    keep: int = 12
    val_samples: int = 192
    downscale: float = 0.6
    estimated: float = 0.7
    true: float = 0.15
    none: float = 0.1
    clips: float = 0.3
    sides_px: tuple[int, ...] = ()
    looks: int = 1
    search: bool = False
    search_share: float = 1.0
    bank: Bank = "wiener"
    fused: float = 0.0
    kernel_weights: str = ""
    fuse_weights: str = ""


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


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides a training run, but the photos and the machine.

    Attributes:
        name: of the network; its files are called so.
        task: what is trained.
        seed: of data, weights and order.
        validate_every: steps between validations, checkpoints and log lines.
        widths, depths: of the network's U-Net.
        hidden: learned channels that FrameRNN remembers.
        clip: how FrameRNN's sequences move; their light and noise are ``recipe.camera``.
    """

    name: str
    task: Task
    seed: int = 1
    validate_every: int = 500
    widths: tuple[int, ...] = (24, 40, 72, 112)
    depths: tuple[int, ...] = (1, 1, 2, 2)
    hidden: int = 16
    data: DataConfig = field(default_factory=DataConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    recipe: SynthesisRecipe = field(default_factory=SynthesisRecipe)
    clip: ClipRecipe = field(default_factory=ClipRecipe)

    def __post_init__(self) -> None:
        counts = {
            "data.shard": self.data.shard,
            "data.windows": self.data.windows,
            "data.repeats": self.data.repeats,
            "data.keep": self.data.keep,
            "data.val_samples": self.data.val_samples,
            "optim.steps": self.optim.steps,
            "optim.batch": self.optim.batch,
            "validate_every": self.validate_every,
        }
        for name, value in counts.items():
            if value < 1:
                raise BadValue(f"{name} must be at least 1, got {value}")
        if len(self.widths) != len(self.depths):
            raise BadValue(
                f"widths and depths must be of one length, got {self.widths} and {self.depths}"
            )
        if self.data.shard % self.optim.batch:
            raise BadValue(
                f"data.shard ({self.data.shard}) must be a multiple of "
                f"optim.batch ({self.optim.batch})"
            )


def load_config(path: Path) -> TrainConfig:
    """Read a training config.

    Raises:
        BadValue: the file is missing, is not TOML, or has an unknown key or a wrong type.
    """
    return from_toml(TrainConfig, path)
