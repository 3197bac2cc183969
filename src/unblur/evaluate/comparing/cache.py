"""What was run is kept: by content of the photos, the model, the settings and the code.

Nothing is taken for done by its name: a changed photo, network, setting, line of code or library
gives another key, and the work is done again. Of methods that the user names, and which may take
hours, the last result on the same photo stays good though code, libraries and the networks that
tell the motion have changed; it says which code it comes from.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Collection
from functools import lru_cache
from importlib import metadata, resources
from pathlib import Path
from typing import Any

from unblur.evaluate.cases import Case
from unblur.evaluate.methods import settings_file
from unblur.evaluate.results import NAMED
from unblur.files import from_json
from unblur.io import find_images, write_bytes
from unblur.zoo.catalogue import model_files, motion_files

_LIBRARIES = ("numpy", "scipy", "pillow", "onnxruntime", "scikit-image")
_NOT_RUN = ("cli", "training", "models", "foreign", "video", "report")
"""Rooms that no result of a comparison depends on."""

Entry = dict[str, Any]


class Cache:
    """Results and pictures of single runs in a folder.

    Args:
        folder: made when something is kept.
        facts: what all runs of this comparison have in common, as the protocol.
        lasting: methods whose results outlast changes of what all methods share.
    """

    def __init__(
        self, folder: Path, facts: dict[str, Any], *, lasting: Collection[str] = ()
    ) -> None:
        self.folder = folder
        self._common, self._lasting = _digest(facts), frozenset(lasting)
        self._work: dict[str, str] = {}
        self._hashes = FileHashes(folder / "files.json")
        self._models: dict[str, str] = {}

    def key(self, model: str, case: Case) -> str:
        """Return the key of one model on one photo: of what is kept or, if nothing is, to be kept.

        Raises:
            UnreadableImage: a file cannot be read.
        """
        if model not in self._models:
            self._models[model] = model_digest(model)
        files = [case.blurry.path, *(picture.path for picture in case.sharp)]
        truth = getattr(case.truth, "path", None)
        if truth is not None:
            files.append(truth)
        parts = {
            "common": self._common,
            "model": self._models[model],
            "case": case.name,
            "facts": repr(sorted(case.facts.items())),
            "files": [self._hashes.of(path) for path in files],
        }
        work = _digest(parts)
        key = _digest({"work": work, "code": code_digest()})
        self._work[key] = work
        if model in self._lasting and self.load(key) is None:
            last = self.load(work)
            if last is not None:
                return str(last["key"])
        return key

    def load(self, key: str) -> Entry | None:
        """Return what is kept under a key, or None."""
        try:
            entry: Entry = from_json(self._path(key).read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return entry

    def keep(self, key: str, entry: Entry) -> None:
        """Keep the result of a run; its pictures must be there already."""
        told = {**entry, "code": code_digest()}
        write_bytes(json.dumps(told).encode(), self._path(key), overwrite=True)
        # Whichever code it was, this is the last result of this work.
        last = json.dumps({"key": key}).encode()
        write_bytes(last, self._path(self._work[key]), overwrite=True)

    def pictures(self, key: str) -> Path:
        """Return the path of a run's pictures without suffix and extension."""
        return self._path(key).with_suffix("")

    def flush(self) -> None:
        """Write down the files' hashes, so that the next start is quick."""
        self._hashes.write()

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"


class FileHashes:
    """SHA-256 of files' contents, remembered as long as size and time of change stay.

    Args:
        path: where they are remembered.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._changed = path, False
        self._known: dict[str, list[Any]] = {}
        with contextlib.suppress(OSError, ValueError):
            self._known = from_json(path.read_text("utf-8"))

    def of(self, path: Path) -> str:
        """Return the hash of a file; that of a missing one is empty."""
        try:
            status, name = path.stat(), str(path.resolve())
            stamp = [status.st_size, status.st_mtime_ns]
            known = self._known.get(name)
            if known is None or known[:2] != stamp:
                known = [*stamp, _file_digest(path)]
                self._known[name], self._changed = known, True
            return str(known[2])
        except OSError:
            return ""

    def write(self) -> None:
        """Write down what is known."""
        if self._changed:
            write_bytes(json.dumps(self._known).encode(), self._path, overwrite=True)
            self._changed = False


@lru_cache(maxsize=1)
def code_digest() -> str:
    """Return the hash of what all methods share: code, motion networks, versions of libraries."""
    package = Path(str(resources.files("unblur")))
    parts: dict[str, str] = {}
    for path in sorted(package.rglob("*.py")):
        inside = path.relative_to(package)
        if not set(inside.parts) & set(_NOT_RUN):
            parts[inside.as_posix()] = _file_digest(path)
    for network in motion_files():
        parts[network.name] = _file_digest(network)
    for library in _LIBRARIES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            parts[library] = metadata.version(library)
    return _digest(parts)


def model_digest(model: str) -> str:
    """Return the hash of all that a method's name stands for: networks, settings, results."""
    base, settings = settings_file(model)
    network = base if Path(base).is_file() else base.partition("+")[0]  # off with the suffixes
    files = [*model_files(network), *_results(model)]
    files += [settings] if settings else []
    # A file that is missing is complained of by whoever needs it.
    hashes = [_file_digest(path) for path in files if path.is_file()]
    return _digest({"name": base, "files": hashes})


def _results(model: str) -> list[Path]:
    """Return the photos of a method's results that were given."""
    folder = model.partition(NAMED)[2]
    return [photo.path for photo in find_images([Path(folder)])] if folder else []


def _file_digest(path: Path) -> str:
    with path.open("rb") as stream:
        sha = hashlib.sha256()
        while block := stream.read(1 << 20):
            sha.update(block)
    return sha.hexdigest()


def _digest(parts: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
