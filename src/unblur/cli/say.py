"""The one place where the commands print: text and JSON that no name can make fail."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from unblur.errors import NothingFound
from unblur.paths import readable


def say(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Print a text; nothing that stands in it can make printing fail, or steer a terminal.

    Args:
        text: bytes of names that are no UTF-8, and characters that the stream's encoding has
            not, are written as escapes, and so are control characters.
        err: on standard error.
        nl: with a line break.
    """
    encoding = _encoding(err)
    plain = "".join(f"\\x{ord(c):02x}" if _steers(c) else c for c in readable(text))
    safe = plain.encode(encoding, "backslashreplace").decode(encoding)
    click.echo(safe, err=err, nl=nl)


def say_json(value: Any, *, err: bool = False) -> None:
    """Print strict JSON, in escapes where the stream's encoding has not the characters."""
    text = to_json(value)
    try:
        text.encode(_encoding(err))
    except UnicodeEncodeError:
        text = to_json(value, ascii_only=True)
    click.echo(text, err=err)


@contextmanager
def nothing_as_json(as_json: bool) -> Iterator[None]:
    """Let programs that read the JSON have an empty list where no photo is found."""
    try:
        yield
    except NothingFound:
        if as_json:
            say_json([])
        raise


def to_json(value: Any, *, ascii_only: bool = False) -> str:
    """Return strict JSON in valid Unicode: infinite and undefined numbers become null."""
    return json.dumps(_strict(value), indent=2, ensure_ascii=ascii_only, allow_nan=False)


def _strict(value: Any) -> Any:
    if isinstance(value, str):
        return readable(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {readable(str(key)): _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(item) for item in value]
    return value


def _steers(character: str) -> bool:
    """Return whether a character may steer a terminal: C0 but for line breaks and tabs, DEL, C1."""
    return character not in "\n\t" and (character < " " or "\x7f" <= character <= "\x9f")


def _encoding(err: bool) -> str:
    stream = sys.stderr if err else sys.stdout
    return getattr(stream, "encoding", None) or "utf-8"
