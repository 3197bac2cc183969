"""TOML files as frozen, typed dataclasses; unknown keys and wrong types are errors."""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

from unblur.errors import BadValue, nearest
from unblur.files import check_regular, read_file

T = TypeVar("T")

_MAX_BYTES = 1_000_000
"""Configs are a few kilobytes long."""

_SHOWN = 200
"""Characters of a value that a message shows."""


def from_toml(cls: type[T], path: Path) -> T:
    """Read a frozen dataclass from a TOML file.

    Raises:
        BadValue: the file is missing, is not TOML, or has an unknown key or a wrong type.
    """
    return from_dict(cls, values_of(path), where=str(path))


def values_of(path: Path) -> dict[str, Any]:
    """Read a TOML file as plain values.

    Raises:
        BadValue: the file is missing or is not TOML.
    """
    try:
        import tomllib
    except ImportError:  # Python 3.10
        import tomli as tomllib  # type: ignore[no-redef,import-not-found,unused-ignore]
    check_regular(path, BadValue)
    try:
        return tomllib.loads(read_file(path, max_bytes=_MAX_BYTES).decode("utf-8"))
    except BadValue:
        raise
    except (OSError, ValueError, RecursionError) as error:  # wrong text, endless numbers, nesting
        raise BadValue(f"cannot read the config {path}: {_shown(error, str)}") from error


def from_dict(
    cls: type[T], values: dict[str, Any], *, where: str, types: dict[str, type] | None = None
) -> T:
    """Build a frozen dataclass from plain values, nested ones too; unknown keys are errors.

    Args:
        cls: the dataclass.
        values: of its fields.
        where: they come from, for messages.
        types: classes of single fields, where they are to be of a class below the declared one.

    Raises:
        BadValue: an unknown key, a missing one or a wrong type.
    """
    if not isinstance(values, dict):
        raise BadValue(f"{where} must be a table, got {_shown(values)}")
    hints = {**typing.get_type_hints(cls), **(types or {})}
    names = [f.name for f in dataclasses.fields(cls)]  # type: ignore[arg-type]
    built: dict[str, Any] = {}
    for key, value in values.items():
        if key not in names:
            known = nearest(str(key)[:_SHOWN], names)
            raise BadValue(f"{where}: unknown key {_shown(key)}; {known}")
        built[key] = _convert(hints[key], value, where=f"{where}: {key}")
    try:
        return cls(**built)
    except (TypeError, OverflowError) as error:
        raise BadValue(f"{where}: {error}") from error


def _convert(hint: Any, value: Any, *, where: str) -> Any:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, dict):
            raise BadValue(f"{where} must be a table, got {_shown(value)}")
        return from_dict(hint, value, where=where)
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        if value not in args:
            raise BadValue(
                f"{where} must be one of {', '.join(map(str, args))}; got {_shown(value)}"
            )
        return value
    if origin is tuple:
        return _convert_tuple(args, value, where)
    if origin is dict:
        return _convert_dict(args, value, where)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = _as_float(value, where)
    _check_type(hint, value, where)
    if isinstance(value, float) and not math.isfinite(value):
        raise BadValue(f"{where} must be a finite number, got {value}")
    return value


def _as_float(value: int, where: str) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise BadValue(f"{where} is too large a number") from error


def _shown(value: Any, as_text: Callable[[Any], str] = repr) -> str:
    """Return a value of a file as far as a message may show it: in one line, and not too long."""
    try:
        text = " ".join(as_text(value).split())
    except (ValueError, RecursionError):  # Python writes no numbers of more than 4300 digits
        return f"a {type(value).__name__} that is too long to be shown"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} ..."


def _check_type(hint: Any, value: Any, where: str) -> None:
    if hint is not Any and (
        not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool)
    ):
        raise BadValue(f"{where} must be {hint.__name__}, got {_shown(value)}")


def _convert_dict(args: tuple[Any, ...], value: Any, where: str) -> dict[Any, Any]:
    if not isinstance(value, dict):
        raise BadValue(f"{where} must be a table, got {_shown(value)}")
    for key in value:
        _check_type(args[0], key, f"{where}: the key {_shown(key)}")
    return {key: _convert(args[1], item, where=f"{where}: {key}") for key, item in value.items()}


def _convert_tuple(args: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    open_ended = len(args) == 2 and args[1] is Ellipsis
    if not isinstance(value, list | tuple) or (not open_ended and len(value) != len(args)):
        length = "a list" if open_ended else f"a list of {len(args)}"
        raise BadValue(f"{where} must be {length}, got {_shown(value)}")
    return tuple(_convert(args[0], item, where=where) for item in value)
