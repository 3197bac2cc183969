"""TOML files as frozen, typed dataclasses; unknown keys and wrong types are errors."""

from __future__ import annotations

import dataclasses
import typing
from pathlib import Path
from typing import Any, Literal, TypeVar

from unblur.errors import BadValue, nearest

T = TypeVar("T")


def from_toml(cls: type[T], path: Path) -> T:
    """Read a frozen dataclass from a TOML file.

    Raises:
        BadValue: the file is missing, is not TOML, or has an unknown key or a wrong type.
    """
    try:
        import tomllib
    except ImportError:  # Python 3.10
        import tomli as tomllib  # type: ignore[no-redef,import-not-found,unused-ignore]
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadValue(f"cannot read the config {path}: {error}") from error
    return from_dict(cls, values, where=str(path))


def from_dict(cls: type[T], values: dict[str, Any], *, where: str) -> T:
    """Build a frozen dataclass from plain values, nested ones too; unknown keys are errors."""
    hints = typing.get_type_hints(cls)
    names = [f.name for f in dataclasses.fields(cls)]  # type: ignore[arg-type]
    built: dict[str, Any] = {}
    for key, value in values.items():
        if key not in names:
            raise BadValue(f"{where}: unknown key '{key}'; {nearest(key, names)}")
        built[key] = _convert(hints[key], value, where=f"{where}: {key}")
    try:
        return cls(**built)
    except TypeError as error:
        raise BadValue(f"{where}: {error}") from error


def _convert(hint: Any, value: Any, *, where: str) -> Any:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, dict):
            raise BadValue(f"{where} must be a table, got {value!r}")
        return from_dict(hint, value, where=where)
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        if value not in args:
            raise BadValue(f"{where} must be one of {', '.join(map(str, args))}; got {value!r}")
        return value
    if origin is tuple:
        return _convert_tuple(args, value, where)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise BadValue(f"{where} must be {hint.__name__}, got {value!r}")
    return value


def _convert_tuple(args: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    open_ended = len(args) == 2 and args[1] is Ellipsis
    if not isinstance(value, list | tuple) or (not open_ended and len(value) != len(args)):
        length = "a list" if open_ended else f"a list of {len(args)}"
        raise BadValue(f"{where} must be {length}, got {value!r}")
    return tuple(_convert(args[0], item, where=where) for item in value)
