"""Private folders of servers: made, held, and swept up once nobody holds them any more.

A server holds its folder by a lock (flock) on the folder itself, which the system lets go when the
process ends, however it ends. A number of a process would not tell: another may have it by now.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

_PREFIX = "unblur-web-"
_OURS = re.compile(rf"{_PREFIX}[0-9a-f]{{32}}")


def make_root() -> tuple[Path, int | None]:
    """Make a folder that only its user can read, and hold it.

    Returns:
        The folder, and the descriptor that holds it until it is closed; None on Windows, where
        the folders of killed servers are left to the system.
    """
    # Under another name until it is held, or a server that starts just now would sweep it up.
    young = Path(tempfile.mkdtemp(prefix=".unblur-new-"))
    held = _hold(young)
    root = young.rename(young.with_name(f"{_PREFIX}{secrets.token_hex(16)}"))
    return root, held


def sweep() -> None:
    """Remove folders of servers of this user that were killed before they could."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        if not _OURS.fullmatch(path.name):
            continue
        held = None
        with contextlib.suppress(OSError):
            held = _hold(path)
        if held is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(held)


def _hold(path: Path) -> int | None:
    """Lock a folder of ours.

    Returns:
        The descriptor that holds the lock; None if the folder is somebody else's, or the system
        has no such locks.

    Raises:
        OSError: somebody holds it, it is gone, or it is no folder (nor a link to one).
    """
    if sys.platform == "win32":
        return None
    import fcntl

    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(descriptor).st_uid != os.getuid():
            os.close(descriptor)
            return None
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
