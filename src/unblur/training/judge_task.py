"""Training JudgeNet: what several PSFs made of a blurry window -> which is the best picture.

Windows are blurred with motions of stored pairs (:mod:`unblur.training.psf_pairs`), in either
light. Undone are the estimates of the pair, one of them also corrected, what searches find in this
very window, and what a search finds in the wrong light, in either light: the mistakes are those of
the estimator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from unblur.blur.camera import draw_camera
from unblur.blur.formation import apply_psf
from unblur.blur.psf import Psf
from unblur.blur.register import moved, restored_offset
from unblur.blur.synthesis import Pair
from unblur.color import luma, quantise, to_float
from unblur.models.interface import Network
from unblur.motion.candidates import LONG_SEARCH, PAGE_SEARCH, SMALL_SEARCH
from unblur.motion.coarse_to_fine import estimate_psf_map
from unblur.motion.correction import CORRECTION, corrections
from unblur.motion.features import noise_sigma
from unblur.motion.judge import NUMBERS, network_input
from unblur.motion.tone_estimate import CURVES
from unblur.motion.trial import try_psf
from unblur.psnr import psnr_db
from unblur.tone import ToneCurve
from unblur.training.config import TrainConfig
from unblur.training.pages import draw_page
from unblur.training.paired_samples import pairs_of
from unblur.training.photos import SharpPhotos, Split
from unblur.training.psf_pairs import PsfPair
from unblur.training.shards import Arrays, SampleMaker
from unblur.training.task import Figures, Task
from unblur.training.windows import WindowData, WindowSamples, window_samples

_ESTIMATES = 3
"""Of the pair, tried in each window; now and then one gives way to the true PSF."""

_GREEN = 1
_MOST_DB = 120.0
"""PSNR of a trial that is the truth itself."""


@dataclass(frozen=True)
class JudgeData(WindowData):
    """Data of JudgeNet.

    Attributes:
        crop_px: side of the part of each window that the network is trained on.
        psf_pairs: file of true and estimated PSFs.
        true: share of the windows in which the true PSF is among those tried.
        pages: share of windows that are pages of text.
    """

    crop_px: int = 160
    psf_pairs: str = ""
    true: float = 0.2
    pages: float = 0.1
    counts = (*WindowData.counts, "crop_px")


@dataclass(frozen=True)
class JudgeLoss:
    """What JudgeNet's loss is made of. Chosen by hand.

    Attributes:
        most_db: trials that are worse than the best one by more all count as this much worse.
        choice: weight of the divergence between the shares that scores and PSNR give the trials.
    """

    most_db: float = 6.0
    choice: float = 0.5


LOSS = JudgeLoss()


class JudgeSamples(WindowSamples):
    """Makes samples: a blurry window, its trials, what is known of them, and their PSNR."""

    data: JudgeData

    def __init__(self, config: TrainConfig, photos: SharpPhotos) -> None:
        super().__init__(config, photos)
        self._pairs = pairs_of(Path(self.data.psf_pairs), validation=photos.split != "train")

    def __call__(self, rng: np.random.Generator) -> list[Arrays]:
        """Return one sample."""
        stored = self._pairs[int(rng.integers(len(self._pairs)))]
        stored = stored.turned(int(rng.integers(4)), mirror=bool(rng.random() < 0.5))
        window = self.window(rng)
        if rng.random() < self.data.pages:
            window = draw_page(window.shape[0], window.shape[1], rng)
        camera = draw_camera(self.synthesise.recipe.camera, rng)
        light = self.synthesise.scene(window, camera, rng)
        pair = self.synthesise.developed(
            light, apply_psf(light, stored.true), stored.true, camera, rng
        )
        return [self._sample(pair, self._tried(pair, camera.curve, stored, rng), rng)]

    def _tried(
        self, pair: Pair, curve: ToneCurve, stored: PsfPair, rng: np.random.Generator
    ) -> list[tuple[Psf, ToneCurve]]:
        """Return PSFs and the lights that they are tried in."""
        names = sorted(stored.candidates)
        drawn = np.resize(rng.permutation(len(names)), _ESTIMATES)
        estimates = [stored.candidates[names[i]][0] for i in drawn]
        if rng.random() < self.data.true:
            estimates[0] = stored.true.centred()
        (other,) = (c for c in CURVES if c != curve)
        right, wrong = (
            np.ascontiguousarray(luma(c.to_linear(pair.blurry))) for c in (curve, other)
        )
        ways = (SMALL_SEARCH, PAGE_SEARCH, LONG_SEARCH)
        found = [
            estimate_psf_map(right),
            estimate_psf_map(right, params=ways[int(rng.integers(len(ways)))]),
        ]
        begun = estimates[-1]
        turns = list(corrections(right, begun, noise_sigma(right)))
        corrected = [*turns, *[begun] * (CORRECTION.turns - len(turns))]
        misled = estimate_psf_map(wrong)
        in_wrong_light = [(misled, other), (found[0], other), (misled, curve)]
        return [*((psf, curve) for psf in [*estimates, *found, *corrected]), *in_wrong_light]

    def _sample(
        self,
        pair: Pair,
        tried: list[tuple[Psf, ToneCurve]],
        rng: np.random.Generator,
    ) -> Arrays:
        samples = np.ascontiguousarray(to_float(quantise(pair.blurry, np.dtype("u1")))[..., _GREEN])
        sharp, noise = pair.sharp[..., _GREEN : _GREEN + 1], noise_sigma(samples)
        trials, scores = [], []
        for psf, light in tried:
            trial = try_psf(samples, light, psf, noise).samples
            truth = moved(sharp, restored_offset(psf, pair.psf))[..., 0]
            trials.append(trial)
            scores.append(min(psnr_db(trial, truth, data_range=1), _MOST_DB))
        lengths_px, lights = [psf.length_px() for psf, _ in tried], [light for _, light in tried]
        _, numbers = network_input(samples, trials, lengths_px, noise, lights)
        side = self.data.crop_px
        y, x = (int(rng.integers((n - side) + 1)) for n in samples.shape)
        part = (slice(y, y + side), slice(x, x + side))
        pictures = np.stack([samples[part], *(trial[part] for trial in trials)])
        return {
            "pictures": quantise(pictures, np.dtype("u1")),
            "numbers": numbers,
            "scores": np.array(scores, np.float32),
        }


class JudgeTask(Task[JudgeData]):
    """Network, samples, augmentation and loss of JudgeNet."""

    data_type = JudgeData

    def build(self) -> Network:
        """Return a fresh network."""
        return self.network(numbers=NUMBERS, widths=self.config.widths, depths=self.config.depths)

    def samples(self, photos: Path, split: Split) -> Callable[[], SampleMaker]:
        """Return a picklable factory of the sample maker."""
        return window_samples(JudgeSamples, self.config, photos, split)

    def augment(self, batch: Arrays, rng: np.random.Generator) -> Arrays:
        """Turn and mirror a batch at random."""
        pictures = np.rot90(batch["pictures"], int(rng.integers(4)), axes=(-2, -1))
        if rng.random() < 0.5:
            pictures = pictures[..., ::-1]
        return self.as_it_is({**batch, "pictures": pictures})

    def as_it_is(self, batch: Arrays) -> Arrays:
        """Return an unchanged batch, float32."""
        pictures = np.ascontiguousarray(batch["pictures"], np.float32) / np.float32(255)
        return {
            "pictures": pictures,
            "numbers": batch["numbers"].astype(np.float32),
            "scores": batch["scores"].astype(np.float32),
        }

    def loss(
        self, network: nn.Module, batch: dict[str, torch.Tensor]
    ) -> tuple[torch.Tensor, Figures]:
        """Return the loss of a batch and the figures to log.

        ``chosen_db`` is what the trial of the highest score is better than the mean of a window's
        trials, ``best_db`` what the best one is.
        """
        pictures, scores = batch["pictures"], batch["scores"]
        windows, trials = scores.shape
        pairs = torch.stack(
            [pictures[:, :1].expand(-1, trials, -1, -1), pictures[:, 1:]], dim=2
        ).flatten(0, 1)
        given = network(pairs, batch["numbers"].flatten(0, 1)).reshape(windows, trials)
        given = given - given.mean(dim=1, keepdim=True)
        best = scores.amax(dim=1, keepdim=True)
        counted = torch.maximum(scores, best - LOSS.most_db)
        counted = counted - counted.mean(dim=1, keepdim=True)
        error = functional.smooth_l1_loss(given, counted)
        divergence = functional.kl_div(
            torch.log_softmax(given, dim=1), torch.softmax(counted, dim=1), reduction="batchmean"
        )
        taken = scores.gather(1, given.argmax(dim=1, keepdim=True))
        mean = scores.mean(dim=1, keepdim=True)
        figures = {
            "chosen_db": float((taken - mean).mean()),
            "best_db": float((best - mean).mean()),
        }
        return error + LOSS.choice * divergence, figures
