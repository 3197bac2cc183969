"""Training RestoreNet: blurry windows and banks made with *estimated* PSFs -> sharp windows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from unblur.blur.kinds import UNIFORM
from unblur.blur.psf import Psf
from unblur.blur.register import moved, restored_offset
from unblur.blur.synthesis import Pair
from unblur.color import FloatArray, luma, srgb_to_linear
from unblur.engines.base import Engine
from unblur.models.restore_net import RestoreNet
from unblur.motion.kernel import estimate_psfs
from unblur.motion.refinement import look_again_shared
from unblur.restoration.inputs import CHANNELS, network_input
from unblur.restoration.noise import noise_beside_motion
from unblur.training.config import TrainConfig
from unblur.training.photos import SharpPhotos, Split
from unblur.training.shards import Arrays, SampleMaker
from unblur.training.windows import WindowSamples, window_samples

_CHARBONNIER = 1e-3
_NEEDY_DB = 35.0
"""PSNR of blurry crops below which there is something to gain; a nearly perfect one can lose many
dB by a change that nobody sees, and would drown the rest in the mean."""


@dataclass(frozen=True)
class _BankPsf:
    """The PSF that a bank is made with, and whether it tells of the photo's motion at all."""

    psf: Psf
    confidence: float
    told: bool


class RestoreSamples(WindowSamples):
    """Makes samples: crops of a blurred window, its bank, and its sharp original.

    Motion is estimated only for the samples whose bank is made with an estimate.
    """

    def __init__(self, config: TrainConfig, photos: SharpPhotos) -> None:
        from unblur.engines.onnx import OnnxEngine

        super().__init__(config, photos)
        self._engine: Engine | None = None
        if config.data.bank != "none":
            self._engine = OnnxEngine(Path(config.data.kernel_weights), task="kernel", threads=1)
        self._fuse_engine: Engine | None = None
        if config.data.fused:
            self._fuse_engine = OnnxEngine(Path(config.data.fuse_weights), task="fuse", threads=1)

    def __call__(self, rng: np.random.Generator) -> list[Arrays]:
        """Return ``data.crops`` samples of each of ``data.windows`` windows."""
        made: list[Arrays] = []
        pair: Pair | None = None
        for _ in range(self.data.windows):
            if pair is not None and pair.kind in UNIFORM:
                # What an estimate gets wrong, it may get wrong of any photo that moved alike.
                pair = self.synthesise.alike(self.window(rng), pair, rng)
            else:
                pair = self.pair(rng)
                bank = self._choose(pair, rng)
            made += self._crops(pair, bank, rng)
        return made

    def _crops(self, pair: Pair, bank: _BankPsf, rng: np.random.Generator) -> list[Arrays]:
        """Return crops of a window, its bank, and its sharp original where the bank puts it."""
        data, psf = self.data, bank.psf
        noise = noise_beside_motion(luma(srgb_to_linear(pair.blurry)), psf)
        everywhere = np.ones(pair.blurry.shape[:2], np.float32)
        image = network_input(data.bank, pair.blurry, [(psf, everywhere)], bank.confidence, noise)
        target = _registered(pair, psf) if bank.told else pair.sharp
        sharp = np.moveaxis(target, 2, 0)
        return [_crop(image, sharp, data.crop_px, rng) for _ in range(data.crops)]

    def _choose(self, pair: Pair, rng: np.random.Generator) -> _BankPsf:
        """Pick the PSF of the bank: mostly the estimate, sometimes the truth, none or a lie."""
        if self._engine is None:
            return _BankPsf(Psf.delta(), 0.0, told=False)
        data, draw = self.data, rng.random()
        if draw < data.estimated:
            flat = luma(srgb_to_linear(pair.blurry))
            # Nothing is drawn where none is asked for, so that earlier seeds keep their samples.
            if data.fused and rng.random() < data.fused:
                return self._fused(flat)
            estimate = estimate_psfs([flat], self._engine, looks=data.looks)[0]
            return _BankPsf(estimate.psf, estimate.confidence, told=True)
        if draw < data.estimated + data.true:
            return _BankPsf(pair.psf.centred(), 1.0, told=True)
        if draw < data.estimated + data.true + data.none:
            return _BankPsf(Psf.delta(), 0.0, told=False)
        lie = self.synthesise.draw_psf("shake", rng).centred()
        return _BankPsf(lie, float(rng.uniform(0, 0.6)), told=False)

    def _fused(self, flat: FloatArray) -> _BankPsf:
        """Estimate the PSF as a photo's is, at ten times the price of looks alone."""
        assert self._engine is not None
        first = estimate_psfs([flat], self._engine)[0].psf
        shape = (flat.shape[0], flat.shape[1])
        psf, confidence, _ = look_again_shared(
            lambda y0, x0, y1, x1: flat[y0:y1, x0:x1], shape, first, self._engine, self._fuse_engine
        )
        return _BankPsf(psf, confidence, told=True)


def _registered(pair: Pair, psf: Psf) -> FloatArray:
    """Return the sharp side of a pair, moved to where a bank made with a PSF puts it.

    A network that is shown the one beside the other learns to blur, to be wrong by less.
    """
    if pair.kind not in (*UNIFORM, "rotation"):
        return pair.sharp
    return moved(pair.sharp, restored_offset(psf, pair.psf))


def samples(config: TrainConfig, photos: Path, split: Split) -> Callable[[], SampleMaker]:
    """Return a picklable factory of the sample maker."""
    if split != "train":  # the few validation samples are to be of as many motions
        config = replace(config, data=replace(config.data, windows=1))
    return window_samples(RestoreSamples, config, photos, split)


class RestoreTask:
    """Network, augmentation and loss of RestoreNet."""

    def __init__(self, config: TrainConfig) -> None:
        self.config = config

    def build(self) -> nn.Module:
        """Return a fresh network."""
        return RestoreNet(
            in_channels=CHANNELS[self.config.data.bank],
            widths=self.config.widths,
            depths=self.config.depths,
        )

    def augment(self, batch: Arrays, rng: np.random.Generator) -> Arrays:
        """Turn and mirror a batch at random and bring it to float."""
        turns, mirror = int(rng.integers(4)), rng.random() < 0.5
        out = {}
        for key, value in batch.items():
            turned = np.rot90(_to_float(value), turns, axes=(2, 3))
            out[key] = turned[..., ::-1] if mirror else turned
        return out

    def loss(
        self, network: nn.Module, batch: dict[str, torch.Tensor]
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """Return the loss of a batch and the figures to log."""
        restored, sharp = network(_scaled(batch["image"])), _scaled(batch["sharp"])
        error = restored - sharp
        pixels = (error.square() + _CHARBONNIER**2).sqrt().mean()
        # A transform of the error tells missing from invented texture at every frequency.
        spectrum = torch.fft.rfft2(error, norm="ortho").abs().mean()
        total = pixels + 0.05 * spectrum
        blurry = _scaled(batch["image"])[:, :3] - sharp
        after, before = (
            -10 * torch.log10(e.detach().square().mean(dim=(1, 2, 3)).clamp_min(1e-6))
            for e in (error, blurry)
        )
        return total, {
            "psnr_db": float(after.mean()),
            "gain_db": float((after - before).mean()),
            "gain_needy_db": float((after - before)[before < _NEEDY_DB].mean()),  # NaN if none is
            "worse_share": float((after < before - 0.1).float().mean()),
        }


def _crop(image: FloatArray, sharp: FloatArray, side: int, rng: np.random.Generator) -> Arrays:
    y = int(rng.integers(image.shape[1] - side + 1))
    x = int(rng.integers(image.shape[2] - side + 1))
    part = (slice(None), slice(y, y + side), slice(x, x + side))
    return {"image": _to_bytes(image[part]), "sharp": _to_bytes(sharp[part])}


def _to_bytes(values: FloatArray) -> NDArray[np.uint8]:
    """All inputs lie in [0, 1]; a quarter of a grey level of rounding is below the noise."""
    return np.asarray(np.clip(values, 0, 1) * 255 + 0.5, dtype=np.uint8)


def _to_float(values: NDArray[np.generic]) -> FloatArray:
    return np.asarray(values, dtype=np.float32)


def _scaled(values: torch.Tensor) -> torch.Tensor:
    return values * (1 / 255)
