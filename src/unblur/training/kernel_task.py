"""Training KernelNet: motion features of synthetic windows -> their PSF."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from unblur.color import FloatArray, luma, srgb_to_linear
from unblur.models.interface import Network
from unblur.motion.coarse_to_fine import estimate_psf_map
from unblur.motion.dihedral import turned_at_random
from unblur.motion.features import motion_features
from unblur.motion.frequency import GRID
from unblur.motion.guided import KERNEL_MAPS, guided, unguided
from unblur.motion.psf_tools import clean_psf
from unblur.runtime import ONE_THREAD
from unblur.training.config import TrainConfig
from unblur.training.photos import SharpPhotos, Split
from unblur.training.shards import Arrays, SampleMaker
from unblur.training.targets import targets_of
from unblur.training.task import Figures, Task
from unblur.training.windows import WindowData, WindowSamples, window_samples


@dataclass(frozen=True)
class KernelData(WindowData):
    """Data of KernelNet.

    Attributes:
        rounds: estimates of each window, each with the PSF of the one before; each
            is a sample.
        search: one more, from what the coarse-to-fine search found.
        search_share: share of windows that are searched, which takes long; at the others the
            last is from KernelNet's own estimate.
        kernel_weights: ONNX file of the KernelNet with whose estimates the later ones begin.
    """

    rounds: int = 1
    search: bool = False
    search_share: float = 1.0
    kernel_weights: str = ""

    def weights_needed(self) -> tuple[str, ...]:
        """Return whether a KernelNet must be there first."""
        return ("kernel_weights",) if self.rounds > 1 else ()


@dataclass(frozen=True)
class KernelLoss:
    """What KernelNet's loss is made of. Chosen by hand for the first KernelNet and kept since.

    Attributes:
        sigmas_px: Gaussians that both PSFs are smoothed with before they are compared: a PSF that
            is off by a pixel is nearly right, a smooth one is not sharp.
        shares: of each smoothing; they sum to 1.
        judged: index of the smoothing at which similarities are logged and foretold.
        apart: weight of the L1 distance, beside one minus the cosine similarity.
        verdicts: weight of the cross-entropies, of blurred or not and of the similarity foretold.
        shape: weight of the errors of length (octaves) and angle (doubled, unit vector).
    """

    sigmas_px: tuple[float, ...] = (0.0, 0.7, 1.5, 3.0)
    shares: tuple[float, ...] = (0.4, 0.3, 0.2, 0.1)
    judged: int = 2
    apart: float = 0.2
    verdicts: float = 0.1
    shape: float = 0.05


LOSS = KernelLoss()


class KernelSamples(WindowSamples):
    """Makes samples: a window of a photo, blurred, its features at each estimate, and its PSF."""

    data: KernelData

    def __init__(self, config: TrainConfig, photos: SharpPhotos) -> None:
        from unblur.engines.onnx import OnnxEngine

        super().__init__(config, photos)
        weights = Path(self.data.kernel_weights)
        self._engine = (
            OnnxEngine(weights, task="kernel", runtime=ONE_THREAD) if self.data.rounds > 1 else None
        )

    def __call__(self, rng: np.random.Generator) -> list[Arrays]:
        """Return one sample for each estimate of one window."""
        pair = self.pair(rng)
        window = luma(srgb_to_linear(pair.blurry))
        features = motion_features(window)
        maps = unguided(features.maps)
        views = [maps]
        for _ in range(self.data.rounds - 1):
            views.append(guided(maps, window, self._estimated(views[-1], features.pooled)))
        if self.data.search:
            if rng.random() < self.data.search_share:
                found = estimate_psf_map(window, noise=features.noise)
                psf = np.asarray(found.embedded(GRID), np.float32)
            else:  # as many samples of each window, or a pool could not share a shard
                psf = self._estimated(views[-1], features.pooled)
            views.append(guided(maps, window, psf))
        truth: Arrays = {
            "pooled": features.pooled,
            "psf": pair.psf.embedded(GRID).astype(np.float16),
            "targets": targets_of(pair),
        }
        return [{"maps": view.astype(np.float16), **truth} for view in views]

    def _estimated(self, maps: FloatArray, pooled: FloatArray) -> FloatArray:
        """Return KernelNet's PSF, as the next estimate is given it."""
        assert self._engine is not None
        psf = clean_psf(self._engine(maps[None], pooled[None])[0][0])
        return np.asarray(psf.embedded(GRID), np.float32)


class KernelTask(Task[KernelData]):
    """Network, samples, augmentation and loss of KernelNet."""

    data_type = KernelData

    def build(self) -> Network:
        """Return a fresh network."""
        config = self.config
        return self.network(maps=KERNEL_MAPS, widths=config.widths, depths=config.depths)

    def samples(self, photos: Path, split: Split) -> Callable[[], SampleMaker]:
        """Return a picklable factory of the sample maker."""
        return window_samples(KernelSamples, self.config, photos, split)

    def augment(self, batch: Arrays, rng: np.random.Generator) -> Arrays:
        """Turn and mirror each sample at random; a mirrored photo has mirrored motion."""
        return turned_at_random(batch, KERNEL_MAPS, rng)

    def loss(
        self, network: nn.Module, batch: dict[str, torch.Tensor]
    ) -> tuple[torch.Tensor, Figures]:
        """Return the loss of a batch and the figures to log."""
        return estimation_loss(network, batch)


def estimation_loss(
    network: nn.Module, batch: dict[str, torch.Tensor]
) -> tuple[torch.Tensor, Figures]:
    """Return the loss of a network that estimates PSFs, and figures to log.

    Args:
        network: (maps, pooled) -> (PSFs, summaries), see
            :class:`unblur.models.kernel_net.KernelNet`.
        batch: maps, pooled, psf and targets, as :class:`KernelSamples` makes them.
    """
    psf, summary = network(batch["maps"], batch["pooled"])
    similarity, apart = compare_psfs(psf, batch["psf"])
    truth = batch["targets"]
    blurred, straight = truth[:, 0], truth[:, 4]
    judged = functional.binary_cross_entropy_with_logits
    length = functional.smooth_l1_loss(summary[:, 2], truth[:, 1])
    angle = ((summary[:, 3:5] - truth[:, 2:4]).square().sum(1) * straight).mean()
    total = (
        weighted(1 - similarity)
        + LOSS.apart * weighted(apart)
        + LOSS.verdicts * judged(summary[:, 0], blurred)
        + LOSS.verdicts * judged(summary[:, 1], similarity[:, LOSS.judged].detach().clamp(0, 1))
        + LOSS.shape * length
        + LOSS.shape * angle
    )
    moving = similarity[blurred > 0.5].detach()
    accuracy = ((summary[:, 0] > 0) == (blurred > 0.5)).float().mean()
    return total, {
        "similarity": float(similarity[:, LOSS.judged].detach().mean()),
        "similarity_motion": float(moving[:, LOSS.judged].mean()),  # NaN where nothing moves
        "ncc_motion": float(moving[:, 0].mean()),
        "blur_accuracy": float(accuracy),
    }


def weighted(measures: torch.Tensor) -> torch.Tensor:
    """Return the mean of (N, 4) measures over samples and smoothings, the sharp ones first."""
    return (measures.mean(dim=0) * measures.new_tensor(LOSS.shares)).sum()


def compare_psfs(psf: torch.Tensor, truth: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return cosine similarities and L1 distances of smoothed PSFs.

    Args:
        psf, truth: (N, S, S).

    Returns:
        Two (N, 4) tensors: not smoothed, and with Gaussians of sigma 0.7, 1.5 and 3 px.
    """
    similarities, distances = [], []
    for sigma in LOSS.sigmas_px:
        a, b = (_smooth(x, sigma).flatten(1) for x in (psf, truth))
        similarities.append(functional.cosine_similarity(a, b, dim=1))
        distances.append((a - b).abs().sum(dim=1))
    return torch.stack(similarities, 1), torch.stack(distances, 1)


def _smooth(psf: torch.Tensor, sigma: float) -> torch.Tensor:
    if not sigma:
        return psf
    reach = int(3 * sigma + 0.5)
    taps = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, device=psf.device) / sigma).square())
    taps = taps / taps.sum()
    rows = functional.conv2d(psf[:, None], taps.reshape(1, 1, -1, 1), padding=(reach, 0))
    return functional.conv2d(rows, taps.reshape(1, 1, 1, -1), padding=(0, reach))[:, 0]
