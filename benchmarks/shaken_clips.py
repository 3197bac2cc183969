"""What ``frame`` makes of clips filmed by hand in which one frame is shaken.

Each clip: a photo seen by a camera that drifts, turns and zooms a little, and jerks by 10 to 25 px
about the middle of the fourth of seven frames. That frame is open for 60 % of the frame interval,
the others for a twentieth; noise of 0.006, then 8 bits. The truth is the scene at the middle of
each exposure.

Run: ``python benchmarks/shaken_clips.py PHOTOS [--clips N]``
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from unblur.color import FloatArray
from unblur.evaluate.clips import restored_frames
from unblur.evaluate.pairs import find_sharp
from unblur.psnr import psnr_db
from unblur.video.models import load_frame_model

HEIGHT, WIDTH = 256, 384
FRAMES, SHAKEN = 7, 3
STEPS = 40
"""Moments of a frame interval."""

OPEN_STEPS, SHAKEN_STEPS = range(-1, 2), range(-12, 13, 2)
NOISE = 0.006


def camera_path(rng: np.random.Generator) -> NDArray[np.float64]:
    """Return y, x (px), turn (rad) and zoom at every moment, (4, moments)."""
    moments = np.arange(FRAMES * STEPS)

    def drift(size: float) -> NDArray[np.float64]:
        steps = ndimage.gaussian_filter1d(rng.standard_normal(len(moments)), 60)
        return np.asarray(steps * size * np.sqrt(2 * np.sqrt(np.pi) * 60))

    y, x, turn, zoom = drift(6), drift(6), drift(0.008), 1 + drift(0.006)
    middle = (SHAKEN + 0.5) * STEPS
    jerk = rng.uniform(10, 25) / (1 + np.exp((middle - moments) * 6 / STEPS))
    angle = rng.uniform(0, 2 * np.pi)
    return np.stack([y + jerk * np.sin(angle), x + jerk * np.cos(angle), turn, zoom])


def view(photo: FloatArray, y: float, x: float, turn: float, zoom: float) -> FloatArray:
    """Return what the camera sees of a photo at one moment."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH] - np.array([HEIGHT / 2, WIDTH / 2])[:, None, None]
    c, s = np.cos(turn) * zoom, np.sin(turn) * zoom
    places = [
        photo.shape[0] / 2 + y + c * rows - s * columns,
        photo.shape[1] / 2 + x + s * rows + c * columns,
    ]
    planes = [ndimage.map_coordinates(photo[..., k], places, mode="nearest") for k in range(3)]
    return np.stack(planes, axis=2).astype(np.float32)


def make_clip(photo: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Return a clip and its truth, (FRAMES, H, W, 3) each."""
    path = camera_path(rng)
    filmed, sharp = [], []
    for number in range(FRAMES):
        middle = int((number + 0.5) * STEPS)
        steps = SHAKEN_STEPS if number == SHAKEN else OPEN_STEPS
        filmed.append(np.mean([view(photo, *path[:, middle + k]) for k in steps], axis=0))
        sharp.append(view(photo, *path[:, middle]))
    noisy = np.stack(filmed) + rng.normal(0, NOISE, (FRAMES, HEIGHT, WIDTH, 3))
    return np.clip(np.round(noisy * 255) / 255, 0, 1).astype(np.float32), np.stack(sharp)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--clips", type=int, default=8)
    options = parser.parse_args()
    rng = np.random.default_rng(7)
    photos = find_sharp(options.photos)
    model = load_frame_model("frame")
    gains = []
    for number in range(options.clips):
        with Image.open(photos[int(rng.integers(len(photos)))].path) as image:
            photo = np.asarray(image.convert("RGB"), np.float32) / 255
        filmed, sharp = make_clip(photo, rng)
        restored = restored_frames(model, filmed)
        before, after = (
            [psnr_db(a, b, data_range=1.0) for a, b in zip(frames, sharp, strict=True)]
            for frames in (filmed, restored)
        )
        gains.append(np.subtract(after, before))
        others = np.delete(gains[-1], SHAKEN)
        print(
            f"{number}: shaken frame {before[SHAKEN]:.2f} dB, {gains[-1][SHAKEN]:+.2f}; sharp "
            f"frames {np.delete(before, SHAKEN).mean():.2f} dB, mean {others.mean():+.2f}, "
            f"worst {others.min():+.2f}",
            flush=True,
        )
    table = np.array(gains)
    others = np.delete(table, SHAKEN, axis=1)
    print(
        f"shaken frames: mean {table[:, SHAKEN].mean():+.2f} dB, "
        f"least {table[:, SHAKEN].min():+.2f}; sharp ones: mean {others.mean():+.2f}, "
        f"worst {others.min():+.2f}, "
        f"{(others > -0.05).mean():.0%} unchanged or better"
    )


if __name__ == "__main__":
    main()
