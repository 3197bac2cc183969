"""The working processes as the asking one sees them: one for each model, started when needed."""

from __future__ import annotations

import json
import subprocess
import sys
from types import TracebackType
from typing import IO, Any

from unblur import errors
from unblur.errors import EngineFailed, UnblurError
from unblur.evaluate.comparing.job import Job


class WorkerPool:
    """A working process for each model; all end with the ``with`` block.

    Args:
        job: what they work on.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._workers: dict[str, _Worker] = {}

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in self._workers.values():
            worker.stop()

    def start(self, models: list[str]) -> None:
        """Load the models, all at once.

        Raises:
            UnknownModel, CorruptWeights, MissingExtra: as the model says.
        """
        fresh = [name for name in models if name not in self._workers]
        for name in fresh:
            self._workers[name] = _Worker(name)  # kept before it is spoken to, so that it is ended
            self._workers[name].begin(self._job)
        for name in fresh:
            self._workers[name].wait()

    def ask(self, model: str, request: dict[str, Any]) -> dict[str, Any]:
        """Return a model's answer on one photo; a process that died is replaced.

        Raises:
            EngineFailed: the process died on this photo.
            UnblurError: as the model says.
        """
        if model not in self._workers:
            self.start([model])
        try:
            return self._workers[model].ask(request)
        except _Died as death:
            self._workers.pop(model).stop()
            raise EngineFailed(
                f"'{model}' was ended while working on {request['case']} ({death}); if memory "
                "ran out, close other programs or try smaller photos"
            ) from death


class _Died(Exception):
    """The process ended without an answer."""


class _Worker:
    def __init__(self, model: str) -> None:
        command = [sys.executable, "-m", "unblur.evaluate.comparing.worker", model]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )

    def begin(self, job: Job) -> None:
        try:
            self._send(job.to_json())
        except _Died as death:
            raise EngineFailed(f"a working process did not start ({death})") from death

    def wait(self) -> None:
        try:
            self._answer()
        except _Died as death:
            raise EngineFailed(f"a working process did not start ({death})") from death

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        self._send(json.dumps(request))
        return self._answer()

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                _close(stream)

    def _send(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise _Died(self._end()) from error

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.endswith("\n"):
            raise _Died(self._end())
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise _error_of(answer)
        return answer

    def _end(self) -> str:
        return f"exit code {self._process.wait()}"


def _close(stream: IO[str]) -> None:
    try:
        stream.close()
    except OSError:  # what was still to be written has no reader
        return


def _error_of(answer: dict[str, Any]) -> UnblurError:
    kind = getattr(errors, answer["error"], EngineFailed)
    # Not by calling it: some errors write their own message.
    error = kind.__new__(kind, answer["message"])
    assert isinstance(error, UnblurError)
    return error
