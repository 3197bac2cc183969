"""Training RestoreNet: blurry windows and banks made with *estimated* PSFs -> sharp windows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from unblur.blur.kinds import UNIFORM
from unblur.blur.psf import Psf
from unblur.blur.register import moved, restored_offset
from unblur.blur.synthesis import Pair
from unblur.color import FloatArray, luma, srgb_to_linear
from unblur.engines.base import Engine
from unblur.engines.onnx import OnnxEngine
from unblur.models.interface import Network
from unblur.motion.estimator import MotionEstimator
from unblur.motion.one_window import WindowEstimator
from unblur.motion.picture import Picture
from unblur.restoration.inputs import CHANNEL_NAMES, network_input
from unblur.restoration.noise import noise_beside_motion
from unblur.runtime import ONE_THREAD
from unblur.spec import Bank
from unblur.training.bank_psf import NO_MOTION, BankPsf
from unblur.training.config import TrainConfig
from unblur.training.paired_samples import PairedMaker
from unblur.training.photos import SharpPhotos, Split
from unblur.training.psnr import psnr_db
from unblur.training.shards import Arrays, SampleMaker
from unblur.training.task import Figures, Task
from unblur.training.windows import WindowData, WindowSamples, crops_of, window_samples


@dataclass(frozen=True)
class RestoreData(WindowData):
    """Data of the restoration networks.

    Attributes:
        crop_px: side of the training crops.
        crops: crops taken of each window.
        windows: windows made at a time. Of photos that moved alike all over, they move as the
            first one does and are restored with its estimate, which is what takes the time.
        rounds: estimates of each window; banks are made with the last one.
        estimated, true, none: shares of the samples by the PSF they are given: an estimate, the
            true one, a point; the rest gets a wrong one.
        bank: what the input tells of the motion, see
            :data:`unblur.restoration.inputs.CHANNELS`.
        fused: share of the estimates that are made as a photo's are: searched, and FuseNet having
            the last word. The others are KernelNet's alone, which take a tenth of the time.
        kernel_weights: ONNX file of the KernelNet that estimates.
        fuse_weights: ONNX file of the FuseNet that ``fused`` asks for.
        psf_pairs: file of true and estimated PSFs, see :mod:`unblur.training.psf_pairs`; with it
            no motion is estimated while samples are made, and the shares above do not count (those
            of :mod:`unblur.training.paired_samples` do).
    """

    crop_px: int = 128
    crops: int = 2
    windows: int = 1
    rounds: int = 1
    estimated: float = 0.7
    true: float = 0.15
    none: float = 0.1
    bank: Bank = "wiener"
    fused: float = 0.0
    kernel_weights: str = ""
    fuse_weights: str = ""
    psf_pairs: str = ""
    counts = (*WindowData.counts, "crop_px", "crops", "windows", "rounds")

    def weights_needed(self) -> tuple[str, ...]:
        """Return which networks must be there first: those whose estimates the banks show."""
        if self.psf_pairs:
            return ()
        estimator = ("kernel_weights",) if self.bank != "none" else ()
        return (*estimator, "fuse_weights") if self.fused else estimator


@dataclass(frozen=True)
class RestoreLoss:
    """What the loss and the figures of a restoration network are made of. Chosen by hand.

    Attributes:
        charbonnier: error, of the range 0 to 1, below which the penalty turns from linear to
            quadratic.
        spectrum: weight of the mean magnitude of the error's spectrum, which tells missing from
            invented texture at every frequency.
        worse_than_best: weight of what a block's error exceeds that of the best picture in the
            input by, where the input holds solutions to choose from (bank ``tv``).
        block_px: side of those blocks.
        level: mean error of the best picture at which a sample weighs as much as one without:
            samples weigh as the inverse root of it, or those with much noise and long motion
            would drown those in which a tenth of a grey level counts (bank ``tv``).
        needy_db: PSNR of blurry crops below which there is something to gain; a nearly perfect one
            can lose many dB by a change that nobody sees, and would drown the rest in the mean.
        worse_db: loss of PSNR from which a crop counts as made worse.
    """

    charbonnier: float = 1e-3
    spectrum: float = 0.05
    worse_than_best: float = 0.7
    block_px: int = 16
    level: float = 0.004
    needy_db: float = 35.0
    worse_db: float = 0.1


LOSS = RestoreLoss()


class RestoreSamples(WindowSamples):
    """Makes samples: crops of a blurred window, its bank, and its sharp original.

    Motion is estimated only for the samples whose bank is made with an estimate.
    """

    data: RestoreData

    def __init__(self, config: TrainConfig, photos: SharpPhotos) -> None:
        super().__init__(config, photos)
        self._quick: MotionEstimator | None = None
        self._thorough: MotionEstimator | None = None
        self._paired: PairedMaker | None = None
        if self.data.psf_pairs:
            self._paired = PairedMaker(
                Path(self.data.psf_pairs),
                self.synthesise,
                validation=photos.split != "train",
                bank=self.data.bank,
            )
        elif self.data.bank != "none":
            kernel = _engine(self.data.kernel_weights, "kernel")
            self._quick = WindowEstimator(kernel, rounds=self.data.rounds)
            if self.data.fused:
                fuse = _engine(self.data.fuse_weights, "fuse")
                self._thorough = WindowEstimator(kernel, fuse)

    def __call__(self, rng: np.random.Generator) -> list[Arrays]:
        """Return ``data.crops`` samples of each of ``data.windows`` windows."""
        made: list[Arrays] = []
        pair: Pair | None = None
        for _ in range(self.data.windows):
            if self._paired is not None:
                made += self._paired(self.window(rng), self.data.crop_px, self.data.crops, rng)
                continue
            if pair is not None and pair.kind in UNIFORM:
                # What an estimate gets wrong, it may get wrong of any photo that moved alike.
                pair = self.synthesise.alike(self.window(rng), pair, rng)
            else:
                pair = self.pair(rng)
                bank = self.choose(pair, rng)
            made += self.crops(pair, bank, rng)
        return made

    def crops(self, pair: Pair, bank: BankPsf, rng: np.random.Generator) -> list[Arrays]:
        """Return crops of a window, its bank, and its sharp original where the bank puts it."""
        data, psf = self.data, bank.psf
        noise = noise_beside_motion(luma(srgb_to_linear(pair.blurry)), psf)
        everywhere = np.ones(pair.blurry.shape[:2], np.float32)
        image = network_input(data.bank, pair.blurry, [(psf, everywhere)], bank.confidence, noise)
        target = _registered(pair, psf) if bank.meant else pair.sharp
        sharp = np.moveaxis(target, 2, 0)
        return crops_of(image, sharp, data.crop_px, data.crops, rng)

    def choose(self, pair: Pair, rng: np.random.Generator) -> BankPsf:
        """Pick the PSF of the bank: mostly an estimate, sometimes the truth, none or another's."""
        if self._quick is None:
            return NO_MOTION
        data, draw = self.data, rng.random()
        if draw < data.estimated:
            # Nothing is drawn where none is asked for, so that earlier seeds keep their samples.
            if data.fused and rng.random() < data.fused:
                return self._estimated(pair, self._thorough)
            return self._estimated(pair, self._quick)
        if draw < data.estimated + data.true:
            return BankPsf(pair.psf.centred(), 1.0, meant=True)
        if draw < data.estimated + data.true + data.none:
            return NO_MOTION
        mismatched = self.synthesise.draw_psf("shake", rng).centred()
        return BankPsf(mismatched, float(rng.uniform(0, 0.6)), meant=False)

    def _estimated(self, pair: Pair, estimator: MotionEstimator | None) -> BankPsf:
        """Estimate the PSF as a photo's is; refining takes ten times as long as the rest."""
        assert estimator is not None
        picture = Picture(pair.blurry)
        found = estimator.refine(picture, estimator.propose(picture)).windows[0][0]
        return BankPsf(found.psf, found.confidence, meant=True)


def _engine(weights: str, task: str) -> Engine:
    return OnnxEngine(Path(weights), task=task, runtime=ONE_THREAD)


def _registered(pair: Pair, psf: Psf) -> FloatArray:
    """Return the sharp side of a pair, moved to where a bank made with a PSF puts it.

    A network that is shown the one beside the other learns to blur, to be wrong by less.
    """
    if pair.kind not in (*UNIFORM, "rotation"):
        return pair.sharp
    return moved(pair.sharp, restored_offset(psf, pair.psf))


class RestoreTask(Task[RestoreData]):
    """Network, samples, augmentation and loss of the restoration networks.

    A network is a :class:`unblur.models.interface.Network` made of ``channels`` (names of the
    input's, the first three the blurry photo, sRGB), ``widths`` and ``depths``; it takes (N, C, H,
    W) float32 in [0, 1] and gives (N, 3, H, W).
    """

    data_type = RestoreData
    private = True

    def build(self) -> Network:
        """Return a fresh network."""
        return self.network(
            channels=CHANNEL_NAMES[self.data.bank],
            widths=self.config.widths,
            depths=self.config.depths,
        )

    def samples(self, photos: Path, split: Split) -> Callable[[], SampleMaker]:
        """Return a picklable factory of the sample maker."""
        config = self.config
        if split != "train":  # the few validation samples are to be of as many motions
            config = replace(config, data=replace(self.data, windows=1))
        return window_samples(RestoreSamples, config, photos, split)

    def spec_fields(self) -> dict[str, Any]:
        """Return what the input tells of the motion."""
        return {"bank": self.data.bank}

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
    ) -> tuple[torch.Tensor, Figures]:
        """Return the loss of a batch and the figures to log."""
        image, sharp = _scaled(batch["image"]), _scaled(batch["sharp"])
        error = network(image) - sharp
        pixels = (error.square() + LOSS.charbonnier**2).sqrt().mean(dim=(1, 2, 3))
        spectrum = torch.fft.rfft2(error, norm="ortho").abs().mean(dim=(1, 2, 3))
        losses = pixels + LOSS.spectrum * spectrum
        if self.data.bank == "tv":
            losses = _weighed(losses, error, [image[:, i : i + 3] - sharp for i in (0, 3, 6)])
        total = losses.mean()
        blurry = image[:, :3] - sharp
        after, before = psnr_db(error), psnr_db(blurry)
        return total, {
            "psnr_db": float(after.mean()),
            "gain_db": float((after - before).mean()),
            "gain_needy_db": float(
                (after - before)[before < LOSS.needy_db].mean()
            ),  # NaN if none is
            "worse_share": float((after < before - LOSS.worse_db).float().mean()),
        }


def _weighed(losses: torch.Tensor, error: torch.Tensor, others: list[torch.Tensor]) -> torch.Tensor:
    """Return losses that also hold what is worse than the best of other pictures, block by block.

    Args:
        losses: (N,).
        error: (N, 3, H, W), of the network.
        others: the errors of the pictures that it could have taken.
    """
    ours, *theirs = (_block_errors(e) for e in (error, *others))
    best = torch.stack(theirs).amin(dim=0).detach()
    worse = torch.relu(ours - best).mean(dim=(1, 2, 3))
    weights = (best.mean(dim=(1, 2, 3)) + LOSS.level).rsqrt()
    return (losses + LOSS.worse_than_best * worse) * weights / weights.mean()


def _block_errors(error: torch.Tensor) -> torch.Tensor:
    return functional.avg_pool2d(error.abs().mean(dim=1, keepdim=True), LOSS.block_px)


def _to_float(values: NDArray[np.generic]) -> FloatArray:
    return np.asarray(values, dtype=np.float32)


def _scaled(values: torch.Tensor) -> torch.Tensor:
    return values * (1 / 255)
