"""Training KernelNet: motion features of synthetic windows -> their PSF."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from unblur.color import FloatArray, luma, srgb_to_linear
from unblur.models.kernel_net import KernelNet
from unblur.motion.coarse_to_fine import estimate_psf_map
from unblur.motion.dihedral import turned_at_random
from unblur.motion.features import motion_features
from unblur.motion.frequency import GRID
from unblur.motion.kernel import clean_psf
from unblur.motion.looks import KERNEL_MAPS, first_look, next_look
from unblur.training.config import TrainConfig
from unblur.training.facts import facts_of
from unblur.training.photos import SharpPhotos, Split
from unblur.training.shards import Arrays, SampleMaker
from unblur.training.windows import WindowSamples, window_samples

_SIGMAS_PX = (0.0, 0.7, 1.5, 3.0)
_WEIGHTS = (0.4, 0.3, 0.2, 0.1)
_JUDGED = 2
"""Index of the smoothing at which similarities are told."""


class KernelSamples(WindowSamples):
    """Makes samples: a window of a photo, blurred, its features at each look, and its PSF."""

    def __init__(self, config: TrainConfig, photos: SharpPhotos) -> None:
        from unblur.engines.onnx import OnnxEngine

        super().__init__(config, photos)
        weights = Path(config.data.kernel_weights)
        self._engine = (
            OnnxEngine(weights, task="kernel", threads=1) if config.data.looks > 1 else None
        )

    def __call__(self, rng: np.random.Generator) -> list[Arrays]:
        """Return one sample for each look at one window."""
        pair = self.pair(rng)
        window = luma(srgb_to_linear(pair.blurry))
        features = motion_features(window)
        maps = first_look(features.maps)
        views = [maps]
        for _ in range(self.data.looks - 1):
            views.append(next_look(maps, window, self._answer(views[-1], features.pooled)))
        if self.data.search:
            if rng.random() < self.data.search_share:
                found = estimate_psf_map(window, noise=features.noise)
                answer = np.asarray(found.embedded(GRID), np.float32)
            else:  # as many samples of each window, or a crew could not share a shard
                answer = self._answer(views[-1], features.pooled)
            views.append(next_look(maps, window, answer))
        truth: Arrays = {
            "pooled": features.pooled,
            "psf": pair.psf.embedded(GRID).astype(np.float16),
            "facts": facts_of(pair),
        }
        return [{"maps": view.astype(np.float16), **truth} for view in views]

    def _answer(self, maps: FloatArray, pooled: FloatArray) -> FloatArray:
        """Return KernelNet's PSF, as the next look is given it."""
        assert self._engine is not None
        psf = clean_psf(self._engine(maps[None], pooled[None])[0][0])
        return np.asarray(psf.embedded(GRID), np.float32)


def samples(config: TrainConfig, photos: Path, split: Split) -> Callable[[], SampleMaker]:
    """Return a picklable factory of the sample maker."""
    return window_samples(KernelSamples, config, photos, split)


class KernelTask:
    """Network, augmentation and loss of KernelNet."""

    def __init__(self, config: TrainConfig) -> None:
        self.config = config

    def build(self) -> nn.Module:
        """Return a fresh network."""
        return KernelNet(
            in_maps=len(KERNEL_MAPS), widths=self.config.widths, depths=self.config.depths
        )

    def augment(self, batch: Arrays, rng: np.random.Generator) -> Arrays:
        """Turn and mirror each sample at random; a mirrored photo has mirrored motion."""
        return turned_at_random(batch, KERNEL_MAPS, rng)

    def loss(
        self, network: nn.Module, batch: dict[str, torch.Tensor]
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """Return the loss of a batch and the figures to log."""
        psf, facts = network(batch["maps"], batch["pooled"])
        similarity, apart = compare_psfs(psf, batch["psf"])
        truth = batch["facts"]
        blurred, straight = truth[:, 0], truth[:, 4]
        judged = functional.binary_cross_entropy_with_logits
        length = functional.smooth_l1_loss(facts[:, 2], truth[:, 1])
        angle = ((facts[:, 3:5] - truth[:, 2:4]).square().sum(1) * straight).mean()
        total = (
            weighted(1 - similarity)
            + 0.2 * weighted(apart)
            + 0.1 * judged(facts[:, 0], blurred)
            + 0.1 * judged(facts[:, 1], similarity[:, _JUDGED].detach().clamp(0, 1))
            + 0.05 * length
            + 0.05 * angle
        )
        moving = similarity[blurred > 0.5].detach()
        told = ((facts[:, 0] > 0) == (blurred > 0.5)).float().mean()
        return total, {
            "similarity": float(similarity[:, _JUDGED].detach().mean()),
            "similarity_motion": float(moving[:, _JUDGED].mean()),  # NaN where nothing moves
            "ncc_motion": float(moving[:, 0].mean()),
            "blur_accuracy": float(told),
        }


def weighted(measures: torch.Tensor) -> torch.Tensor:
    """Return the mean of (N, 4) measures over samples and smoothings, the sharp ones first."""
    return (measures.mean(dim=0) * measures.new_tensor(_WEIGHTS)).sum()


def compare_psfs(psf: torch.Tensor, truth: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return cosine similarities and L1 distances of smoothed PSFs.

    Args:
        psf, truth: (N, S, S).

    Returns:
        Two (N, 4) tensors: not smoothed, and with Gaussians of sigma 0.7, 1.5 and 3 px.
    """
    similarities, distances = [], []
    for sigma in _SIGMAS_PX:
        a, b = (_smooth(x, sigma).flatten(1) for x in (psf, truth))
        similarities.append(functional.cosine_similarity(a, b, dim=1))
        distances.append((a - b).abs().sum(dim=1))
    return torch.stack(similarities, 1), torch.stack(distances, 1)


def _smooth(psf: torch.Tensor, sigma: float) -> torch.Tensor:
    if not sigma:
        return psf
    reach = int(3 * sigma + 0.5)
    taps = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma).square())
    taps = taps / taps.sum()
    rows = functional.conv2d(psf[:, None], taps.reshape(1, 1, -1, 1), padding=(reach, 0))
    return functional.conv2d(rows, taps.reshape(1, 1, 1, -1), padding=(0, reach))[:, 0]
