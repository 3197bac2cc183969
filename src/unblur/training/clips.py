"""Sharp clips to train on: a few frames in a row, read from video files."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unblur.color import FloatArray, to_float
from unblur.errors import UnreadableImage
from unblur.io.video import load_av, open_clip
from unblur.training.byte_cache import ByteCache
from unblur.training.photos import Split

MANIFEST = "video/manifest.csv"
"""Below the folder of photos: rows ``file, split, w, h, frames``, paths relative to it."""

_SHRINK = 2
"""Large clips are halved: their pixels are not as sharp as those of photos."""


class SharpClips:
    """The clips of one split, if a folder has any.

    Args:
        root: folder of sharp photos; clips are listed by ``video/manifest.csv`` in it.
        split: which part.
    """

    def __init__(self, root: Path, split: Split) -> None:
        self._clips: list[tuple[Path, int, int]] = []
        manifest = root / MANIFEST
        if not manifest.is_file():
            return
        with manifest.open(newline="", encoding="utf-8") as stream:
            for row in csv.DictReader(stream):
                if row["split"] == split:
                    side = min(int(row["w"]), int(row["h"]))
                    self._clips.append((manifest.parent / row["file"], int(row["frames"]), side))

    def __len__(self) -> int:
        return len(self._clips)

    def window(self, rng: np.random.Generator, *, side_px: int, frames: int) -> list[FloatArray]:
        """Return the same random window of a few frames in a row.

        Args:
            rng: source of all randomness.
            side_px: of the window; smaller clips are left out.
            frames: in the window; shorter clips are left out.

        Returns:
            ``frames`` arrays (side, side, 3) float32 in [0, 1], sRGB, in order or reversed.

        Raises:
            UnreadableImage: no clip is large and long enough, or one cannot be read.
        """
        fitting = [c for c in self._clips if c[2] >= side_px and c[1] > frames]
        if not fitting:
            raise UnreadableImage(
                f"none of the {len(self._clips)} clips has more than {frames} frames of "
                f"{side_px} px or more"
            )
        path, count, side = fitting[int(rng.integers(len(fitting)))]
        shrink = _SHRINK if side >= _SHRINK * side_px else 1
        start = int(rng.integers((count - 1) // frames)) * frames
        segment = _segment(path, start, frames, shrink)
        y, x = (int(rng.integers(n - side_px + 1)) for n in segment[0].shape[:2])
        window = [to_float(f[y : y + side_px, x : x + side_px]) for f in segment]
        return window[::-1] if rng.random() < 0.5 else window


_segments = ByteCache()


def _segment(path: Path, start: int, count: int, shrink: int) -> list[NDArray[np.uint8]]:
    """Return a few frames from the middle of a clip, shrunk, from memory if they are there."""
    key = (path, start, count, shrink)
    return _segments.get(key, lambda: _decoded(path, start, count, shrink))


def _decoded(path: Path, start: int, count: int, shrink: int) -> list[NDArray[np.uint8]]:
    """Return a few frames from the middle of a clip, shrunk."""
    av = load_av()
    found: list[NDArray[np.uint8]] = []
    try:
        with open_clip(path) as container:
            stream = container.streams.video[0]
            rate = float(stream.average_rate or 25)
            target = round((start - 0.5) / rate / float(stream.time_base or 1)) if start else 0
            container.seek(max(0, target), stream=stream)
            for frame in container.decode(stream):
                if (frame.pts or 0) < target:
                    continue
                size = frame.width // shrink, frame.height // shrink
                small = frame.reformat(*size, format="rgb24", interpolation="AREA")
                found.append(np.asarray(small.to_ndarray(), np.uint8))
                if len(found) == count:
                    break
    except (av.FFmpegError, OSError, ValueError) as error:
        raise UnreadableImage(f"cannot read the clip {path}: {error}") from error
    if not found:
        raise UnreadableImage(f"cannot read frame {start} of the clip {path}")
    return found + [found[-1]] * (count - len(found))
