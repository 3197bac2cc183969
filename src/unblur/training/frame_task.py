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

from unblur.blur.camera import Span, draw_camera
from unblur.blur.clip import Clip, ClipSynthesiser, averaged_clip
from unblur.blur.clip_recipe import ClipRecipe
from unblur.blur.trajectory import load_gyro
from unblur.color import FloatArray, quantise, to_float
from unblur.models.frame_rnn import FrameRNN
from unblur.models.interface import Network
from unblur.training.clips import SharpClips
from unblur.training.codec import through_codec
from unblur.training.config import DataConfig, TrainConfig
from unblur.training.photos import SharpPhotos, Split
from unblur.training.precision import unwrapped
from unblur.training.shards import Arrays, SampleMaker
from unblur.training.task import Figures, Task
from unblur.video.alignment import BLOCK_PX, CELL_PX, block_shifts, cells_of
from unblur.video.hints import hints_of

_PICTURES = ("blurry", "sharp")
_SHIFTS = ("before", "after")


@dataclass(frozen=True)
class FrameData(DataConfig):
    """Data of FrameRNN, and the size of its memory.

    Attributes:
        crop_px: side of the training crops.
        crops: crops taken of each sequence.
        clips: share of the samples made from sharp clips instead of photos, if there are clips.
        averaged: share of the samples whose frames are means of a sharp clip's frames.
        exposures: frames that become one there, odd numbers from the first to the second.
        codec: share of the sequences that go through a video codec after the blur.
        crf: rate factor of the codec, drawn uniformly; larger is worse.
        hidden: learned channels that the network remembers.
        clip: how sequences move; their light and noise are ``recipe.camera``.
    """

    crop_px: int = 128
    crops: int = 2
    clips: float = 0.1
    averaged: float = 0.0
    exposures: tuple[int, int] = (3, 7)
    codec: float = 0.0
    crf: Span = (16.0, 32.0)
    hidden: int = 16
    clip: ClipRecipe = field(default_factory=ClipRecipe)
    counts = (*DataConfig.counts, "crop_px", "crops")


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
    """Makes samples: crops of a blurred sequence with its shifts, and of the sharp sequence."""

    def __init__(self, config: TrainConfig, photos: SharpPhotos, clips: SharpClips) -> None:
        assert isinstance(config.data, FrameData)
        self._data, self._photos, self._clips = config.data, photos, clips
        self._camera = config.recipe.camera
        gyro = config.recipe.gyro_file
        trace = load_gyro(Path(gyro)) if gyro else None
        self._synthesise = ClipSynthesiser(self._data.clip, self._camera, trace)

    def __call__(self, rng: np.random.Generator) -> list[Arrays]:
        """Return ``data.crops`` samples of one clip."""
        data = self._data
        averages = len(self._clips) and rng.random() < data.averaged
        clip = self._averaged(rng) if averages else self._synthesised(rng)
        blurry = quantise(clip.blurry, np.dtype("u1"))
        if rng.random() < data.codec:
            blurry = through_codec(blurry, round(rng.uniform(*data.crf)))
        sample = sample_of(blurry, quantise(clip.sharp, np.dtype("u1")))
        return [crop_of(sample, data.crop_px, rng) for _ in range(data.crops)]

    def _synthesised(self, rng: np.random.Generator) -> Clip:
        data = self._data
        side = _side_px(data)
        scenes: Sequence[FloatArray]
        if len(self._clips) and rng.random() < data.clips:
            scenes = self._clips.window(rng, side_px=side, frames=data.clip.frames)
        else:
            scenes = [self._photos.window(side, rng, downscale=data.downscale)]
        passing = self._photos.window(side, rng, downscale=data.downscale)
        return self._synthesise(scenes, rng, passing=passing)

    def _averaged(self, rng: np.random.Generator) -> Clip:
        data = self._data
        low, high = data.exposures
        exposures = low + 2 * int(rng.integers((high - low) // 2 + 1))
        frames = self._clips.window(
            rng, side_px=data.window_px, frames=data.clip.frames * exposures
        )
        return averaged_clip(frames, exposures, draw_camera(self._camera, rng), rng)


def sample_of(blurry: NDArray[np.uint8], sharp: NDArray[np.uint8]) -> Arrays:
    """Return a clip as arrays, frames first.

    ``blurry`` and ``sharp`` (T, 3, H, W) uint8; ``before`` and ``after`` (T, rows, columns, 2)
    int16, those of :func:`unblur.video.alignment.block_shifts` into the frame before and into the
    next one, 0 where there is none.

    Args:
        blurry, sharp: (T, H, W, 3) uint8 sRGB.
    """
    planes = np.ascontiguousarray(np.moveaxis(blurry, 3, 1))
    cells = [cells_of(to_float(frame)) for frame in planes]
    rows, columns = (-(-n // BLOCK_PX) for n in planes.shape[2:])
    none = np.zeros((1, rows, columns, 2), np.int16)
    pairs = list(pairwise(cells))
    return {
        "blurry": planes,
        "sharp": np.ascontiguousarray(np.moveaxis(sharp, 3, 1)),
        "before": np.concatenate([none, *(block_shifts(a, b)[None] for a, b in pairs)]),
        "after": np.concatenate([*(block_shifts(b, a)[None] for a, b in pairs), none]),
    }


def crop_of(sample: Arrays, side: int, rng: np.random.Generator) -> Arrays:
    """Return a random square of a sample, whole blocks of motion."""
    full = sample["blurry"].shape[2:]
    y, x = (BLOCK_PX * int(rng.integers((n - side) // BLOCK_PX + 1)) for n in full)
    out = {key: sample[key][..., y : y + side, x : x + side] for key in _PICTURES}
    rows, columns = (slice(n // BLOCK_PX, -(-(n + side) // BLOCK_PX)) for n in (y, x))
    return out | {key: sample[key][:, rows, columns] for key in _SHIFTS}


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
            SharpClips(photos, split),
        )

    def augment(self, batch: Arrays, rng: np.random.Generator) -> Arrays:
        """Turn and mirror a batch at random, let time run backwards at random, make the hints."""
        turns, mirror, backwards = int(rng.integers(4)), rng.random() < 0.5, rng.random() < 0.5
        out = {key: turned(batch[key], turns, mirror=mirror) for key in _PICTURES}
        shifts = [turned_shifts(batch[key], turns, mirror=mirror) for key in _SHIFTS]
        if backwards:
            out = {key: value[:, ::-1] for key, value in out.items()}
            shifts = [value[:, ::-1] for value in reversed(shifts)]
        return _with_hints(out, *shifts)

    def as_it_is(self, batch: Arrays) -> Arrays:
        """Return an unchanged batch with its hints."""
        return _with_hints(batch, *(batch[key].astype(np.float32) for key in _SHIFTS))

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
            alone = inner(last, hints[:, -1], inner.first_state(last))[0]
            figures["memory_db"] = float((after[:, -1] - psnr_db(alone - sharp[:, -1])).mean())
        return pixels + LOSS.spectrum * spectrum, figures


def _with_hints(pictures: Arrays, before: FloatArray, after: FloatArray) -> Arrays:
    out: Arrays = {
        key: np.ascontiguousarray(pictures[key], np.float32) / np.float32(255) for key in _PICTURES
    }
    return {**out, "hints": hints_of_batch(out["blurry"], before, after), "before": before}


def hints_of_batch(blurry: FloatArray, before: FloatArray, after: FloatArray) -> FloatArray:
    """Return the hints of sequences, (N, T, channels, H / 4, W / 4) float32.

    Args:
        blurry: (N, T, 3, H, W) float32 in [0, 1].
        before, after: shifts, (N, T, rows, columns, 2) px.
    """
    count = blurry.shape[1]
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
            for frames, back, on in zip(blurry, before, after, strict=True)
        ]
    )


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


def turned_shifts(shifts: NDArray[Any], turns: int, *, mirror: bool) -> FloatArray:
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
