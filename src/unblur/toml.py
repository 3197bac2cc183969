"""TOML files as frozen, typed dataclasses; unknown keys and wrong types are errors."""

from __future__ import annotations

import dataclasses
import typing
from pathlib import Path
from typing import Any, Literal, TypeVar

from unblur.errors import BadValue, nearest
from unblur.files import check_regular

T = TypeVar("T")


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
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadValue(f"cannot read the config {path}: {error}") from error


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
    hints = {**typing.get_type_hints(cls), **(types or {})}
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
    if origin is dict:
        return _convert_dict(args, value, where)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    _check_type(hint, value, where)
    return value


def _check_type(hint: Any, value: Any, where: str) -> None:
    if hint is not Any and (
        not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool)
    ):
        raise BadValue(f"{where} must be {hint.__name__}, got {value!r}")


def _convert_dict(args: tuple[Any, ...], value: Any, where: str) -> dict[Any, Any]:
    if not isinstance(value, dict):
        raise BadValue(f"{where} must be a table, got {value!r}")
    for key in value:
        _check_type(args[0], key, f"{where}: the key {key!r}")
    return {key: _convert(args[1], item, where=f"{where}: {key}") for key, item in value.items()}


def _convert_tuple(args: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    open_ended = len(args) == 2 and args[1] is Ellipsis
    if not isinstance(value, list | tuple) or (not open_ended and len(value) != len(args)):
        length = "a list" if open_ended else f"a list of {len(args)}"
        raise BadValue(f"{where} must be {length}, got {value!r}")
    return tuple(_convert(args[0], item, where=where) for item in value)
