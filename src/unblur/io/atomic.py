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
from unblur.paths import exists, is_folder, kind_of, real, shortened, shown

_PART = ".part"
_STEM_BYTES = 120
"""Of a name in a hidden one: with dots, eight letters and ``.part`` well below what disks take."""
_STAGED = re.compile(r"\.(.+)\.[a-z0-9_]{8}\.part", re.DOTALL)


def write_bytes(data: bytes, target: Path, *, overwrite: bool = False) -> None:
    """Write a file atomically: to a temporary file beside it, then renamed.

    Args:
        data: the whole content.
        target: the file; its folder is made if needed.
        overwrite: replace an existing file (its permissions are kept); of a symbolic link, the
            file that it leads to: the link stays.

    Raises:
        WouldOverwrite: the file exists and ``overwrite`` is false.
        CannotWrite: no space, no permission, the name is too long, or the target is a folder,
            FIFO, socket, device or a link that leads nowhere. Nothing is left behind.
    """
    if not overwrite and exists(target) and not is_folder(target):
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
        place = destination(target)
        handle, staged = _hidden(place)
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


def begin(target: Path) -> Path:
    """Return an empty hidden file beside a target, for whoever writes piece by piece.

    It has the permissions of a new file, and is renamed, or removed, by whoever asked for it.

    Raises:
        CannotWrite: as :func:`write_bytes`; nothing is left behind.
    """
    begun: Path | None = None
    try:
        handle, begun = _hidden(target)
        os.close(handle)
        _open_to_others(begun)
    except OSError as error:
        _remove(begun)
        raise _cannot(target, error) from error
    return begun


def commit(staged: Path, target: Path, *, overwrite: bool = False) -> None:
    """Give a staged file its name; it is gone afterwards, whatever happens.

    Raises:
        WouldOverwrite, CannotWrite: as :func:`write_bytes`.
    """
    try:
        if not overwrite and exists(target):
            raise _exists(target)
        place = destination(target)
        _give_permissions(staged, place)
        _move(staged, place, overwrite=overwrite)
    except OSError as error:
        raise _cannot(target, error) from error
    finally:
        _remove(staged)


def is_staged_for(staged: Path, target: Path) -> bool:
    """Return whether a file is what :func:`stage` leaves for a target, and nothing else.

    A regular hidden file of the right name in the target's own folder, of nobody else's and with
    no other name: whoever says that another file were staged wants it moved.
    """
    place = real(target) if target.is_symlink() else target
    match = _STAGED.fullmatch(staged.name)
    if staged.parent != place.parent or match is None or match[1] != _stem(place):
        return False
    try:
        facts = staged.lstat()
    except (OSError, ValueError):
        return False
    owned = not hasattr(os, "geteuid") or facts.st_uid == os.geteuid()
    return stat.S_ISREG(facts.st_mode) and facts.st_nlink == 1 and owned


def destination(target: Path) -> Path:
    """Return the file that writing to a target is about: where a link leads, else itself.

    Raises:
        CannotWrite: what lies there is a folder, FIFO, socket or device, or a link that leads
            nowhere: such things are neither replaced nor waited for.
    """
    link = target.is_symlink()
    place = real(target) if link else target
    try:
        kind = kind_of(place)
    except FileNotFoundError:
        if link:
            raise CannotWrite(
                f"cannot write {shown(target)}: it is a link that leads to {shown(place)}, which "
                "is not there; name that file, or remove the link"
            ) from None
        return place
    except (OSError, ValueError) as error:  # as below a file, or of a name that is too long
        raise _cannot(target, error) from error
    if kind == "a folder":
        raise CannotWrite(f"cannot write {shown(target)}: it is a folder; name a file")
    if kind is not None:
        raise CannotWrite(
            f"cannot write {shown(target)}: it is {kind}; name a file, or - for standard output"
        )
    return place


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
        place = real(target) if target.is_symlink() else target
        wanted.setdefault(place.parent, set()).add(_stem(place))
    removed = 0
    for folder, stems in wanted.items():
        with contextlib.suppress(FileNotFoundError):
            for path in list(folder.iterdir()):
                match = _STAGED.fullmatch(path.name)
                if match and match[1] in stems:
                    _remove(path)
                    removed += 1
    return removed


def _hidden(place: Path) -> tuple[int, Path]:
    """Make an empty hidden file beside a place; return it opened, and its path."""
    place.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=place.parent, prefix=f".{_stem(place)}.", suffix=_PART)
    return handle, Path(name)


def _stem(target: Path) -> str:
    return shortened(target.name, _STEM_BYTES)


def _remove(staged: Path | None) -> None:
    if staged is not None:
        with contextlib.suppress(OSError):
            staged.unlink(missing_ok=True)


def _cannot(target: Path, error: OSError | ValueError) -> CannotWrite:
    if isinstance(error, OSError):
        return CannotWrite(f"cannot write {shown(target)}: {error.strerror or error}")
    return CannotWrite(f"cannot write {shown(target)}: {error}")


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
        if exists(target):
            raise _exists(target) from None
        temporary.replace(target)


def _give_permissions(temporary: Path, target: Path) -> None:
    if exists(target):
        shutil.copymode(target, temporary)
    else:
        _open_to_others(temporary)


def _open_to_others(file: Path) -> None:
    """Give a file the permissions that a new one gets."""
    mask = os.umask(0)
    os.umask(mask)
    file.chmod(0o666 & ~mask)


def _exists(target: Path) -> WouldOverwrite:
    return WouldOverwrite(
        f"{shown(target)} exists already; use --overwrite, or choose another output"
    )
