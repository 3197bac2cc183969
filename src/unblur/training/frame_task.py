"""Training FrameRNN: blurred sequences, one frame after the other -> the sharp ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from unblur.color import FloatArray
from unblur.models.frame_rnn import FrameRNN
from unblur.models.interface import Network
from unblur.training.clips import SharpClips
from unblur.training.frame_memory import unroll
from unblur.training.frame_samples import PICTURES, SHIFTS, FrameData, FrameSamples, side_px
from unblur.training.photos import SharpPhotos, Split
from unblur.training.precision import unwrapped
from unblur.training.psnr import psnr_db
from unblur.training.shards import Arrays, SampleMaker
from unblur.training.task import Figures, Task
from unblur.video.alignment import CELL_PX
from unblur.video.hints import hints_of


@dataclass(frozen=True)
class FrameLoss:
    """What FrameRNN's loss and figures are made of; as the restoration networks'.

    Attributes:
        charbonnier: error, of the range 0 to 1, below which the penalty turns from linear to
            quadratic.
        spectrum: weight of the mean magnitude of the error's spectrum, which tells missing from
            invented texture at every frequency.
        worse_db: loss of PSNR from which a frame counts as made worse.
    """

    charbonnier: float = 1e-3
    spectrum: float = 0.05
    worse_db: float = 0.1


LOSS = FrameLoss()


class FrameTask(Task[FrameData]):
    """Network, samples, augmentation and loss of FrameRNN."""

    data_type = FrameData

    def build(self) -> Network:
        """Return a fresh network."""
        config = self.config
        return self.network(widths=config.widths, depths=config.depths, hidden=self.data.hidden)

    def samples(self, photos: Path, split: Split) -> Callable[[], SampleMaker]:
        """Return a picklable factory of the sample maker."""
        side = side_px(self.data)
        return partial(
            FrameSamples,
            self.config,
            SharpPhotos(photos, split, smallest_px=side),
            SharpClips(photos, split),
        )

    def augment(self, batch: Arrays, rng: np.random.Generator) -> Arrays:
        """Turn and mirror a batch at random, let time run backwards at random, make the hints."""
        turns, mirror, backwards = int(rng.integers(4)), rng.random() < 0.5, rng.random() < 0.5
        out = {key: turned(batch[key], turns, mirror=mirror) for key in PICTURES}
        shifts = [turned_shifts(batch[key], turns, mirror=mirror) for key in SHIFTS]
        if backwards:
            out = {key: value[:, ::-1] for key, value in out.items()}
            shifts = [value[:, ::-1] for value in reversed(shifts)]
        return _with_hints(out, *shifts)

    def as_it_is(self, batch: Arrays) -> Arrays:
        """Return an unchanged batch with its hints."""
        return _with_hints(batch, *(batch[key].astype(np.float32) for key in SHIFTS))

    def loss(
        self, network: nn.Module, batch: dict[str, torch.Tensor]
    ) -> tuple[torch.Tensor, Figures]:
        """Return the loss of a batch and the figures to log.

        ``memory_db`` is what the last frame gains by all frames before it: the same frame
        restored with nothing remembered is worse by so much.
        """
        blurry, sharp, hints = batch["blurry"], batch["sharp"], batch["hints"]
        inner, context = unwrapped(network, FrameRNN)
        # One context for all frames: the weights are brought to bfloat16 once, not once a frame.
        with context():
            restored = unroll(inner, blurry, hints, batch["before"])
        error = restored - sharp
        pixels = (error.square() + LOSS.charbonnier**2).sqrt().mean()
        spectrum = torch.fft.rfft2(error, norm="ortho").abs().mean()
        before, after = psnr_db(blurry - sharp), psnr_db(error)
        figures = {
            "psnr_db": float(after.mean()),
            "gain_db": float((after - before).mean()),
            "last_gain_db": float((after - before)[:, -1].mean()),
            "worse_share": float((after < before - LOSS.worse_db).float().mean()),
        }
        if not torch.is_grad_enabled():
            last = blurry[:, -1].contiguous(memory_format=torch.channels_last)
            cells = functional.pixel_unshuffle(last, CELL_PX)
            alone = inner.step(cells, hints[:, -1], inner.first_state(cells))[0]
            alone = functional.pixel_shuffle(alone, CELL_PX)
            figures["memory_db"] = float((after[:, -1] - psnr_db(alone - sharp[:, -1])).mean())
        return pixels + LOSS.spectrum * spectrum, figures


def _with_hints(pictures: Arrays, before: FloatArray, after: FloatArray) -> Arrays:
    out: Arrays = {
        key: np.ascontiguousarray(pictures[key], np.float32) / np.float32(255) for key in PICTURES
    }
    return {**out, "hints": hints_of_batch(out["blurry"], before, after), "before": before}


def hints_of_batch(blurry: FloatArray, before: FloatArray, after: FloatArray) -> FloatArray:
    """Return the hints of sequences, (N, T, channels, H / 4, W / 4) float32.

    Args:
        blurry: (N, T, 3, H, W) float32 in [0, 1].
        before, after: shifts, (N, T, rows, columns, 2) px.
    """
    count = blurry.shape[1]
    frames_last = np.moveaxis(blurry, 2, 4)
    return np.stack(
        [
            [
                hints_of(
                    frames[k],
                    back[k] if k else None,
                    on[k] if k + 1 < count else None,
                    frames[k + 1] if k + 1 < count else None,
                )
                for k in range(count)
            ]
            for frames, back, on in zip(frames_last, before, after, strict=True)
        ]
    )


def turned(frames: NDArray[Any], turns: int, *, mirror: bool) -> NDArray[Any]:
    """Return frames (..., H, W) turned by quarters counter-clockwise, then mirrored."""
    out = np.rot90(frames, turns, axes=(-2, -1))
    return out[..., ::-1] if mirror else out


def turned_shifts(shifts: NDArray[Any], turns: int, *, mirror: bool) -> FloatArray:
    """Return shifts (N, T, rows, columns, 2) as they are in turned frames."""
    out = np.rot90(shifts, turns, axes=(2, 3)).astype(np.float32)
    for _ in range(turns % 4):
        out = np.stack([-out[..., 1], out[..., 0]], axis=-1)
    if mirror:
        out = out[:, :, :, ::-1] * np.array([1, -1], np.float32)
    return out
