"""Where the time of one photo goes: the functions that matter are timed as they are called.

Each stage is told without the stages that it calls. ``cpu`` is the time that the calling threads
worked (waiting left out; threads that ONNX Runtime starts itself are not seen), ``wall`` the time
that passed, summed over threads that work side by side.
"""

from __future__ import annotations

import functools
import importlib
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

STAGES = (
    ("decode the file", "unblur.io", "read_photo"),
    ("motion: features", "unblur.motion.kernel", "motion_features"),
    ("motion: searches", "unblur.motion.sources", "estimate_psf_map"),
    ("motion: searches of windows", "unblur.motion.refinement", "estimate_psf_map"),
    ("motion: searched PSFs' costs", "unblur.motion.fusion", "fusion_maps"),
    ("motion: proposed, the rest", "unblur.motion.network", "NetworkEstimator.propose"),
    ("motion: refined, the rest", "unblur.motion.network", "NetworkEstimator.refine"),
    ("blur detector", "unblur.pipeline.gate", "detection"),
    ("networks", "unblur.engines.onnx", "OnnxEngine.__call__"),
    ("tile: read", "unblur.pipeline.tile_reader", "TileReader.tile"),
    ("noise", "unblur.pipeline.run", "measured_noise"),
    ("tile: network's input", "unblur.restoration.restorers", "network_input"),
    ("tile: Wiener bank", "unblur.restoration.inputs", "wiener_bank"),
    ("tile: bank of total variation", "unblur.restoration.inputs", "tv_bank"),
    ("tile: around the network", "unblur.restoration.restorers", "NetworkRestorer.__call__"),
    ("tile: weigh", "unblur.pipeline.tile_work", "TileWork._tile"),
    ("add to the samples", "unblur.pipeline.tile_work", "TileWork._write"),
    ("encode the file", "unblur.io", "write_photo"),
)


def place_of(module: str, path: str) -> tuple[Any, str]:
    """Return the module or class that a stage's function is looked up in, and its name there."""
    owner: Any = importlib.import_module(module)
    *outer, name = path.split(".")
    for part in outer:
        owner = getattr(owner, part)
    return owner, name


class Profile:
    """Time spent in each stage, in all threads."""

    def __init__(self, stages: tuple[tuple[str, str, str], ...] = STAGES) -> None:
        self._stages = stages
        self.rows: dict[str, list[float]] = defaultdict(lambda: [0, 0.0, 0.0])
        self._open = threading.local()
        self._lock = threading.Lock()

    def watch(self) -> None:
        """Put a stopwatch around every stage."""
        for label, module, path in self._stages:
            owner, name = place_of(module, path)
            setattr(owner, name, self._timed(label, getattr(owner, name)))

    def table(self, total: float) -> str:
        """Return a row for each stage, the most expensive first."""
        lines = [f"{'stage':<28}{'calls':>7}{'cpu s':>9}{'wall s':>9}{'cpu share':>11}"]
        whole = sum(cpu for _, cpu, _ in self.rows.values())
        for label, (calls, cpu, wall) in sorted(self.rows.items(), key=lambda r: -r[1][1]):
            lines.append(f"{label:<28}{calls:>7.0f}{cpu:>9.2f}{wall:>9.2f}{cpu / whole:>11.1%}")
        lines.append(f"{'all stages':<28}{'':>7}{whole:>9.2f}{'':>9}; {total:.2f} s passed")
        return "\n".join(lines)

    def _timed(self, label: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def timed(*args: Any, **options: Any) -> Any:
            stack = self._open.__dict__.setdefault("stack", [])
            inside = [0.0, 0.0]
            stack.append(inside)
            begun = time.thread_time(), time.perf_counter()
            try:
                return function(*args, **options)
            finally:
                cpu, wall = time.thread_time() - begun[0], time.perf_counter() - begun[1]
                stack.pop()
                if stack:
                    stack[-1][0] += cpu
                    stack[-1][1] += wall
                with self._lock:
                    row = self.rows[label]
                    row[0] += 1
                    row[1] += cpu - inside[0]
                    row[2] += wall - inside[1]

        return timed
