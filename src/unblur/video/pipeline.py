"""The way of a sequence: read, look, restore, write, each in a thread of its own.

Only a few frames are held at a time, whatever the length of the clip.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

import numpy as np

from unblur.color import FloatArray, quantise, to_float
from unblur.errors import BadValue
from unblur.io.video import Frame, FrameSink, FrameSource
from unblur.video.cuts import CutDetector
from unblur.video.models import FrameModel

Progress = Callable[[int, int | None], None]
"""Called with (frames done, frames in all, where that is known)."""

T = TypeVar("T")

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
        busy: seconds that each stage was at work: "read", "look" (what a frame shows by
            itself, scene cuts), "restore", "write"; they work at the same time.
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
    busy = dict.fromkeys(("read", "look", "restore", "write"), 0.0)
    reader = _Stage(lambda: _timed(iter(_wanted(source, options)), busy))
    looker = _Stage(lambda: _looked(reader, model, busy), held=1)
    writer = _Writer(sink, options, busy)
    cuts: list[int] = []
    count = 0
    model.reset()
    try:
        for seen in looker:
            start = time.perf_counter()
            if seen.cut:
                model.reset()
                cuts.append(count)
            restored = model.step(seen.before, seen.sight)
            busy["restore"] += time.perf_counter() - start
            writer.put(_Done(seen, restored))
            count += 1
            if progress is not None:
                progress(count, _total(source, options))
        writer.close()
        sink.finish()
    except BaseException:
        reader.stop()
        looker.stop()
        writer.abandon()
        sink.discard()
        raise
    finally:
        source.close()
    notes = (*source.info.notes, *getattr(sink, "notes", ()))
    rounded = {key: round(value, 3) for key, value in busy.items()}
    return ClipReport(count, tuple(cuts), round(time.perf_counter() - begun, 3), rounded, notes)


@dataclass(frozen=True, eq=False)
class _Seen:
    """A frame that has been looked at.

    Attributes:
        frame: as read.
        before: its samples as float32 in [0, 1].
        cut: whether a scene begins with it.
        sight: what the model saw in it.
    """

    frame: Frame
    before: FloatArray
    cut: bool
    sight: Any


@dataclass(frozen=True, eq=False)
class _Done:
    """A frame and what became of it, float32 in [0, 1]."""

    seen: _Seen
    after: FloatArray


def _wanted(source: FrameSource, options: ClipOptions) -> Iterator[Frame]:
    """Yield the frames to be restored."""
    if options.seconds is not None and source.info.rate is None:
        raise BadValue("frames without times have no seconds; leave --preview out")
    for frame in source:
        if options.seconds is not None and frame.seconds >= options.seconds:
            return
        yield frame


def _looked(frames: Iterable[Frame], model: FrameModel, busy: dict[str, float]) -> Iterator[_Seen]:
    """Yield frames with what they show by themselves."""
    detect = CutDetector()
    for frame in frames:
        start = time.perf_counter()
        before = to_float(frame.samples)
        seen = _Seen(frame, before, detect(before), model.look(before))
        busy["look"] += time.perf_counter() - start
        yield seen


def _written(done: _Done, options: ClipOptions) -> Frame:
    """Return a frame as it is to be written."""
    frame, before, after = done.seen.frame, done.seen.before, done.after
    if options.strength < 1:
        after = before + np.float32(options.strength) * (after - before)
    samples = quantise(after, frame.samples.dtype)
    if options.side_by_side:
        samples = np.concatenate([frame.samples, samples], axis=1)
    return replace(frame, samples=samples)


def _total(source: FrameSource, options: ClipOptions) -> int | None:
    info = source.info
    if options.seconds is None or info.rate is None:
        return info.frames
    wanted = max(1, round(options.seconds * float(info.rate)))
    return wanted if info.frames is None else min(wanted, info.frames)


def _timed(frames: Iterator[Frame], busy: dict[str, float]) -> Iterator[Frame]:
    while True:
        start = time.perf_counter()
        frame = next(frames, None)
        busy["read"] += time.perf_counter() - start
        if frame is None:
            return
        yield frame


class _Stage(Generic[T]):
    """Runs an iterator in a thread, a few items ahead; its errors come out where it is read."""

    def __init__(self, items: Callable[[], Iterator[T]], *, held: int = _HELD) -> None:
        self._queue: queue.Queue[T | BaseException | None] = queue.Queue(held)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(items,), daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[T]:
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
        with contextlib.suppress(queue.Empty):
            while True:
                self._queue.get_nowait()
        self._queue.put(_END)  # whoever still waits for an item waits no longer

    def _run(self, items: Callable[[], Iterator[T]]) -> None:
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

    def __init__(self, sink: FrameSink, options: ClipOptions, busy: dict[str, float]) -> None:
        self._sink, self._options, self._busy = sink, options, busy
        self._queue: queue.Queue[_Done | None] = queue.Queue(_HELD)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def put(self, done: _Done) -> None:
        if self._error is not None:
            raise self._error
        self._queue.put(done)

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
            done = self._queue.get()
            if done is _END:
                return
            if self._error is not None:
                continue  # keep emptying the queue, so that nobody waits for ever
            start = time.perf_counter()
            try:
                self._sink.write(_written(done, self._options))
            except BaseException as error:  # handed to whoever writes
                self._error = error
            self._busy["write"] += time.perf_counter() - start
