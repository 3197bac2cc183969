"""The seam between the loop and what is trained: a network, its samples and its loss."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import torch
from torch import nn

from unblur.errors import BadValue
from unblur.models.interface import Network
from unblur.training.config import DataConfig, TrainConfig
from unblur.training.photos import Split
from unblur.training.shards import Arrays, SampleMaker

Data = TypeVar("Data", bound=DataConfig)

Figures = dict[str, float]
"""What is logged, by name; NaN where a batch cannot tell."""


class Task(Generic[Data]):
    """Base of the tasks.

    Args:
        config: of the run; its ``data`` must be of the class ``data_type``.
        network: the class of network to train, for those tasks that know several.

    Raises:
        BadValue: ``config.data`` is another task's.
    """

    data_type: type[Data]
    """Class of the task's data config."""

    private: ClassVar[bool] = False
    """Whether it can be trained privately: its loss is a mean over samples of independent losses,
    and its layers have gradients per sample."""

    def __init__(self, config: TrainConfig, network: type[Network]) -> None:
        if not isinstance(config.data, self.data_type):
            raise BadValue(
                f"the task '{config.task}' needs data of {self.data_type.__name__}, "
                f"got {type(config.data).__name__}"
            )
        self.config = config
        self.data: Data = config.data
        self.network = network

    def build(self) -> Network:
        """Return a fresh network, its weights drawn from PyTorch's generator."""
        raise NotImplementedError

    def samples(self, photos: Path, split: Split) -> Callable[[], SampleMaker]:
        """Return a picklable factory of the sample maker.

        Args:
            photos: folder of sharp photos.
            split: which of them.
        """
        raise NotImplementedError

    def augment(self, batch: Arrays, rng: np.random.Generator) -> Arrays:
        """Return a randomly changed batch, float32."""
        raise NotImplementedError

    def as_it_is(self, batch: Arrays) -> Arrays:
        """Return an unchanged batch, float32: what is validated on."""
        return {key: value.astype(np.float32) for key, value in batch.items()}

    def loss(
        self, network: nn.Module, batch: dict[str, torch.Tensor]
    ) -> tuple[torch.Tensor, Figures]:
        """Return the loss of a batch and figures to log."""
        raise NotImplementedError

    def start(self, network: nn.Module, weights: dict[str, Any]) -> dict[str, Any]:
        """Return the weights that a new run begins with, made of those of another run."""
        del network
        return weights

    def spec_fields(self) -> dict[str, Any]:
        """Return what an exported file says of itself besides its interface."""
        return {}
