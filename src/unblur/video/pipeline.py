"""The way of a sequence: read, restore, write, each in a thread of its own.

Only a few frames are held at a time, whatever the length of the clip.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unblur.color import quantise, to_float
from unblur.errors import BadValue
from unblur.io.video import Frame, FrameSink, FrameSource
from unblur.video.cuts import CutDetector
from unblur.video.models import FrameModel

Progress = Callable[[int, int | None], None]
"""Called with (frames done, frames in all, where that is known)."""

_HELD = 3
_END = None


@dataclass(frozen=True)
class ClipOptions:
    """What the caller may choose.

    Attributes:
        seconds: stop after so many; None takes all.
        side_by_side: show the original left of the restored frame.
        strength: 0 leaves the frames, 1 restores fully.
    """

    seconds: float | None = None
    side_by_side: bool = False
    strength: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 1:
            raise BadValue(f"strength must be between 0 and 1, got {self.strength}")
        if self.seconds is not None and self.seconds <= 0:
            raise BadValue(f"a preview must be longer than 0 seconds, got {self.seconds}")


@dataclass(frozen=True)
class ClipReport:
    """What was done.

    Attributes:
        frames: restored.
        cuts: numbers of the frames at which the memory was emptied, from 0.
        seconds: in all.
        busy: seconds that each stage was at work: "read", "restore", "write".
        notes: what was not kept, for the user.
    """

    frames: int
    cuts: tuple[int, ...]
    seconds: float
    busy: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def restore_frames(
    source: FrameSource,
    sink: FrameSink,
    model: FrameModel,
    options: ClipOptions,
    *,
    progress: Progress | None = None,
) -> ClipReport:
    """Restore a sequence from a source into a sink.

    The sink is finished when all is well; otherwise, Ctrl-C included, it is discarded.
    """
    begun = time.perf_counter()
    busy = {"read": 0.0, "restore": 0.0, "write": 0.0}
    reader = _Stage(lambda: _timed(source, busy))
    writer = _Writer(sink, busy)
    cuts: list[int] = []
    count = 0
    model.reset()
    detect = CutDetector()
    try:
        for frame in reader:
            if options.seconds is not None and frame.seconds >= options.seconds:
                break
            if options.seconds is not None and source.info.rate is None:
                raise BadValue("frames without times have no seconds; leave --preview out")
            start = time.perf_counter()
            restored, cut = _restored(frame, model, detect, options)
            busy["restore"] += time.perf_counter() - start
            cuts += [count] if cut else []
            writer.put(replace(frame, samples=restored))
            count += 1
            if progress is not None:
                progress(count, _total(source, options))
        reader.stop()
        writer.close()
        sink.finish()
    except BaseException:
        reader.stop()
        writer.abandon()
        sink.discard()
        raise
    finally:
        source.close()
    notes = (*source.info.notes, *getattr(sink, "notes", ()))
    rounded = {key: round(value, 3) for key, value in busy.items()}
    return ClipReport(count, tuple(cuts), round(time.perf_counter() - begun, 3), rounded, notes)


def _restored(
    frame: Frame, model: FrameModel, detect: CutDetector, options: ClipOptions
) -> tuple[NDArray[Any], bool]:
    """Return a frame's new samples, and whether a scene begins with it."""
    before = to_float(frame.samples)
    cut = detect(before)
    if cut:
        model.reset()
    after = model.step(before)
    if options.strength < 1:
        after = before + np.float32(options.strength) * (after - before)
    samples = quantise(after, frame.samples.dtype)
    if options.side_by_side:
        samples = np.concatenate([frame.samples, samples], axis=1)
    return samples, cut


def _total(source: FrameSource, options: ClipOptions) -> int | None:
    info = source.info
    if options.seconds is None or info.rate is None:
        return info.frames
    wanted = max(1, round(options.seconds * float(info.rate)))
    return wanted if info.frames is None else min(wanted, info.frames)


def _timed(source: FrameSource, busy: dict[str, float]) -> Iterator[Frame]:
    frames = iter(source)
    while True:
        start = time.perf_counter()
        frame = next(frames, None)
        busy["read"] += time.perf_counter() - start
        if frame is None:
            return
        yield frame


class _Stage:
    """Runs an iterator in a thread, a few items ahead; its errors come out where it is read."""

    def __init__(self, items: Callable[[], Iterator[Frame]]) -> None:
        self._queue: queue.Queue[Frame | BaseException | None] = queue.Queue(_HELD)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(items,), daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Frame]:
        while True:
            item = self._queue.get()
            if item is _END:
                return
            if isinstance(item, BaseException):
                raise item
            yield item

    def stop(self) -> None:
        """Let the thread end; what it has read ahead is dropped."""
        self._stopped.set()
        while self._thread.is_alive():
            try:
                self._queue.get(timeout=0.02)
            except queue.Empty:
                continue
        self._thread.join()

    def _run(self, items: Callable[[], Iterator[Frame]]) -> None:
        try:
            for item in items():
                if self._stopped.is_set():
                    break
                self._queue.put(item)
            self._queue.put(_END)
        except BaseException as error:  # handed to whoever reads
            self._queue.put(error)


class _Writer:
    """Writes frames in a thread; its errors come out at the next frame or at the end."""

    def __init__(self, sink: FrameSink, busy: dict[str, float]) -> None:
        self._sink, self._busy = sink, busy
        self._queue: queue.Queue[Frame | None] = queue.Queue(_HELD)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def put(self, frame: Frame) -> None:
        if self._error is not None:
            raise self._error
        self._queue.put(frame)

    def close(self) -> None:
        """Wait until everything is written."""
        self._queue.put(_END)
        self._thread.join()
        if self._error is not None:
            raise self._error

    def abandon(self) -> None:
        """Let the thread end without caring for its frames."""
        self._error = self._error or InterruptedError()
        self._queue.put(_END)
        self._thread.join()

    def _run(self) -> None:
        while True:
            frame = self._queue.get()
            if frame is _END:
                return
            if self._error is not None:
                continue  # keep emptying the queue, so that nobody waits for ever
            start = time.perf_counter()
            try:
                self._sink.write(frame)
            except BaseException as error:  # handed to whoever writes
                self._error = error
            self._busy["write"] += time.perf_counter() - start
