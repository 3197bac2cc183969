"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

from unblur.errors import CannotWrite, WouldOverwrite

_PART = ".part"
_STAGED = re.compile(r"\.(.+)\.[a-z0-9_]{8}\.part", re.DOTALL)


def write_bytes(data: bytes, target: Path, *, overwrite: bool = False) -> None:
    """Write a file atomically: to a temporary file beside it, then renamed.

    Args:
        data: the whole content.
        target: the file; its folder is made if needed.
        overwrite: replace an existing file (its permissions are kept).

    Raises:
        WouldOverwrite: the file exists and ``overwrite`` is false.
        CannotWrite: no space, no permission, or the target is a folder. Nothing is left behind.
    """
    try:
        taken = not overwrite and (target.exists() or target.is_symlink())
    except (OSError, ValueError) as error:
        raise _cannot(target, error) from error
    if taken and not target.is_dir():
        raise _exists(target)
    commit(stage(data, target), target, overwrite=overwrite)


def stage(data: bytes, target: Path) -> Path:
    """Write the whole content to a hidden file beside its target, on the disk for certain.

    Returns:
        The hidden file, to be given its name by :func:`commit`.

    Raises:
        CannotWrite: as :func:`write_bytes`; nothing is left behind.
    """
    staged: Path | None = None
    try:
        if target.is_dir():
            raise CannotWrite(f"cannot write {target}: it is a folder; name a file")
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            dir=target.parent, prefix=f".{_stem(target)}.", suffix=_PART
        )
        staged = Path(name)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        _remove(staged)
        raise _cannot(target, error) from error
    except BaseException:
        _remove(staged)
        raise
    return staged


def commit(staged: Path, target: Path, *, overwrite: bool = False) -> None:
    """Give a staged file its name; it is gone afterwards, whatever happens.

    Raises:
        WouldOverwrite, CannotWrite: as :func:`write_bytes`.
    """
    try:
        _give_permissions(staged, target)
        _move(staged, target, overwrite=overwrite)
    except OSError as error:
        raise _cannot(target, error) from error
    finally:
        _remove(staged)


def is_staged_for(staged: Path, target: Path) -> bool:
    """Return whether a file is what :func:`stage` leaves for a target, and nothing else.

    A regular hidden file of the right name in the target's own folder, of nobody else's and with
    no other name: whoever says that another file were staged wants it moved.
    """
    place = Path(os.path.realpath(target)) if target.is_symlink() else target
    match = _STAGED.fullmatch(staged.name)
    if staged.parent != place.parent or match is None or match[1] != _stem(place):
        return False
    try:
        facts = staged.lstat()
    except (OSError, ValueError):
        return False
    owned = not hasattr(os, "geteuid") or facts.st_uid == os.geteuid()
    return stat.S_ISREG(facts.st_mode) and facts.st_nlink == 1 and owned


def sweep(targets: Iterable[Path]) -> int:
    """Remove what killed processes left of these targets: staged files without a name.

    Nobody else may be writing the same targets.

    Args:
        targets: files that were to be written.

    Returns:
        How many were removed.
    """
    wanted: dict[Path, set[str]] = {}
    for target in targets:
        wanted.setdefault(target.parent, set()).add(_stem(target))
    removed = 0
    for folder, stems in wanted.items():
        with contextlib.suppress(FileNotFoundError):
            for path in list(folder.iterdir()):
                match = _STAGED.fullmatch(path.name)
                if match and match[1] in stems:
                    _remove(path)
                    removed += 1
    return removed


def _stem(target: Path) -> str:
    return target.name[:40]


def _remove(staged: Path | None) -> None:
    if staged is not None:
        with contextlib.suppress(OSError):
            staged.unlink(missing_ok=True)


def _cannot(target: Path, error: OSError | ValueError) -> CannotWrite:
    if isinstance(error, OSError):
        return CannotWrite(f"cannot write {target}: {error.strerror or error}")
    return CannotWrite(f"cannot write {str(target)!r}: {error}")


def _move(temporary: Path, target: Path, *, overwrite: bool) -> None:
    """Rename; without ``overwrite`` a file that appeared in the meantime stays."""
    if overwrite:
        temporary.replace(target)
        return
    try:
        os.link(temporary, target)
    except FileExistsError as error:
        raise _exists(target) from error
    except OSError:  # a file system without hard links
        if target.exists():
            raise _exists(target) from None
        temporary.replace(target)


def _give_permissions(temporary: Path, target: Path) -> None:
    if target.exists():
        shutil.copymode(target, temporary)
    else:
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)


def _exists(target: Path) -> WouldOverwrite:
    return WouldOverwrite(f"{target} exists already; use --overwrite, or choose another output")
