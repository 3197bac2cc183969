"""The work of ``unblur restore``: one photo in a pipe, or a batch of many."""

from __future__ import annotations

import re
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from unblur.cli.common import Pace, progress_bar
from unblur.cli.summary import End, brief, undone

if TYPE_CHECKING:
    from unblur.batch.journal import Journal
    from unblur.batch.plan import Work
    from unblur.batch.run import How
    from unblur.batch.settings import Settings

STD = "-"
"""Stands for standard input and output."""


@dataclass(frozen=True)
class Job:
    """How the photos are gone through, and whether whole rows are wanted of them."""

    settings: Settings
    how: How
    journal: Journal | None
    whole: bool


def journal_of(
    stack: ExitStack, output: str | None, journal: Path | None, settings: Settings
) -> Journal:
    """The journal of ``--resume``, closed with the stack."""
    from unblur.batch.journal import NAME, Journal
    from unblur.batch.run import settings_digest
    from unblur.batch.stores import is_url
    from unblur.io.outputs import is_folder

    if journal is None:
        if output is None or is_url(output) or not is_folder(Path(output)):
            raise click.UsageError("--resume needs an output folder (-o), or a --journal file")
        journal = Path(output) / NAME
    kept = Journal(journal, settings_digest(settings))
    stack.callback(kept.close)
    return kept


def stream(
    photos: tuple[str, ...], output: str | None, settings: Settings, extension: str | None
) -> End:
    """One photo from standard input or to standard output."""
    from unblur.batch.photo import row_of
    from unblur.batch.results import Source, restore_file
    from unblur.files import drained, read_regular
    from unblur.io import destination, write_bytes
    from unblur.io.decode import most_bytes

    if len(photos) != 1:
        raise click.UsageError("'-' takes one photo at a time")
    if output not in (None, STD):
        destination(Path(output))
    most = most_bytes(round(1e6 * settings.max_megapixels))
    data = drained(sys.stdin.buffer, "standard input", max_bytes=most) if photos[0] == STD else None
    place = Path(photos[0])
    source = (
        Source(place, lambda: read_regular(place)) if data is None else Source(data, lambda: data)
    )
    target = None if output is None or output == STD else Path(output)
    ending = f".{extension.lstrip('.')}" if extension else ""
    result, facts = restore_file(source, settings, ending if target is None else target.suffix)
    if target is None:
        sys.stdout.buffer.write(result)
        sys.stdout.buffer.flush()
    else:
        write_bytes(result, target, overwrite=settings.overwrite)
    return End([row_of(photos[0], output or STD, facts)])


def files(work: Work, job: Job, *, quiet: bool) -> End:
    """Photos from files, folders and stores, as far as nothing stops the work."""
    from unblur.batch.run import Batch, check_reach
    from unblur.errors import UnblurError
    from unblur.paths import names_of

    tasks = work.tasks
    check_reach(tasks, job.how)
    batch = Batch(tasks, job.settings, job.journal)
    rows: dict[int, dict[str, Any]] = {}
    codes: dict[int, int] = {}
    stopped: BaseException | None = None
    begun, pace = time.perf_counter(), Pace(len(tasks), quiet=quiet or len(tasks) < 2)
    try:
        with progress_bar("restoring", len(tasks), hidden=quiet) as bar:
            for number, outcome in batch.run(job.how, lambda share: bar.to(len(rows) + share)):
                rows[number] = outcome.row if job.whole else brief(outcome.row)
                codes[number] = outcome.exit_code
                bar.to(len(rows), None if number in batch.done else pace.step(len(rows)))
    except (UnblurError, KeyboardInterrupt) as error:  # a full disk, a lost cluster, Ctrl-C
        stopped = error
        if not rows:
            raise
    return End(
        [rows.get(n) or undone(names_of(task.source)) for n, task in enumerate(tasks)],
        next((codes[n] for n in sorted(codes) if codes[n]), 0),
        batch.done,
        work.rows(),
        time.perf_counter() - begun,
        stopped,
    )


def local(text: str) -> str:
    """Return a file:// URL as the path it is, whatever bytes its name has."""
    if not text.startswith("file://"):
        return text
    from urllib.parse import unquote, urlsplit

    path = unquote(urlsplit(text).path, errors="surrogateescape")
    return path.removeprefix("/") if re.match(r"/[A-Za-z]:", path) else path  # Windows
