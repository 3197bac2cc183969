"""Samples of FrameRNN: crops of blurred sequences, of the sharp ones, and how frames moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unblur.blur.camera import Span, draw_camera
from unblur.blur.clip import Clip, ClipSynthesiser, averaged_clip
from unblur.blur.clip_recipe import ClipRecipe
from unblur.blur.trajectory import load_gyro
from unblur.color import FloatArray, quantise, to_float
from unblur.training.clips import SharpClips
from unblur.training.codec import through_codec
from unblur.training.config import DataConfig, TrainConfig
from unblur.training.photos import SharpPhotos
from unblur.training.shards import Arrays
from unblur.video.alignment import BLOCK_PX, block_shifts, cells_of

PICTURES = ("blurry", "sharp")
SHIFTS = ("before", "after")
"""The arrays of a sample, see :func:`sample_of`."""


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
        side = side_px(data)
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
    out = {key: sample[key][..., y : y + side, x : x + side] for key in PICTURES}
    rows, columns = (slice(n // BLOCK_PX, -(-(n + side) // BLOCK_PX)) for n in (y, x))
    return out | {key: sample[key][:, rows, columns] for key in SHIFTS}


def side_px(data: FrameData) -> int:
    """Return the side of the pictures that a sequence wanders over."""
    return data.window_px + 2 * data.clip.margin_px
