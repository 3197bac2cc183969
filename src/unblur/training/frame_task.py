"""Training FrameRNN: blurred sequences, one frame after the other -> the sharp ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from unblur.blur.clip import Clip, ClipRecipe, ClipSynthesiser
from unblur.blur.trajectory import load_gyro
from unblur.color import FloatArray, quantise
from unblur.models.frame_rnn import FrameRNN
from unblur.models.interface import Network
from unblur.motion.estimator import MotionEstimator
from unblur.motion.one_window import WindowEstimator
from unblur.runtime import ONE_THREAD
from unblur.training.clips import SharpClips
from unblur.training.config import DataConfig, TrainConfig
from unblur.training.photos import SharpPhotos, Split
from unblur.training.precision import unwrapped
from unblur.training.shards import Arrays, SampleMaker
from unblur.training.task import Figures, Task
from unblur.video.alignment import BLOCK_PX, CELL_PX, block_shifts, cells_of
from unblur.video.hints import hint_of, no_hint

_NO_CHANGE = 128
_PICTURES = ("blurry", "sharp", "hints")


@dataclass(frozen=True)
class FrameData(DataConfig):
    """Data of FrameRNN, and the size of its memory.

    Attributes:
        crop_px: side of the training crops.
        crops: crops taken of each sequence.
        none: share of the sequences without hints.
        clips: share of the samples made from sharp clips instead of photos, if there are clips.
        hidden: learned channels that the network remembers.
        clip: how sequences move; their light and noise are ``recipe.camera``.
        kernel_weights: ONNX file of the KernelNet that the hints come from.
    """

    crop_px: int = 128
    crops: int = 2
    none: float = 0.1
    clips: float = 0.3
    hidden: int = 16
    clip: ClipRecipe = field(default_factory=ClipRecipe)
    kernel_weights: str = ""
    counts = (*DataConfig.counts, "crop_px", "crops")

    def weights_needed(self) -> tuple[str, ...]:
        """Return that a KernelNet must be there first."""
        return ("kernel_weights",)


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


class FrameSamples:
    """Makes samples: crops of a blurred sequence with its hints, and of the sharp sequence."""

    def __init__(self, config: TrainConfig, photos: SharpPhotos, clips: SharpClips) -> None:
        from unblur.engines.onnx import OnnxEngine

        assert isinstance(config.data, FrameData)
        self._data, self._photos, self._clips = config.data, photos, clips
        gyro = config.recipe.gyro_file
        trace = load_gyro(Path(gyro)) if gyro else None
        self._synthesise = ClipSynthesiser(self._data.clip, config.recipe.camera, trace)
        kernel = OnnxEngine(Path(self._data.kernel_weights), task="kernel", runtime=ONE_THREAD)
        self._estimator = WindowEstimator(kernel, telling=True, runtime=ONE_THREAD)

    def __call__(self, rng: np.random.Generator) -> list[Arrays]:
        """Return ``data.crops`` samples of one clip."""
        data = self._data
        side = _side_px(data)
        scenes: Sequence[FloatArray]
        if len(self._clips) and rng.random() < data.clips:
            scenes = self._clips.window(rng)
        else:
            scenes = [self._photos.window(side, rng, downscale=data.downscale)]
        passing = self._photos.window(side, rng, downscale=data.downscale)
        clip = self._synthesise(scenes, rng, passing=passing)
        sample = sample_of(clip, self._estimator if rng.random() >= data.none else None)
        return [crop_of(sample, data.crop_px, rng) for _ in range(data.crops)]


def sample_of(clip: Clip, estimator: MotionEstimator | None) -> Arrays:
    """Return a clip as arrays, frames first.

    ``blurry`` and ``sharp`` (T, 3, H, W) uint8; ``hints`` (T, 2, H, W) uint8, those of
    :func:`unblur.video.hints.hint_of`, _NO_CHANGE standing for 0; ``facts`` (T, 3) float32;
    ``shifts`` (T, rows, columns, 2) int16, those of :func:`unblur.video.alignment
    .block_shifts` from each frame to the next, the first frame's 0.

    Args:
        clip: blurred and sharp.
        estimator: tells how each frame moved; without it the hints say nothing.
    """
    blurry, sharp = (
        quantise(np.moveaxis(part, 3, 1), np.dtype("u1")) for part in (clip.blurry, clip.sharp)
    )
    cells = [cells_of(np.moveaxis(frame, 2, 0)) for frame in clip.blurry]
    found = [block_shifts(a, b) for a, b in pairwise(cells)]
    shifts = np.zeros((len(blurry), *(-(-n // BLOCK_PX) for n in blurry.shape[2:]), 2), np.int16)
    shifts[1:] = found
    hints = [
        no_hint(*frame.shape[:2]) if estimator is None else hint_of(frame, estimator)
        for frame in clip.blurry
    ]
    planes = np.round(np.stack([h.planes for h in hints]) * 255 + _NO_CHANGE)
    return {
        "blurry": blurry,
        "sharp": sharp,
        "hints": np.clip(planes, 0, 255).astype(np.uint8),
        "facts": np.stack([h.facts for h in hints]),
        "shifts": shifts,
    }


def crop_of(sample: Arrays, side: int, rng: np.random.Generator) -> Arrays:
    """Return a random square of a sample, whole blocks of motion."""
    full = sample["blurry"].shape[2:]
    y, x = (BLOCK_PX * int(rng.integers((n - side) // BLOCK_PX + 1)) for n in full)
    out = {key: sample[key][..., y : y + side, x : x + side] for key in _PICTURES}
    rows, columns = (slice(n // BLOCK_PX, -(-(n + side) // BLOCK_PX)) for n in (y, x))
    return out | {"facts": sample["facts"], "shifts": sample["shifts"][:, rows, columns]}


def _side_px(data: FrameData) -> int:
    """Return the side of the pictures that a sequence wanders over."""
    return data.window_px + 2 * data.clip.margin_px


class FrameTask(Task[FrameData]):
    """Network, samples, augmentation and loss of FrameRNN."""

    data_type = FrameData

    def build(self) -> Network:
        """Return a fresh network."""
        config = self.config
        return self.network(widths=config.widths, depths=config.depths, hidden=self.data.hidden)

    def samples(self, photos: Path, split: Split) -> Callable[[], SampleMaker]:
        """Return a picklable factory of the sample maker."""
        side = _side_px(self.data)
        return partial(
            FrameSamples,
            self.config,
            SharpPhotos(photos, split, smallest_px=side),
            SharpClips(photos, split, side_px=side, frames=self.data.clip.frames),
        )

    def augment(self, batch: Arrays, rng: np.random.Generator) -> Arrays:
        """Turn and mirror a batch at random and bring it to float."""
        turns, mirror = int(rng.integers(4)), rng.random() < 0.5
        out = {key: turned(batch[key], turns, mirror=mirror) for key in _PICTURES}
        out["shifts"] = turned_shifts(batch["shifts"], turns, mirror=mirror)
        out["facts"] = batch["facts"]
        return {key: np.asarray(value, np.float32) for key, value in out.items()}

    def loss(
        self, network: nn.Module, batch: dict[str, torch.Tensor]
    ) -> tuple[torch.Tensor, Figures]:
        """Return the loss of a batch and the figures to log.

        ``memory_db`` is what the last frame gains by all frames before it: the same frame
        restored with nothing remembered is worse by so much.
        """
        blurry, sharp = _scaled(batch["blurry"]), _scaled(batch["sharp"])
        inner, context = unwrapped(network, FrameRNN)
        hints = hints_of(batch["hints"], batch["facts"])
        # One context for all frames: the weights are brought to bfloat16 once, not once a frame.
        with context():
            restored = unroll(inner, blurry, hints, batch["shifts"])
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
            alone = inner(last, hints[:, -1], inner.first_state(last))[0]
            figures["memory_db"] = float((after[:, -1] - psnr_db(alone - sharp[:, -1])).mean())
        return pixels + LOSS.spectrum * spectrum, figures


def hints_of(planes: torch.Tensor, facts: torch.Tensor) -> torch.Tensor:
    """Return hints as FrameRNN takes them, (N, T, 16 planes + facts, H / 4, W / 4).

    Args:
        planes: (N, T, planes, H, W), as stored, see :func:`sample_of`.
        facts: (N, T, facts).
    """
    cells = functional.pixel_unshuffle(_scaled(planes - _NO_CHANGE), CELL_PX)
    wide = facts[..., None, None].expand(*facts.shape, *cells.shape[-2:])
    return torch.cat([cells, wide], dim=2)


def unroll(
    network: FrameRNN, blurry: torch.Tensor, hints: torch.Tensor, shifts: torch.Tensor
) -> torch.Tensor:
    """Restore sequences (N, T, 3, H, W) frame by frame; the memory moves with the picture."""
    restored = []
    state: torch.Tensor | None = None
    frames = functional.pixel_unshuffle(blurry, CELL_PX)
    for k in range(blurry.shape[1]):
        cells, known = (
            x[:, k].contiguous(memory_format=torch.channels_last) for x in (frames, hints)
        )
        fresh = network.first_state_of(cells)
        state = fresh if state is None else aligned(state, fresh, shifts[:, k])
        out, state = network.step(cells, known, state)
        restored.append(out)
    return functional.pixel_shuffle(torch.stack(restored, dim=1).float(), CELL_PX)


def aligned(state: torch.Tensor, fresh: torch.Tensor, shifts: torch.Tensor) -> torch.Tensor:
    """Return states moved along with the picture; fresh ones where nothing is remembered.

    The twin of :func:`unblur.video.memory.moved_state`, for batches and gradients; a test holds
    them together.

    Args:
        state, fresh: (N, 48 + hidden, H / 4, W / 4).
        shifts: (N, rows, columns, 2) px.
    """
    pixels = 3 * CELL_PX**2
    moved = _fetched_pixels(state[:, :pixels], fresh[:, :pixels], shifts)
    hidden = _fetched(state[:, pixels:], fresh[:, pixels:], shifts)
    return torch.cat([moved, hidden], dim=1).contiguous(memory_format=torch.channels_last)


def _sources(
    shifts: torch.Tensor, size: tuple[int, int], *, unit: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the row and column that each place came from, (N, H, W), and whether it is one."""
    offsets = torch.round(shifts / unit).long()
    for axis in (1, 2):
        offsets = offsets.repeat_interleave(BLOCK_PX // unit, dim=axis)
        offsets = offsets.narrow(axis, 0, size[axis - 1])
    rows = torch.arange(size[0], device=shifts.device)[None, :, None] + offsets[..., 0]
    columns = torch.arange(size[1], device=shifts.device)[None, None] + offsets[..., 1]
    inside = (rows >= 0) & (rows < size[0]) & (columns >= 0) & (columns < size[1])
    return rows.clamp(0, size[0] - 1), columns.clamp(0, size[1] - 1), inside


def _fetched(planes: torch.Tensor, fill: torch.Tensor, shifts: torch.Tensor) -> torch.Tensor:
    """Return the learned channels fetched from where the picture came from."""
    count, channels, height, width = planes.shape
    rows, columns, inside = _sources(shifts, (height, width), unit=CELL_PX)
    places = (
        torch.arange(count, device=planes.device)[:, None, None] * height + rows
    ) * width + columns
    # All channels of a place at once: they lie side by side.
    flat = planes.permute(0, 2, 3, 1).reshape(-1, channels)
    fetched = flat.index_select(0, places.flatten()).view(count, height, width, channels)
    return torch.where(inside[:, None], fetched.permute(0, 3, 1, 2), fill)


def _fetched_pixels(cells: torch.Tensor, fill: torch.Tensor, shifts: torch.Tensor) -> torch.Tensor:
    """Return a frame in cells, each pixel fetched from where the picture came from."""
    count, channels, height, width = cells.shape
    rows, columns, inside = _sources(shifts, (height * CELL_PX, width * CELL_PX), unit=1)
    within = rows % CELL_PX * CELL_PX + columns % CELL_PX
    places = (within * height + rows // CELL_PX) * width + columns // CELL_PX
    index = functional.pixel_unshuffle(places[:, None], CELL_PX).flatten(1)[:, None]
    colours = channels // CELL_PX**2
    flat = cells.reshape(count, colours, -1)
    fetched = flat.gather(2, index.expand(-1, colours, -1)).view(cells.shape)
    known = functional.pixel_unshuffle(inside[:, None], CELL_PX).repeat(1, colours, 1, 1)
    return torch.where(known, fetched, fill)


def turned(frames: NDArray[Any], turns: int, *, mirror: bool) -> NDArray[Any]:
    """Return frames (..., H, W) turned by quarters counter-clockwise, then mirrored."""
    out = np.rot90(frames, turns, axes=(-2, -1))
    return out[..., ::-1] if mirror else out


def turned_shifts(shifts: NDArray[np.int16], turns: int, *, mirror: bool) -> FloatArray:
    """Return shifts (N, T, rows, columns, 2) as they are in turned frames."""
    out = np.rot90(shifts, turns, axes=(2, 3)).astype(np.float32)
    for _ in range(turns % 4):
        out = np.stack([-out[..., 1], out[..., 0]], axis=-1)
    if mirror:
        out = out[:, :, :, ::-1] * np.array([1, -1], np.float32)
    return out


def psnr_db(error: torch.Tensor) -> torch.Tensor:
    """Return the PSNR of each picture (..., 3, H, W) in [0, 1], at most 60 dB."""
    return -10 * torch.log10(error.detach().square().mean(dim=(-3, -2, -1)).clamp_min(1e-6))


def _scaled(values: torch.Tensor) -> torch.Tensor:
    return values * (1 / 255)
