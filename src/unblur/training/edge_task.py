"""Training EdgeNet: blurry windows and poor PSFs -> edges from which the true PSF follows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from unblur.blur.psf import Psf
from unblur.color import FloatArray, luma, srgb_to_linear
from unblur.models.edge_net import EdgeNet
from unblur.motion.coarse_to_fine import estimate_psf_map
from unblur.motion.edges import FAINT, FLOOR, edge_inputs, edge_views
from unblur.motion.frequency import GRID
from unblur.motion.kernel import look, see
from unblur.motion.looks import plausible
from unblur.training.config import TrainConfig
from unblur.training.kernel_task import SIGMAS_PX, smooth, weighted
from unblur.training.photos import SharpPhotos, Split
from unblur.training.shards import Arrays, SampleMaker
from unblur.training.windows import WindowSamples, window_samples

_CROPS_PX = (256, 256, 320)
_PASSES = 2
_MOST_SHIFT_PX = 6


class EdgeSamples(WindowSamples):
    """Makes samples: a blurred window, its PSF, and a PSF to begin with."""

    def __init__(self, config: TrainConfig, photos: SharpPhotos) -> None:
        from unblur.engines.onnx import OnnxEngine

        super().__init__(config, photos)
        self._engine = OnnxEngine(Path(config.data.kernel_weights), task="kernel", threads=1)

    def __call__(self, rng: np.random.Generator) -> list[Arrays]:
        """Return one sample."""
        pair = self.pair(rng)
        window = luma(srgb_to_linear(pair.blurry))
        seen = see(window)
        estimate = look([seen], self._engine)[0]
        for _ in range(int(rng.integers(self.data.looks))):
            estimate = look([seen], self._engine, answers=[estimate.psf])[0]
        begun = estimate.psf
        if rng.random() < self.data.search:
            initial = begun if rng.random() < 0.5 else None
            begun = estimate_psf_map(window, initial=initial, noise=estimate.noise)
        return [
            {
                "window": window.astype(np.float16),
                "noise": np.float32(estimate.noise),
                "begun": _grid(begun).astype(np.float16),
                "psf": _grid(pair.psf.centred()).astype(np.float16),
            }
        ]


def _grid(psf: Psf) -> FloatArray:
    return np.asarray(psf.embedded(GRID), np.float32)


def samples(config: TrainConfig, photos: Path, split: Split) -> Callable[[], SampleMaker]:
    """Return a picklable factory of the sample maker."""
    return window_samples(EdgeSamples, config, photos, split)


class EdgeTask:
    """Network, augmentation and loss of EdgeNet."""

    def __init__(self, config: TrainConfig) -> None:
        self.config = config

    def build(self) -> nn.Module:
        """Return a fresh network."""
        return EdgeNet(widths=self.config.widths, depths=self.config.depths)

    def augment(self, batch: Arrays, rng: np.random.Generator) -> Arrays:
        """Crop, turn and mirror a batch at random.

        Even grids have no middle: turning moves the PSFs by a pixel. All that is compared does
        not depend on where a PSF lies.
        """
        side = min(int(rng.choice(_CROPS_PX)), batch["window"].shape[-1])
        y, x = (int(rng.integers(batch["window"].shape[-1] - side + 1)) for _ in range(2))
        turns, mirror = int(rng.integers(4)), rng.random() < 0.5
        out = {**batch, "window": batch["window"][:, y : y + side, x : x + side]}
        for key in ("window", "begun", "psf"):
            turned = np.rot90(out[key].astype(np.float32), turns, axes=(1, 2))
            out[key] = turned[..., ::-1] if mirror else turned
        return out

    def loss(
        self, network: nn.Module, batch: dict[str, torch.Tensor]
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """Return the loss of a batch and the figures to log.

        The second pass begins with what the first has found, as at use.
        """
        windows, noises = batch["window"].numpy(), batch["noise"].numpy()
        views = [edge_views(w, float(n)) for w, n in zip(windows, noises, strict=True)]
        observed = _slopes(torch.from_numpy(np.stack([v[0] for v in views])))
        usable = torch.from_numpy(np.stack([v[1] for v in views]))[:, None]
        truth, answers = batch["psf"], list(batch["begun"].numpy())
        figures = {"ncc_begun": float(best_similarity(batch["begun"], truth)[:, 0].mean())}
        total = truth.new_zeros(())
        for number in range(1, _PASSES + 1):
            inputs = np.stack(
                [edge_inputs(*view, answer) for view, answer in zip(views, answers, strict=True)]
            )
            edges = network(torch.from_numpy(inputs))
            found = psf_of(edges * usable, observed * usable)
            similarity = best_similarity(found, truth)
            total = total + weighted(1 - similarity) / _PASSES
            figures[f"ncc_{number}"] = float(similarity.detach()[:, 0].mean())
            answers = [plausible(psf) for psf in found.detach().numpy()]
        return total, figures


def psf_of(edges: torch.Tensor, observed: torch.Tensor) -> torch.Tensor:
    """Return the PSFs (N, GRID, GRID) that best turn edges into the observed slopes.

    As :func:`unblur.motion.frequency.quotient` does, but with a gradient; faint values are cut.

    Args:
        edges, observed: (N, 2, H, W).
    """
    guess, seen = torch.fft.rfft2(edges), torch.fft.rfft2(observed)
    cross = (guess.conj() * seen).sum(1)
    power = guess.abs().square().sum(1)
    least = FLOOR * power.mean(dim=(1, 2), keepdim=True) + 1e-9
    periodic = torch.fft.irfft2(cross / (power + least), s=edges.shape[2:])
    grid = torch.roll(periodic, (GRID // 2, GRID // 2), (1, 2))[:, :GRID, :GRID]
    grid = torch.relu(grid - FAINT * grid.amax(dim=(1, 2), keepdim=True).detach())
    return grid / grid.sum(dim=(1, 2), keepdim=True).clamp_min(1e-9)


def best_similarity(psf: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Return cosine similarities (N, 4) of PSFs (N, S, S), shifted to match, at each smoothing."""
    measures = []
    for sigma in SIGMAS_PX:
        a, b = smooth(psf, sigma), smooth(truth, sigma)
        correlation = torch.fft.irfft2(torch.fft.rfft2(a).conj() * torch.fft.rfft2(b))
        near = torch.roll(correlation, (_MOST_SHIFT_PX, _MOST_SHIFT_PX), (1, 2))
        near = near[:, : 2 * _MOST_SHIFT_PX + 1, : 2 * _MOST_SHIFT_PX + 1]
        norms = (a.square().sum(dim=(1, 2)) * b.square().sum(dim=(1, 2))).sqrt()
        measures.append(near.amax(dim=(1, 2)) / norms.clamp_min(1e-9))
    return torch.stack(measures, 1)


def _slopes(planes: torch.Tensor) -> torch.Tensor:
    """Return periodic forward differences (N, 2, H, W) along x and y."""
    return torch.stack([torch.roll(planes, -1, axis) - planes for axis in (2, 1)], 1)
