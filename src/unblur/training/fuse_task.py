"""Training FuseNet: candidates for how a synthetic window moved -> its PSF."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from unblur.color import luma, srgb_to_linear
from unblur.models.fuse_net import FuseNet
from unblur.models.interface import Network
from unblur.motion.dihedral import turned_at_random
from unblur.motion.frequency import GRID
from unblur.motion.fusion import FUSE_MAPS, MEAN_LOG, fusion_maps
from unblur.motion.guided import KERNEL_MAPS
from unblur.motion.kernel import estimate, observe
from unblur.motion.psf_tools import aligned
from unblur.motion.sources import estimate_shared, searched
from unblur.runtime import ONE_THREAD
from unblur.training.config import TrainConfig
from unblur.training.kernel_task import compare_psfs, estimation_loss
from unblur.training.photos import SharpPhotos, Split
from unblur.training.shards import Arrays, SampleMaker
from unblur.training.targets import targets_of
from unblur.training.task import Figures, Task
from unblur.training.windows import WindowData, WindowSamples, window_samples

_MEAN = KERNEL_MAPS.index("previous")


@dataclass(frozen=True)
class FuseData(WindowData):
    """Data of FuseNet.

    Attributes:
        kernel_weights: ONNX file of the KernelNet whose estimates are fused.
    """

    kernel_weights: str = ""

    def weights_needed(self) -> tuple[str, ...]:
        """Return that a KernelNet must be there first."""
        return ("kernel_weights",)


class FuseSamples(WindowSamples):
    """Makes samples: a window of a photo, blurred, the candidates for how it moved, and its PSF."""

    data: FuseData

    def __init__(self, config: TrainConfig, photos: SharpPhotos) -> None:
        from unblur.engines.onnx import OnnxEngine

        super().__init__(config, photos)
        self._engine = OnnxEngine(Path(self.data.kernel_weights), task="kernel", runtime=ONE_THREAD)

    def __call__(self, rng: np.random.Generator) -> list[Arrays]:
        """Return one sample."""
        pair = self.pair(rng)
        window = luma(srgb_to_linear(pair.blurry))
        observed = observe(window)
        estimated, _, _ = estimate_shared(
            [observed], estimate([observed], self._engine)[0].psf, self._engine
        )
        middle = (window.shape[0] // 2, window.shape[1] // 2)
        found = searched(
            lambda y0, x0, y1, x1: window[y0:y1, x0:x1],
            (window.shape[0], window.shape[1]),
            window,
            middle,
            self._engine,
            runtime=ONE_THREAD,
        )
        maps = fusion_maps(observed, estimated, found)
        # A blurry photo does not tell where its PSF lies.
        psf = aligned(np.asarray(pair.psf.embedded(GRID), np.float32), maps[_MEAN])
        return [
            {
                "maps": maps.astype(np.float16),
                "pooled": observed.features.pooled,
                "psf": psf.astype(np.float16),
                "targets": targets_of(pair),
            }
        ]


class FuseTask(Task[FuseData]):
    """Network and samples of FuseNet; augmentation and loss are KernelNet's."""

    data_type = FuseData

    def build(self) -> Network:
        """Return a fresh network."""
        return self.network(
            mean_at=MEAN_LOG,
            maps=FUSE_MAPS,
            widths=self.config.widths,
            depths=self.config.depths,
        )

    def samples(self, photos: Path, split: Split) -> Callable[[], SampleMaker]:
        """Return a picklable factory of the sample maker."""
        return window_samples(FuseSamples, self.config, photos, split)

    def start(self, network: nn.Module, weights: dict[str, Any]) -> dict[str, Any]:
        """Return weights to begin with; those of a KernelNet will do too."""
        assert isinstance(network, FuseNet)
        known = network.stem.weight.shape == weights["stem.weight"].shape
        return weights if known else network.adopted(weights)

    def augment(self, batch: Arrays, rng: np.random.Generator) -> Arrays:
        """Turn and mirror each sample at random; a mirrored photo has mirrored motion."""
        return turned_at_random(batch, KERNEL_MAPS, rng)

    def loss(
        self, network: nn.Module, batch: dict[str, torch.Tensor]
    ) -> tuple[torch.Tensor, Figures]:
        """Return the loss of a batch and the figures to log."""
        total, figures = estimation_loss(network, batch)
        mean = batch["maps"][:, _MEAN]
        before, _ = compare_psfs(mean / mean.sum(dim=(1, 2), keepdim=True), batch["psf"])
        blurred = batch["targets"][:, 0] > 0.5
        return total, {**figures, "ncc_motion_before": float(before[blurred][:, 0].mean())}
