"""The private folder: uploads and results, bounded, and gone at the end."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from unblur.errors import Full, NotFound

_PREFIX = "unblur-web-"


@dataclass(frozen=True)
class Upload:
    """A file that a client sent.

    Attributes:
        id: unguessable; who knows it may use the file.
        session: whose it is.
        name: as the client calls it, for display only.
        path: in the private folder.
        size: in bytes.
        clip: the suffix of a clip; empty for everything else.
    """

    id: str
    session: str
    name: str
    path: Path
    size: int
    clip: str


def new_id() -> str:
    """Return an identifier that nobody can guess: 32 hexadecimal digits."""
    return secrets.token_hex(16)


class Store:
    """Files of one running server, in a folder that only its user can read.

    Args:
        stored_bytes: bound on all files together.
    """

    def __init__(self, stored_bytes: int) -> None:
        _sweep()
        self.root = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
        self._most = stored_bytes
        self._lock = threading.Lock()
        self._uploads: dict[str, Upload] = {}
        self._sizes: dict[str, int] = {}
        self._seen: dict[str, float] = {}

    @property
    def stored_bytes(self) -> int:
        """What all files take together, arriving ones included."""
        with self._lock:
            return sum(self._sizes.values())

    @property
    def count(self) -> int:
        """Number of uploads held."""
        with self._lock:
            return len(self._uploads)

    def reserve(self, owner: str, size: int) -> None:
        """Count further bytes of an upload or job.

        Raises:
            Full: there is no room for them.
        """
        with self._lock:
            if sum(self._sizes.values()) + size > self._most:
                raise Full("the server holds as many files as it may; remove some, or wait")
            self._sizes[owner] = self._sizes.get(owner, 0) + size

    def measure(self, owner: str) -> None:
        """Count what an upload or job really takes."""
        with contextlib.suppress(OSError):
            size = sum(path.stat().st_size for path in (self.root / owner).iterdir())
            with self._lock:
                self._sizes[owner] = size

    def release(self, owner: str) -> None:
        """Remove an upload's or job's files and stop counting them."""
        with self._lock:
            self._sizes.pop(owner, None)
            self._uploads.pop(owner, None)
        shutil.rmtree(self.root / owner, ignore_errors=True)

    def folder(self, owner: str) -> Path:
        """Return the folder of an upload or job, made if needed."""
        path = self.root / owner
        path.mkdir(mode=0o700, exist_ok=True)
        return path

    def add(self, upload: Upload) -> None:
        """Take an upload that has arrived whole."""
        with self._lock:
            self._uploads[upload.id] = upload

    def upload(self, identifier: str, session: str) -> Upload:
        """Return a session's upload.

        Raises:
            NotFound: it has none of this name.
        """
        with self._lock:
            found = self._uploads.get(identifier)
        if found is None or found.session != session:
            raise NotFound("there is no such upload; it may have been removed, send it again")
        return found

    def uploads_of(self, session: str) -> list[Upload]:
        """Return a session's uploads."""
        with self._lock:
            return [u for u in self._uploads.values() if u.session == session]

    def touch(self, session: str) -> None:
        """Note that a session was heard of."""
        with self._lock:
            self._seen[session] = time.monotonic()

    def idle(self, seconds: float) -> list[str]:
        """Return, and forget, the sessions that were not heard of for so long."""
        now = time.monotonic()
        with self._lock:
            gone = [s for s, seen in self._seen.items() if now - seen > seconds]
            for session in gone:
                del self._seen[session]
        return gone

    def close(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.root, ignore_errors=True)


def _sweep() -> None:
    """Remove folders of servers of ours that were killed before they could."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            pid = int(path.name.removeprefix(_PREFIX).split("-")[0])
            ours = path.lstat().st_uid == os.getuid() and not path.is_symlink()
        except (ValueError, OSError, AttributeError):
            continue
        if ours and not _alive(pid):
            shutil.rmtree(path, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
