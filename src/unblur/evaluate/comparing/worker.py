"""A process that runs one model: ``python -m unblur.evaluate.comparing.worker MODEL``.

A process of its own, so that the memory measured is this model's alone and that a model that
is killed takes nothing with it. It reads lines of JSON, a :class:`Job` first and then a request
for each photo, and answers each with a line.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from unblur.errors import UnblurError
from unblur.evaluate.cases import Case
from unblur.evaluate.comparing.crops import View, cut_jpeg, displayed, overview_jpeg, view_of
from unblur.evaluate.comparing.job import Job
from unblur.evaluate.light import Method
from unblur.evaluate.methods import BLURRY, method_of
from unblur.evaluate.protocols import Protocol
from unblur.evaluate.quality import run_method
from unblur.evaluate.results import NAMED
from unblur.io import write_bytes

Say = Callable[[dict[str, Any]], None]


def main() -> None:
    """Serve until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the asking process decides when to stop
    # What a library prints must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(answer: dict[str, Any]) -> None:
        print(json.dumps(answer), file=answers, flush=True)

    serve(sys.argv[1], sys.stdin, say)


def serve(model: str, requests: TextIO, say: Say) -> None:
    """Answer every request."""
    try:
        job = Job.from_json(requests.readline())
        data, protocol = job.open()
        method = method_of(model, runtime=job.runtime)
        cases = {case.name: case for case in data.cases}
        say({"ready": True})
    except UnblurError as error:
        say(_failure(error))
        return
    for line in requests:
        request = json.loads(line)
        try:
            say(_run(model, method, cases[request["case"]], protocol, request))
        except UnblurError as error:
            say(_failure(error))
        except Exception as error:  # a defect of one model must not end the comparison
            say({"error": "EngineFailed", "message": f"{type(error).__name__}: {error}"})


def _run(
    model: str, method: Method, case: Case, protocol: Protocol, request: dict[str, Any]
) -> dict[str, Any]:
    blurry = case.blurry.read()
    before = request["before"]
    if before is None:
        before = protocol.score(blurry, case)
    outcome = run_method(label_of(model), method, blurry, case, before=before, protocol=protocol)
    if outcome is None:
        return {"row": None}
    restored, row = outcome
    view = view_of(blurry, case)
    _write_pictures(
        view, displayed(restored, case), Path(request["pictures"]), given=model == BLURRY
    )
    return {"row": dataclasses.asdict(row), **view.facts()}


def label_of(model: str) -> str:
    """Return what a method is called in the report: of NAME=FOLDER the name."""
    return model.partition(NAMED)[0]


def _write_pictures(view: View, restored: Any, stem: Path, *, given: bool) -> None:
    """Write a result's window; ``given``: also what every method was given, once for all."""
    pictures = {"": cut_jpeg(restored, view.window)}
    if given:
        pictures["-overview"] = overview_jpeg(view.blurry)
        if view.sharp is not None:
            pictures["-sharp"] = cut_jpeg(view.sharp, view.window)
    for suffix, data in pictures.items():
        write_bytes(data, stem.with_name(f"{stem.name}{suffix}.jpg"), overwrite=True)


def _failure(error: UnblurError) -> dict[str, Any]:
    return {"error": type(error).__name__, "message": str(error)}


if __name__ == "__main__":
    main()
