"""Raw frames through pipes: bytes in rows of pixels, nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from unblur.color import quantise, to_float
from unblur.errors import BadValue, CannotWrite, UnreadableImage
from unblur.io.video import ClipInfo, Frame
from unblur.io.video_turn import quarter_turned

if TYPE_CHECKING:
    from unblur.io.video_read import VideoSource

PIXEL_FORMATS = ("rgb24", "bgr24")


class RawSource:
    """Frames from a stream of bytes, until it ends.

    Args:
        stream: as standard input.
        width, height: of each frame, px.
        rate: frames per second.
        pix_fmt: "rgb24" or "bgr24".

    Raises:
        BadValue: sides below 1, or another pixel format.
    """

    def __init__(
        self, stream: BinaryIO, *, width: int, height: int, rate: Fraction, pix_fmt: str = "rgb24"
    ) -> None:
        if min(width, height) < 1 or rate <= 0:
            raise BadValue(f"raw frames need sides and a rate above 0, got {width} x {height}")
        check_pix_fmt(pix_fmt)
        self._stream, self._swap = stream, pix_fmt == "bgr24"
        self.info = ClipInfo(width, height, None, rate)

    def __iter__(self) -> Iterator[Frame]:
        """Yield (H, W, 3) uint8 frames; UnreadableImage where the stream ends within one."""
        shape = (self.info.height, self.info.width, 3)
        size = shape[0] * shape[1] * 3
        number = 0
        while data := self._stream.read(size):
            while len(data) < size and (more := self._stream.read(size - len(data))):
                data += more
            if len(data) < size:
                raise UnreadableImage(
                    f"the raw frames end within frame {number + 1}: {len(data)} of {size} bytes; "
                    "check --size and --pix-fmt"
                )
            samples = np.frombuffer(data, np.uint8).reshape(shape)
            seconds = float(number / self.info.rate) if self.info.rate else 0.0
            yield Frame(samples[..., ::-1] if self._swap else samples, seconds, number)
            number += 1

    def close(self) -> None:
        """The stream belongs to the caller."""


class RawSink:
    """Frames into a stream of bytes; what has been written cannot be taken back.

    Args:
        stream: as standard output.
        pix_fmt: "rgb24" or "bgr24".
        source: the video they come from, whose turn they are given: raw frames cannot say it.
    """

    def __init__(
        self, stream: BinaryIO, *, pix_fmt: str = "rgb24", source: VideoSource | None = None
    ) -> None:
        check_pix_fmt(pix_fmt)
        self._stream, self._swap, self._source = stream, pix_fmt == "bgr24", source
        self.notes: list[str] = []

    def write(self, frame: Frame) -> None:
        """Write the bytes of a frame, 8 bits a channel."""
        samples = frame.samples
        if samples.dtype != np.uint8:
            self._note("raw frames have 8 bits a channel, the video has more")
            samples = quantise(to_float(samples), np.dtype(np.uint8))
        matrix = self._source.matrix if self._source is not None else None
        if matrix is not None:
            self._note("raw frames cannot say how they are turned: turned themselves")
            samples = quarter_turned(samples, matrix)
        samples = samples[..., ::-1] if self._swap else samples
        try:
            self._stream.write(np.ascontiguousarray(samples).tobytes())
        except OSError as error:
            raise CannotWrite(f"cannot write raw frames: {error.strerror or error}") from error

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def finish(self) -> None:
        """Hand over what is still held."""
        try:
            self._stream.flush()
        except OSError as error:
            raise CannotWrite(f"cannot write raw frames: {error.strerror or error}") from error

    def discard(self) -> None:
        """Nothing can be taken back."""


def check_pix_fmt(pix_fmt: str) -> None:
    """Raise BadValue unless raw frames of this pixel format are read and written."""
    if pix_fmt not in PIXEL_FORMATS:
        raise BadValue(f"raw frames are {' or '.join(PIXEL_FORMATS)}, got '{pix_fmt}'")
