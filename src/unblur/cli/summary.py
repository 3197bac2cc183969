"""How a batch ends, whatever happened: its report written, what was done and what failed said."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from unblur.cli.say import say, say_json, to_json

Row = dict[str, Any]

_LONGEST_REPORT = 2_000_000_000
"""Bytes; of a million photos with all their facts."""


@dataclass(frozen=True)
class End:
    """What became of a batch.

    Attributes:
        rows: of all photos, in order.
        code: exit code, that of the first failure.
        before: numbers of the rows that an earlier run had done.
        passed: rows that tell what was passed over.
        seconds: that it took.
        stopped: what ended it before its time; None: nothing.
    """

    rows: list[Row]
    code: int = 0
    before: Collection[int] = ()
    passed: list[Row] = field(default_factory=list)
    seconds: float = 0.0
    stopped: BaseException | None = None


def finish(
    end: End,
    report: Path | None,
    *,
    replace: bool,
    as_json: bool,
    told: bool,
    err: bool,
) -> NoReturn:
    """Write the report, then print the summary, then end the command.

    Args:
        end: what became of the batch.
        report: JSON file to be written; None: none.
        replace: the report may replace a file.
        as_json: print the rows as JSON.
        told: print what was done in words; failures are printed always.
        err: print JSON on standard error.

    Raises:
        OutputError: the report could not be written; the summary is printed nevertheless.
        BaseException: what stopped the batch.
    """
    from unblur.errors import UnblurError
    from unblur.io import write_bytes

    rows, problem = [*end.rows, *end.passed], end.stopped
    if report is not None:
        try:
            write_bytes((to_json(rows) + "\n").encode(), report, overwrite=replace)
        except UnblurError as error:
            problem = problem or error
    _tell(end, told=told)
    if as_json:
        say_json(rows, err=err)
    if problem is not None:
        raise problem
    sys.exit(end.code)


def check_report(report: Path | None, *, overwrite: bool, others: Iterable[str] = ()) -> None:
    """Raise now, not after the work, if the report could not be written, or would replace a file.

    Args:
        report: where it goes; None: there is none.
        overwrite: it may replace a file.
        others: photos and results, which it never may.

    Raises:
        WouldOverwrite, CannotWrite: see :func:`unblur.io.atomic.write_bytes`.
    """
    from unblur.errors import WouldOverwrite
    from unblur.io import check_no_photo, destination
    from unblur.paths import exists, shown

    if report is None:
        return
    destination(report)
    if exists(report) and not overwrite:
        raise WouldOverwrite(f"{shown(report)} exists already; use --overwrite, or another name")
    check_no_photo(report, others)


def is_report(path: Path) -> bool:
    """Return whether a file is a report of an earlier run, which a resumed one may replace."""
    from unblur.errors import InputError
    from unblur.files import from_json, read_file

    try:
        rows = from_json(read_file(path, max_bytes=_LONGEST_REPORT))
    except (OSError, ValueError, InputError):
        return False
    return isinstance(rows, list) and all(
        isinstance(row, dict) and {"path", "output", "error", "summary"} <= row.keys()
        for row in rows
    )


def brief(row: Row) -> Row:
    """Return what is told of a photo: reports of many would fill the memory."""
    return {key: row[key] for key in ("path", "output", "error", "summary")}


def undone(task_path: Row) -> Row:
    """Return the row of a photo whose turn did not come."""
    return {**task_path, "output": None, "error": "not done: the run was stopped", "summary": ""}


def _tell(end: End, *, told: bool) -> None:
    """Say what was done now, then what failed, then the sums."""
    failed = [row for row in end.rows if row["error"]]
    if told:
        for number, row in enumerate(end.rows):
            if not row["error"] and number not in end.before:
                say(f"{_name(row['path'])} -> {_name(row['output'])}: {row['summary']}")
    for row in failed:
        say(f"unblur: {_name(row['path'])}: {row['error']}", err=True)
    if not told:
        return
    for row in end.passed:
        say(f"{_name(row['path'])}: {row['summary']}")
    if len(end.rows) > 1:
        now = len(end.rows) - len(end.before)
        rate = f", {60 * now / max(end.seconds, 1e-9):.1f} a minute" if now else ""
        kept = f" ({len(end.before)} of them before)" if end.before else ""
        passed = sum(sum(row["passed_over"].values()) for row in end.passed)
        over = f", {passed} passed over" if passed else ""
        say(
            f"{len(end.rows) - len(failed)} done{kept}, {len(failed)} failed{over}, "
            f"{end.seconds:.1f} s{rate}"
        )


def _name(path: str) -> str:
    from unblur.paths import shown

    return shown(path)
