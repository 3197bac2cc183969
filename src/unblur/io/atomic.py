"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from unblur.errors import CannotWrite, WouldOverwrite


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
    temporary: Path | None = None
    try:
        if target.is_dir():
            raise CannotWrite(f"cannot write {target}: it is a folder; name a file")
        if not overwrite and (target.exists() or target.is_symlink()):
            raise _exists(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            dir=target.parent, prefix=f".{target.name[:40]}.", suffix=".part"
        )
        temporary = Path(name)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        _give_permissions(temporary, target)
        _move(temporary, target, overwrite=overwrite)
    except OSError as error:
        raise CannotWrite(f"cannot write {target}: {error.strerror or error}") from error
    except ValueError as error:  # a zero byte in the name
        raise CannotWrite(f"cannot write {str(target)!r}: {error}") from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


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
