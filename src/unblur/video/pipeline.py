"""The way of a sequence: read, analyse, restore, write, each in a thread of its own.

Only a few frames are held at a time, whatever the length of the clip.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeVar, cast

import numpy as np

from unblur.color import FloatArray, quantise, to_float
from unblur.errors import BadValue
from unblur.io.video import Frame, FrameSink, FrameSource
from unblur.runtime import ALL_THREADS, Runtime
from unblur.video.cuts import CutDetector
from unblur.video.known import KnowsMotion
from unblur.video.models import FrameModel, RelatesFrames
from unblur.video.stages import Stage, Writer
from unblur.zoo.models import Session

T = TypeVar("T")

Progress = Callable[[int, int | None], None]
"""Called with (frames done, frames in all, where that is known)."""

_MOST_AHEAD = 3


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
        busy: seconds that each stage was at work: "read", "analyse" (what a frame shows by
            itself, scene cuts), "restore", "write"; they work at the same time.
        notes: what was not kept, for the user.
        device: short name of the device that ran the networks.
    """

    frames: int
    cuts: tuple[int, ...]
    seconds: float
    busy: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    device: str = "cpu"

    def to_dict(self) -> dict[str, Any]:
        """Return the report for JSON; ``look``, the old name of ``analyse``, stays until 0.3."""
        row = asdict(self)
        row["busy"] = {**self.busy, "look": self.busy.get("analyse", 0.0)}
        return row

    def told_by(self, session: Session) -> ClipReport:
        """Return the report with where a session ran the networks."""
        return replace(self, notes=(*self.notes, *session.notes()), device=session.device)


def restore_frames(
    source: FrameSource,
    sink: FrameSink,
    model: FrameModel,
    options: ClipOptions,
    *,
    runtime: Runtime = ALL_THREADS,
    progress: Progress | None = None,
) -> ClipReport:
    """Restore a sequence from a source into a sink.

    The sink is finished when all is well; otherwise, Ctrl-C included, it is discarded. Half of the
    threads, but at most _MOST_AHEAD, analyse frames ahead.
    """
    begun = time.perf_counter()
    busy = dict.fromkeys(("read", "analyse", "restore", "write"), 0.0)
    reader = Stage(lambda: _timed(iter(_wanted(source, options)), busy))
    ahead = max(1, min(_MOST_AHEAD, runtime.computing_threads() // 2))
    analyser = Stage(lambda: _analysed(reader, model, busy, ahead), held=1)
    ready = analyser
    if isinstance(model, RelatesFrames):
        related = _related(analyser, model, busy)
        ready = Stage(lambda: related, held=1)
    writer: Writer[_Done] = Writer(lambda done: sink.write(_written(done, options)), busy)
    cuts: list[int] = []
    count = 0
    model.reset()
    try:
        for seen, following in with_following(ready):
            start = time.perf_counter()
            if seen.cut:
                model.reset()
                cuts.append(count)
            restored = model.step(seen.before, seen.ready, _same_scene(following))
            busy["restore"] += time.perf_counter() - start
            writer.put(_Done(seen.frame, seen.before, restored))
            count += 1
            if progress is not None:
                progress(count, _total(source, options))
        writer.close()
        sink.finish()
    except BaseException:
        reader.stop()
        analyser.stop()
        ready.stop()
        writer.abandon()
        sink.discard()
        raise
    finally:
        source.close()
    notes = (*source.info.notes, *getattr(sink, "notes", ()))
    rounded = {key: round(value, 3) for key, value in busy.items()}
    return ClipReport(count, tuple(cuts), round(time.perf_counter() - begun, 3), rounded, notes)


@dataclass(frozen=True, eq=False)
class _Analysed:
    """A frame that has been analysed.

    Attributes:
        frame: as read.
        before: its samples as float32 in [0, 1].
        cut: whether a scene begins with it.
        analysis: what the model found in it by itself.
        ready: what the model restores it with: the same, with what the frames beside it tell where
            the model asks them.
    """

    frame: Frame
    before: FloatArray
    cut: bool
    analysis: Any
    ready: Any


def with_following(items: Iterable[T]) -> Iterator[tuple[T, T | None]]:
    """Yield each item and the one after it, None after the last."""
    held: list[T] = []
    for item in items:
        if held:
            yield held.pop(), item
        held.append(item)
    if held:
        yield held.pop(), None


def _related(
    frames: Iterable[_Analysed], model: RelatesFrames, busy: dict[str, float]
) -> Iterator[_Analysed]:
    """Yield frames with what the frames beside them tell."""
    last = None
    for seen, following in with_following(frames):
        start = time.perf_counter()
        before = None if seen.cut else last
        related = model.relate(before, seen.analysis, _same_scene(following))
        last = seen.analysis
        busy["analyse"] += time.perf_counter() - start
        yield replace(seen, ready=related)


def _same_scene(following: _Analysed | None) -> Any:
    """Return what the next frame shows, unless a scene begins with it."""
    return None if following is None or following.cut else following.analysis


@dataclass(frozen=True, eq=False)
class _Done:
    """A frame as read, its samples as float32 in [0, 1], and what became of them.

    Not what was found in it: that is several times as large, and frames wait to be written.
    """

    frame: Frame
    before: FloatArray
    after: FloatArray


def _wanted(source: FrameSource, options: ClipOptions) -> Iterator[Frame]:
    """Yield the frames to be restored."""
    if options.seconds is not None and source.info.rate is None:
        raise BadValue("frames without times have no seconds; leave --preview out")
    for frame in source:
        if options.seconds is not None and frame.seconds >= options.seconds:
            return
        yield frame


def _analysed(
    frames: Iterable[Frame], model: FrameModel, busy: dict[str, float], ahead: int
) -> Iterator[_Analysed]:
    """Yield frames in order with what they show by themselves; ``ahead`` at a time."""
    detect = CutDetector()
    waiting: deque[Future[tuple[FloatArray, Any, float]]] = deque()
    held: deque[Frame] = deque()
    with ThreadPoolExecutor(ahead) as pool:

        def oldest() -> _Analysed:
            frame, (before, analysis, seconds) = held.popleft(), waiting.popleft().result()
            busy["analyse"] += seconds
            return _Analysed(frame, before, detect(before), analysis, analysis)

        for frame in frames:
            held.append(frame)
            waiting.append(pool.submit(_analyse, frame, model))
            if len(waiting) > ahead:
                yield oldest()
        while waiting:
            yield oldest()


def _analyse(frame: Frame, model: FrameModel) -> tuple[FloatArray, Any, float]:
    """Return a frame as float32, what it shows by itself, and how long that took, s."""
    start = time.perf_counter()
    before = to_float(frame.samples)
    if frame.motion is None:
        analysis = model.analyse(before)
    else:
        analysis = cast("KnowsMotion", model).analyse_known(before, frame.motion)
    return before, analysis, time.perf_counter() - start


def _written(done: _Done, options: ClipOptions) -> Frame:
    """Return a frame as it is to be written."""
    frame, before, after = done.frame, done.before, done.after
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
