"""Pairs that take no time, models that need none, and workers within this process."""

import io
import json
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from unblur.evaluate.comparing import run, worker, worker_pool


def write_pairs(folder, count=4, size=(110, 150)):
    """Write pairs of noise and smoothed noise; the later, the smoother."""
    for side in ("blurry", "sharp"):
        (folder / side).mkdir(parents=True)
    for number in range(count):
        rng = np.random.default_rng(number)
        sharp = rng.integers(0, 256, (*size, 3), np.uint8)
        blurry = ndimage.uniform_filter(sharp, (3 + number, 1, 1))
        for side, image in (("blurry", blurry), ("sharp", sharp)):
            Image.fromarray(image).save(folder / side / f"p{number}.png")


def _closer(share):
    """A method that is told the truth, to know what must come out."""

    def run_it(samples, case):
        sharp = case.read_sharp().astype(np.float32)
        return np.round(samples + share * (sharp - samples)).astype(np.uint8), None

    return run_it


def _fails_on_p1(samples, case):
    if case.name == "p1":
        raise ValueError("a defect")
    return samples // 2, None


METHODS = {
    "blurry": lambda samples, case: (samples, None),
    "good": _closer(0.5),
    "better": _closer(0.6),
    "dark": lambda samples, case: (samples // 2, None),
    "unsteady": _fails_on_p1,
    "sometimes": lambda samples, case: (samples, None) if case.name == "p0" else None,
}


class WorkerPool:
    """Answers as the working processes do, and remembers what it was asked."""

    asked: ClassVar[list] = []
    stop_at = None

    def __init__(self, job):
        self._job = job

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def start(self, models):
        for model in models:
            worker.method_of(model)

    def ask(self, model, request):
        if request["case"] == WorkerPool.stop_at and model == "dark":
            raise KeyboardInterrupt
        WorkerPool.asked.append((model, request["case"]))
        lines = f"{self._job.to_json()}\n{json.dumps(request)}\n"
        said = []
        worker.serve(model, io.StringIO(lines), said.append)
        answer = json.loads(json.dumps(said[-1]))
        if "error" in answer:
            raise worker_pool._error_of(answer)
        return answer


def in_this_process(monkeypatch):
    """Let comparisons run in this process, with METHODS in place of models."""
    monkeypatch.setattr(run, "WorkerPool", WorkerPool)
    monkeypatch.setattr(worker, "method_of", lambda name, runtime=None: METHODS[name])
    WorkerPool.asked, WorkerPool.stop_at = [], None
    return WorkerPool


@pytest.fixture
def fake_pool(monkeypatch):
    """See :func:`in_this_process`."""
    return in_this_process(monkeypatch)
