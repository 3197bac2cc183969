"""The user's model store: networks from elsewhere, each a checked ONNX file with its record.

The folder is ``$UNBLUR_MODELS``, or ``unblur/models`` in the user's data folder. A model is there
if its record is: ``NAME.json`` is written after ``NAME.onnx`` and removed before it.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from pathlib import Path

from unblur.errors import BadValue, CannotWrite, CorruptWeights, UnknownModel, nearest
from unblur.files import from_json
from unblur.io import write_bytes
from unblur.spec import FORMAT, ForeignSpec
from unblur.toml import from_dict

VARIABLE = "UNBLUR_MODELS"
"""Environment variable that names another folder."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def models_folder() -> Path:
    """Return the folder of the model store, whether it is there or not."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named).expanduser()
    if sys.platform == "win32":
        data = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    else:
        data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "unblur" / "models"


def check_name(name: str) -> None:
    """Raise unless a model may be called this.

    Raises:
        BadValue: characters that would not do as a file's name or in a list of models.
    """
    if not _NAME.fullmatch(name):
        raise BadValue(
            f"a model cannot be called {name!r}; use small letters, digits, '.', '_' and '-', "
            "at most 64, a letter or digit first"
        )


def stored_names() -> list[str]:
    """Return the names of all models in the store, sorted."""
    names = (path.stem for path in models_folder().glob("*.json"))
    return sorted(name for name in names if _NAME.fullmatch(name))


def read_record(name: str) -> ForeignSpec:
    """Return what is known of a model in the store.

    Raises:
        UnknownModel: it is not there.
        CorruptWeights: its record is damaged.
    """
    path = models_folder() / f"{name}.json"
    if name not in stored_names():
        raise UnknownModel(f"no model '{name}' was added; {nearest(name, stored_names())}")
    advice = f"remove it and add it again: unblur models remove {name}"
    try:
        spec = from_dict(ForeignSpec, from_json(path.read_text("utf-8")), where=str(path))
    except (OSError, ValueError, BadValue) as error:
        raise CorruptWeights(f"the record {path} cannot be read ({error}); {advice}") from error
    if spec.name != name or spec.format != FORMAT:
        raise CorruptWeights(f"the record {path} is of another name or version; {advice}")
    return spec


def stored_files(name: str) -> list[Path]:
    """Return the record and the ONNX file of a model in the store, there or not."""
    return [models_folder() / f"{name}.{end}" for end in ("json", "onnx")]


def verified_file(spec: ForeignSpec) -> Path:
    """Return the ONNX file of a model, after comparing its checksum.

    Raises:
        CorruptWeights: it is missing, or not the file that was added.
    """
    path = models_folder() / f"{spec.name}.onnx"
    advice = f"add it again: unblur models add FILE --name {spec.name} --overwrite"
    try:
        with path.open("rb") as stream:
            found = sha256(stream.read())
    except OSError as error:
        raise CorruptWeights(f"cannot read {path}: {error.strerror or error}; {advice}") from error
    if found != spec.sha256:
        raise CorruptWeights(f"{path} is damaged, its checksum is not that of its record; {advice}")
    return path


def sha256(data: bytes) -> str:
    """Return the checksum that records hold, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def put(data: bytes, spec: ForeignSpec, *, overwrite: bool = False) -> Path:
    """Put a model in the store.

    Args:
        data: the ONNX file.
        spec: what is known of it; the checksum must be that of ``data``.
        overwrite: replace a model of this name.

    Raises:
        WouldOverwrite: there is a model of this name.
        CannotWrite: no space or no permission.
    """
    check_name(spec.name)
    assert sha256(data) == spec.sha256
    record, target = stored_files(spec.name)
    if overwrite or not record.exists():
        # A file without a record is the rest of something that was interrupted.
        _unlink(record)
        write_bytes(data, target, overwrite=True)
    write_bytes((spec.to_json() + "\n").encode(), record)
    return target


def remove(name: str) -> None:
    """Remove a model from the store, damaged ones too.

    Raises:
        UnknownModel: it is not there.
        CannotWrite: no permission.
    """
    if name not in stored_names():
        raise UnknownModel(f"no model '{name}' was added; {nearest(name, stored_names())}")
    for path in stored_files(name):
        _unlink(path)


def _unlink(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise CannotWrite(f"cannot remove {path}: {error.strerror or error}") from error
