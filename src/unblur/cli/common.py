"""What the commands share: progress, numbers from text."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import click

from unblur.cli.say import say
from unblur.errors import BadValue
from unblur.io import Region
from unblur.tone import parse_tone


class PointType(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.5 only
    """``X,Y`` in px -> (x, y)."""

    name = "X,Y"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Parse a point; see :class:`click.ParamType`."""
        if isinstance(value, tuple):
            return value
        try:
            x, y = (int(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"expected two whole numbers X,Y, got {value!r}", param, ctx)
        return x, y


class RegionType(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.5 only
    """``X,Y,WIDTH,HEIGHT`` in px -> Region."""

    name = "X,Y,WIDTH,HEIGHT"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Region:
        """Parse a region; see :class:`click.ParamType`."""
        if isinstance(value, Region):
            return value
        try:
            x, y, width, height = (int(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"expected four whole numbers X,Y,WIDTH,HEIGHT, got {value!r}", param, ctx)
        if min(x, y) < 0 or min(width, height) < 1:
            self.fail(f"X and Y must be >= 0, WIDTH and HEIGHT >= 1, got {value!r}", param, ctx)
        return Region(y, x, y + height, x + width)


class ToneType(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.5 only
    """The name of a tone curve; see :func:`unblur.tone.parse_tone`."""

    name = "auto|srgb|linear|gamma:2.2|profile"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check a name; see :class:`click.ParamType`."""
        try:
            parse_tone(str(value))
        except BadValue as error:
            self.fail(str(error), param, ctx)
        return str(value)


tone_option = click.option(
    "--tone",
    type=ToneType(),
    default="auto",
    show_default=True,
    help="How samples encode light. profile: as the file says, sRGB if it says nothing; auto: "
    "the same, but what restores or inspects one photo estimates what no file tells.",
)


class Bar:
    """One progress bar over all work of a command; silent where nobody watches."""

    def __init__(self, label: str, length: int, *, hidden: bool) -> None:
        self._total = length * 1000
        self._done = 0.0
        watched = not hidden and sys.stderr is not None and sys.stderr.isatty()
        self._bar = click.progressbar(
            length=self._total,
            label=label,
            # click 8.1 has no hidden bars, and prints the label of one that nobody watches
            file=sys.stderr if watched else io.StringIO(),
            show_eta=True,
            item_show_func=lambda note: note,
        )
        self._label = label

    def to(self, items: float, note: str | None = None) -> None:
        """Move to a number of finished items, fractions included; the note stands behind it."""
        wanted = min(self._total, items * 1000)
        step = int(wanted) - int(self._done)
        if step > 0:
            self._bar.update(step, note)
        self._done = max(self._done, wanted)

    def left(self, seconds: float | None) -> None:
        """Say how long it is still, better than the bar can guess; None if nobody knows."""
        self._bar.show_eta = False
        left = "" if seconds is None else f", {_duration(seconds)} left"
        self._bar.label = f"{self._label}{left}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class Pace:
    """How fast many items are gone through; said once a minute where no bar can be seen."""

    def __init__(self, total: int, *, quiet: bool) -> None:
        self._total, self._quiet = total, quiet or sys.stderr.isatty()
        self._begun = self._said = time.monotonic()
        self._worked = 0

    def step(self, done: int) -> str:
        """Count an item that took work; ``done`` of all are finished. Return rate and time left."""
        self._worked += 1
        now = time.monotonic()
        each = (now - self._begun) / self._worked
        left = timedelta(seconds=round(each * (self._total - done)))
        text = f"{60 / max(each, 1e-9):.1f} a minute, {left} left"
        if not self._quiet and now - self._said >= 60:
            self._said = now
            say(f"unblur: {done} of {self._total} done, {text}", err=True)
        return text


def names_in(text: str) -> list[str]:
    """Return the names of a comma-separated list."""
    return [name.strip() for name in text.split(",") if name.strip()]


@contextmanager
def progress_bar(label: str, length: int, *, hidden: bool = False) -> Iterator[Bar]:
    """Show a progress bar on standard error, if that is a terminal."""
    bar = Bar(label, length, hidden=hidden)
    with bar._bar:
        yield bar
