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
        side_px: windows to be cut; smaller clips are left out.
        frames: frames per window; shorter clips are left out.
    """

    def __init__(self, root: Path, split: Split, *, side_px: int, frames: int) -> None:
        self._side, self._frames = side_px, frames
        self._clips: list[tuple[Path, int, int]] = []
        manifest = root / MANIFEST
        if not manifest.is_file():
            return
        with manifest.open(newline="", encoding="utf-8") as stream:
            for row in csv.DictReader(stream):
                side, count = min(int(row["w"]), int(row["h"])), int(row["frames"])
                if row["split"] == split and side >= side_px and count > frames:
                    shrink = _SHRINK if side >= _SHRINK * side_px else 1
                    self._clips.append((manifest.parent / row["file"], count, shrink))

    def __len__(self) -> int:
        return len(self._clips)

    def window(self, rng: np.random.Generator) -> list[FloatArray]:
        """Return the same random window of a few frames in a row.

        Returns:
            ``frames`` arrays (side, side, 3) float32 in [0, 1], sRGB, in order or reversed.
        """
        path, count, shrink = self._clips[int(rng.integers(len(self._clips)))]
        start = int(rng.integers((count - 1) // self._frames)) * self._frames
        frames = _segment(path, start, self._frames, shrink)
        y, x = (int(rng.integers(n - self._side + 1)) for n in frames[0].shape[:2])
        window = [to_float(f[y : y + self._side, x : x + self._side]) for f in frames]
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
