"""The processes that train one network together, by torch.distributed; one alone is a pool too.

Every step, each process takes its part of the same batch and the gradients are averaged, so the
result does not depend on how many there are, but for rounding. Gradients travel as one vector:
the networks are small, and without a wrapper around it a network, its checkpoint and its job are
the same however many processes there are.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import distributed, nn

from unblur.errors import BadValue
from unblur.training.shards import NUMBER, Arrays

T = TypeVar("T")


@dataclass(frozen=True)
class WorkerPool:
    """Who trains along.

    Attributes:
        rank: number of this process.
        size: number of processes.
    """

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this process validates, logs and writes the checkpoint."""
        return self.rank == 0

    @property
    def cache(self) -> str:
        """Name of the folder where this process keeps the samples it makes."""
        return "samples" if self.size == 1 else f"samples-{self.rank}-of-{self.size}"

    def check(self, batch: int) -> None:
        """Refuse a batch that cannot be shared evenly.

        Raises:
            BadValue: uneven parts would weigh samples differently than one process does.
        """
        if batch % self.size:
            raise BadValue(
                f"optim.batch ({batch}) must be a multiple of the number of processes "
                f"({self.size}); choose another number of processes"
            )

    def part(self, batch: Arrays) -> Arrays:
        """Return this process's rows of a batch."""
        return {key: value[self.rank :: self.size] for key, value in batch.items()}

    def joined(self, share: Arrays, size: int) -> Arrays:
        """Return the whole shard of ``size`` samples from what each process made of it."""
        if self.size == 1:
            return share
        shares = self.gathered(share)
        numbers = np.concatenate([s[NUMBER] for s in shares])
        order = np.argsort(numbers, kind="stable")[:size]
        assert (numbers[order] == np.arange(size)).all()
        return {
            key: np.concatenate([s[key] for s in shares])[order] for key in share if key != NUMBER
        }

    def average_gradients(self, network: nn.Module) -> None:
        """Replace the gradients by their means over the pool."""
        if self.size == 1:
            return
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        flat = torch.cat([g.flatten() for g in gradients])
        distributed.all_reduce(flat)
        flat /= self.size
        means = torch.split(flat, [g.numel() for g in gradients])
        for gradient, mean in zip(gradients, means, strict=True):
            gradient.copy_(mean.view_as(gradient))

    def gathered(self, value: T) -> list[T]:
        """Return what every process has, in their order."""
        if self.size == 1:
            return [value]
        values: list[T | None] = [None] * self.size
        distributed.all_gather_object(values, value)
        return values  # type: ignore[return-value]  # every place is filled

    def told(self, value: T) -> T:
        """Return what the first process has."""
        if self.size == 1:
            return value
        box = [value]
        distributed.broadcast_object_list(box, src=0)
        return box[0]


def assemble() -> WorkerPool:
    """Join the pool that ``torchrun`` or :func:`enlist` has called up; else work alone."""
    if not distributed.is_initialized():
        if int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return WorkerPool()
        distributed.init_process_group("gloo")
    return WorkerPool(distributed.get_rank(), distributed.get_world_size())


def disband() -> None:
    """Leave the pool, when all have come to the end."""
    if distributed.is_initialized():
        distributed.barrier()
        distributed.destroy_process_group()


def enlist(count: int, work: Callable[[], object]) -> None:
    """Do the same work in ``count`` processes of this machine that form a pool.

    Args:
        count: of processes.
        work: picklable; finds its pool by :func:`assemble`.

    Raises:
        SystemExit: with the code of the first process that ended early; the others are stopped.
    """
    from torch import multiprocessing

    with tempfile.TemporaryDirectory() as folder:
        place = (Path(folder) / "meeting-place").as_uri()
        try:
            multiprocessing.spawn(_enlisted, (count, place, work), nprocs=count)  # type: ignore
        except multiprocessing.ProcessExitedException as error:  # type: ignore[attr-defined]
            raise SystemExit(error.exit_code) from error


def _enlisted(rank: int, count: int, place: str, work: Callable[[], object]) -> None:
    distributed.init_process_group("gloo", init_method=place, rank=rank, world_size=count)
    work()
