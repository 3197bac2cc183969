"""Animated pictures that FFmpeg does not read (WebP): brought into a video that loses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from unblur.errors import ImageTooLarge, UnreadableImage
from unblur.io.video import load_av
from unblur.opening import open_image

_MOST_BYTES = 8 << 30
"""Of the frames as they are kept for a while, before FFV1 makes them smaller."""

_DEFAULT_MS = 100


def is_webp(path: Path) -> bool:
    """Return whether a file is a WebP picture, by its first bytes."""
    try:
        with path.open("rb") as stream:
            start = stream.read(12)
    except OSError:
        return False
    return start[:4] == b"RIFF" and start[8:] == b"WEBP"


def write_as_video(path: Path, target: Path) -> None:
    """Write the frames of an animated WebP, with their times, as FFV1 in a Matroska file.

    Args:
        path: the animation; a still picture becomes a clip of one frame.
        target: ends in ``.mkv``.

    Raises:
        UnreadableImage: it cannot be decoded.
        ImageTooLarge: its frames take more than 8 GiB.
        MissingExtra: PyAV is not installed.
    """
    av = load_av()
    try:
        with open_image(path, ("WEBP",)) as image:
            count = int(getattr(image, "n_frames", 1))
            if count * image.width * image.height * 4 > _MOST_BYTES:
                raise ImageTooLarge(
                    f"{path} has {count} frames of {image.width} x {image.height} px, more than "
                    f"{_MOST_BYTES >> 30} GiB"
                )
            _write(av, _frames(image, count), target)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError) as error:
        raise UnreadableImage(f"cannot read the animation {path}: {error}") from error


def _frames(image: Image.Image, count: int) -> Iterator[tuple[Any, int]]:
    """Yield (H, W, 4) frames and when they begin, ms."""
    begins = 0
    for number in range(count):
        image.seek(number)
        yield np.asarray(image.convert("RGBA")), begins
        begins += int(image.info.get("duration", 0)) or _DEFAULT_MS


def _write(av: Any, frames: Iterator[tuple[Any, int]], target: Path) -> None:
    with av.open(str(target), "w") as container:
        stream: Any = None
        for samples, begins in frames:
            if stream is None:
                stream = container.add_stream("ffv1", rate=25)
                stream.height, stream.width = samples.shape[:2]
                # Only what is transparent somewhere keeps saying so.
                stream.pix_fmt = "bgra" if samples[..., 3].min() < 255 else "bgr0"
                stream.codec_context.time_base = Fraction(1, 1000)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(samples), format="rgba")
            frame = frame.reformat(format=stream.pix_fmt)
            frame.pts, frame.time_base = begins, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
