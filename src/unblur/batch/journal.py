"""What a batch has done, on the disk, so that it can be stopped at any moment and gone on with.

One JSON object a line, only ever appended. A line is written, and forced to the disk, when a
result lies whole beside its final name and before it is renamed. So whatever is killed when: a
result with its name is in the journal; a line whose result has no name yet can be finished by
renaming; all else was never done.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from unblur.batch.photo import Outcome, Row, Task, file_stamp
from unblur.batch.stores import is_url
from unblur.errors import BadValue, CannotWrite
from unblur.files import check_regular, from_json
from unblur.io import commit, is_staged_for
from unblur.paths import shown

NAME = ".unblur-journal.jsonl"
_HEAD = b'{"unblur_journal": 1}\n'
_LONGEST_LINE = 64_000_000
"""Bytes; the report of the largest photo takes a hundredth of it."""

_COARSE_NS = 2_000_000_000
"""File systems of memory cards keep times to two seconds only."""


@dataclass(frozen=True)
class _Entry:
    source: str
    stamp: str
    settings: str
    staged: str | None
    result: str
    offset: int


class Journal:
    """The journal of one output; nobody else may use it at the same time.

    Args:
        path: of the file; made if needed.
        settings: digest of everything that decides what the results are.

    Raises:
        BadValue: the file is something else.
        CannotWrite: another run holds it, or it cannot be written.
    """

    def __init__(self, path: Path, settings: str) -> None:
        self.path, self._settings = path, settings
        self._latest: dict[str, _Entry] = {}
        self._results: dict[str, set[str]] = {}
        check_regular(path, BadValue)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: BinaryIO = path.open("a+b")
        except OSError as error:
            raise CannotWrite(f"cannot open {shown(path)}: {error.strerror or error}") from error
        try:
            _lock(self._file, path)
            self._load()
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Let others use it."""
        self._file.close()

    def finished(self, task: Task, present: str | None) -> bool:
        """Return whether a task is done: same photo, same settings, the result as it was made.

        A result that only lacks its name is given it.

        Args:
            task: which.
            present: stamp of what lies at the target; None if nothing does.
        """
        entry = self._latest.get(_key(task.target))
        if entry is None or not self._fits(entry, task):
            return False
        if present is not None and _same(present, entry.result):
            return True
        if entry.staged is None or (present is not None and not self.made(task, present)):
            return False
        staged = Path(entry.staged)
        if not is_staged_for(staged, Path(task.target).absolute()):
            return False  # another file, which the journal has no business with
        with contextlib.suppress(OSError):
            if _same(file_stamp(staged), entry.result):
                commit(staged, Path(task.target), overwrite=present is not None)
                return True
        return False

    def made(self, task: Task, present: str) -> bool:
        """Return whether what lies at the target is a result of this journal, unchanged since."""
        return any(_same(present, made) for made in self._results.get(_key(task.target), ()))

    def row(self, task: Task) -> Row:
        """Return what the report said of a task that is finished."""
        self._file.seek(self._latest[_key(task.target)].offset)
        row: Row = json.loads(self._file.readline())["row"]
        told: Row = {"path": task.source, "output": task.target, "error": None}
        return row | told | {"summary": str(row.get("summary", ""))}

    def record(self, task: Task, outcome: Outcome) -> None:
        """Write down a result that is about to get its name.

        Raises:
            CannotWrite: no space, or the disk is gone.
        """
        line = {
            "source": _key(task.source),
            "stamp": task.stamp,
            "settings": self._settings,
            "target": _key(task.target),
            "staged": None if outcome.staged is None else str(Path(outcome.staged).absolute()),
            "result": outcome.result,
            "row": outcome.row,
        }
        try:
            offset = self._file.seek(0, os.SEEK_END)
            self._file.write(json.dumps(line).encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise CannotWrite(
                f"cannot write {shown(self.path)}: {error.strerror or error}"
            ) from error
        self._remember(line, offset)

    def _load(self) -> None:
        self._file.seek(0)
        head = self._file.readline(len(_HEAD) + 1)
        if not _HEAD.startswith(head):
            raise BadValue(f"{shown(self.path)} is not a journal of unblur; name another file")
        if head != _HEAD:  # new, or killed while it was begun
            self._file.truncate(0)
            self._file.write(_HEAD)
            self._file.flush()
            return
        offset = len(_HEAD)
        while line := self._file.readline(_LONGEST_LINE):
            if len(line) == _LONGEST_LINE:
                raise BadValue(f"{shown(self.path)} has a line that is too long for a journal")
            if not line.endswith(b"\n"):  # killed while it was written
                self._file.truncate(offset)
                break
            # The disk lost power, or somebody else has written it.
            with contextlib.suppress(ValueError, KeyError, TypeError):
                self._remember(from_json(line), offset)
            offset += len(line)

    def _remember(self, line: dict[str, Any], offset: int) -> None:
        fields = {k: line[k] for k in ("source", "stamp", "settings", "staged", "result")}
        texts = [line["target"], *(v for k, v in fields.items() if k != "staged" or v is not None)]
        if not isinstance(line["row"], dict) or not all(isinstance(text, str) for text in texts):
            raise TypeError("a line of another kind")
        entry = _Entry(**fields, offset=offset)
        self._latest[line["target"]] = entry
        self._results.setdefault(line["target"], set()).add(entry.result)

    def _fits(self, entry: _Entry, task: Task) -> bool:
        known = (entry.source, entry.stamp, entry.settings)
        return known == (_key(task.source), task.stamp, self._settings)


def _key(place: str) -> str:
    return place if is_url(place) else str(Path(place).absolute())


def _same(one: str, other: str) -> bool:
    """Return whether two stamps are of the same result; stores tell reliably the size only."""
    (size, time), (other_size, other_time) = (_parts(one), _parts(other))
    if size != other_size:
        return False
    return time is None or other_time is None or abs(time - other_time) < _COARSE_NS


def _parts(stamp: str) -> tuple[str, int | None]:
    size, _, time = stamp.partition(" ")
    return size, int(time) if time.isdecimal() and len(time) < 30 else None


def _lock(file: BinaryIO, path: Path) -> None:
    try:
        import fcntl
    except ImportError:  # Windows: two runs at once are the user's to avoid
        return
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise CannotWrite(f"another run is using {shown(path)}; wait for it, or stop it") from error
    except OSError:  # a file system without locks
        return
