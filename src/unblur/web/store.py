"""The private folder: uploads and results, bounded, and gone at the end."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from unblur.errors import Full, NotFound, TooMany
from unblur.web.roots import make_root, sweep


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
        session_share: of it, that one session may fill.
    """

    def __init__(self, stored_bytes: int, session_share: float = 1.0) -> None:
        sweep()
        self.root, self._held = make_root()
        self._most, self._most_session = stored_bytes, session_share * stored_bytes
        self._sessions: dict[str, str] = {}
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

    def reserve(self, owner: str, size: int, session: str) -> None:
        """Count further bytes of an upload, a job or a result of a session.

        Raises:
            Full: there is no room for them.
            TooMany: the session has filled its share.
        """
        with self._lock:
            if sum(self._sizes.values()) + size > self._most:
                raise Full("the server holds as many files as it may; remove some, or wait")
            mine = sum(n for o, n in self._sizes.items() if self._sessions.get(o) == session)
            if mine + size > self._most_session:
                raise TooMany("you hold as many files as one may; remove some, or wait")
            self._sizes[owner] = self._sizes.get(owner, 0) + size
            self._sessions[owner] = session

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
            self._sessions.pop(owner, None)
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
        if self._held is not None:
            os.close(self._held)
            self._held = None
