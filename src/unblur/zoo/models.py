"""The networks that a photo needs, as one value, and the session that holds them loaded."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from unblur.engines.base import Engine
from unblur.engines.foreign import ForeignEngine
from unblur.engines.onnx import OnnxEngine
from unblur.errors import BadValue, UnknownModel, nearest
from unblur.motion.detect import BlurDetector
from unblur.motion.estimator import MotionEstimator
from unblur.motion.network import NetworkEstimator
from unblur.motion.one_window import WindowEstimator
from unblur.motion.params import FAST_REFINE, MOTION
from unblur.restoration.classical import CLASSICAL, UNREGULARISED
from unblur.restoration.foreign import ForeignRestorer
from unblur.restoration.restorers import (
    ClassicalRestorer,
    NetworkRestorer,
    PlainRestorer,
    Restorer,
)
from unblur.runtime import Runtime
from unblur.zoo.catalogue import (
    BEST_MODEL,
    BLUR_NET,
    DEFAULT_MODEL,
    FUSE_NET,
    JUDGE_NET,
    KERNEL_NET,
    MAP_NET,
    NETWORKS,
    is_foreign,
    model_names,
    weights_path,
)
from unblur.zoo.store import read_record, verified_file

_MOST_AT_ONCE = 4
"""Tiles restored at the same time. Threads that share a tile wait for each other and rest while
it is deconvolved, threads with a tile each do not; but each takes memory."""

_MOST_HELD = 12
"""Networks that a session holds at the same time; those of one photo are five or six."""


@dataclass(frozen=True, eq=False)
class Models:
    """What a photo's restoration needs, loaded.

    Attributes:
        estimator: tells how the photo moved.
        detector: tells sharp from blurred, evidence for the gate; None leaves it out.
        restorer: restores the tiles.
        device: short name of the device that runs the networks.
    """

    estimator: MotionEstimator
    detector: BlurDetector | None
    restorer: Restorer
    device: str = "cpu"


class Session:
    """Owns loaded networks: each is read once, however many photos are restored with it.

    May be shared by threads. A network's file that changes meanwhile is not read again; a model
    of the model store that is replaced is. Not to be handed to another process: each makes its
    own.

    Args:
        threads: computing threads of the networks, on the device that the environment asks for;
            all processors if omitted.
        runtime: how networks are run, in place of ``threads``: threads, device, tiles at once.

    Raises:
        BadValue: both are given.

    Example:
        >>> import numpy as np, unblur
        >>> session = unblur.Session(threads=1)
        >>> photos = [np.zeros((64, 80, 3), np.uint8)] * 2
        >>> any(unblur.restore(photo, session=session).report.changed for photo in photos)
        False
    """

    def __init__(self, *, threads: int | None = None, runtime: Runtime | None = None) -> None:
        if threads is not None and runtime is not None:
            raise BadValue("give threads or runtime, not both; a runtime has its own threads")
        self.runtime = runtime or Runtime.of_process(threads)
        self._held: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def threads(self) -> int | None:
        """Computing threads; None for all processors."""
        return self.runtime.threads

    @property
    def device(self) -> str:
        """Short name of the device that runs the networks; ``auto`` is decided by trying."""
        if self.runtime.provider != "auto":
            return self.runtime.provider  # another one is never taken in its place
        engine = self.network(weights_path(KERNEL_NET), "kernel")
        return str(getattr(engine, "device", "cpu"))

    def notes(self) -> tuple[str, ...]:
        """Return remarks on where networks run: that ``auto`` found nothing but the processor."""
        if self.runtime.provider == "auto" and self.device == "cpu":
            return ("no device but the CPU can be used; it computed",)
        return ()

    def models(self, name: str = DEFAULT_MODEL, *, fast: bool = False) -> Models:
        """Return what restores photos with a model.

        Args:
            name: as ``--model`` takes it; see :meth:`restorer`.
            fast: see :meth:`estimator`.
        """
        return Models(self.estimator(fast=fast), self.detector(), self.restorer(name), self.device)

    def estimator(self, *, fast: bool = False) -> MotionEstimator:
        """Return the shipped estimator.

        Args:
            fast: with one search only, see :data:`unblur.motion.params.FAST_REFINE`.
        """
        params = replace(MOTION, refine=FAST_REFINE) if fast else MOTION
        kernel, fuse, judge, mapper = (
            self.network(weights_path(name), task)
            for name, task in (
                (KERNEL_NET, "kernel"),
                (FUSE_NET, "fuse"),
                (JUDGE_NET, "judge"),
                (MAP_NET, "map"),
            )
        )
        return NetworkEstimator(kernel, fuse, judge, mapper, runtime=self.runtime, params=params)

    def quick_estimator(self, *, rounds: int = 1) -> WindowEstimator:
        """Return the shipped estimator for frames, on one thread: others go on beside it.

        Args:
            rounds: estimates, each with the PSF of the one before at hand.
        """
        one = self.runtime.on_threads(1)
        kernel = self.network(weights_path(KERNEL_NET), "kernel", runtime=one)
        return WindowEstimator(kernel, telling=True, rounds=rounds, runtime=one)

    def detector(self, *, mapped: bool = False) -> BlurDetector:
        """Return the shipped blur detector.

        Args:
            mapped: whether MapNet is asked as well where it is unsure: for a verdict on a photo;
                where it is one witness among others, the map speaks for itself.
        """
        mapper = self.network(weights_path(MAP_NET), "map") if mapped else None
        return BlurDetector(self.network(weights_path(BLUR_NET), "detect"), mapper)

    def restorer(self, name: str = DEFAULT_MODEL) -> Restorer:
        """Return the restorer of a name, or of the path of an ONNX file of ours.

        Networks from elsewhere come from the model store; see :mod:`unblur.zoo.store`.

        Raises:
            UnknownModel: no model has this name.
            CorruptWeights, SpecMismatch: the file is not a restoration network of ours.
        """
        if name in CLASSICAL:
            return ClassicalRestorer(
                name,
                CLASSICAL[name],
                regularised=name not in UNREGULARISED,
                at_once=self._tiles_at_once(),
            )
        if name in NETWORKS:
            return self._network_restorer(name, weights_path(NETWORKS[name]))
        if is_foreign(name):
            spec = read_record(name)
            engine = self._kept(
                (spec, self.runtime),
                lambda: ForeignEngine(verified_file(spec), spec, runtime=self.runtime),
            )
            return ForeignRestorer(name, engine)
        if name.endswith(".onnx") and Path(name).is_file():
            return self._network_restorer(name, Path(name))
        raise UnknownModel(
            f"there is no model '{name}' (and no such .onnx file); {nearest(name, model_names())}"
        )

    def network(self, path: Path, task: str, *, runtime: Runtime | None = None) -> Engine:
        """Return the engine that runs a network file of ours.

        Args:
            path: the file.
            task: what it must be for.
            runtime: of this one; the session's if omitted.

        Raises:
            CorruptWeights, SpecMismatch: not a network of ours, or for another task.
        """
        runtime = runtime or self.runtime
        key = (path, task, runtime)
        engine: Engine = self._kept(key, lambda: OnnxEngine(path, task=task, runtime=runtime))
        return engine

    def _network_restorer(self, name: str, path: Path) -> NetworkRestorer:
        at_once = self._tiles_at_once()
        each = max(1, self.runtime.computing_threads() // at_once)
        engine = self.network(path, "restore", runtime=self.runtime.on_threads(each))
        kind = PlainRestorer if engine.spec.bank == "none" else NetworkRestorer
        return kind(name, engine, at_once=at_once, self_ensemble=name == BEST_MODEL)

    def _tiles_at_once(self) -> int:
        return self.runtime.tiles_at_once or min(self.runtime.computing_threads(), _MOST_AT_ONCE)

    def _kept(self, key: Hashable, load: Callable[[], Any]) -> Any:
        with self._lock:
            if key not in self._held:
                self._held[key] = load()
            self._held.move_to_end(key)
            while len(self._held) > _MOST_HELD:
                self._held.popitem(last=False)
            return self._held[key]


_defaults: dict[Runtime, Session] = {}
"""Sessions of calls that bring none, by their runtimes; see :func:`default_session`."""


def default_session(runtime: Runtime | None = None) -> Session:
    """Return the session of this process for calls that bring none, so that they stay quick.

    It holds the networks of the last calls until the process ends. Whoever wants them gone earlier
    brings a :class:`Session`.

    Args:
        runtime: how networks are run; as the environment asks for if omitted.
    """
    runtime = runtime or Runtime.of_process()
    return _defaults.setdefault(runtime, Session(runtime=runtime))
