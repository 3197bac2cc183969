"""Everything a running server holds: settings, files, queue, workers, counts."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import secrets
import threading
import time
from collections import Counter
from typing import Any

from unblur.errors import NotFound
from unblur.web.jobs import Job, Queue
from unblur.web.keeper import Keeper
from unblur.web.rendering import Renderers
from unblur.web.settings import Settings
from unblur.web.store import Store, Upload, new_id
from unblur.web.streams import Streams
from unblur.web.workers import Worker

_REAP_SECONDS = 5.0


class Hub:
    """One server's state; safe to use from any thread.

    Args:
        settings: how it runs.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._secret = secrets.token_bytes(32)
        self.store = Store(settings.limits.stored_bytes, settings.session_share)
        self.streams = Streams(settings.limits)
        self.queue = Queue(settings.limits, settings.workers)
        self.stopping = threading.Event()
        self._keeper = Keeper(self.store.root)
        self.workers = [
            Worker(self.queue, settings.limits, self._over, self._keeper)
            for _ in range(settings.workers)
        ]
        self.renderers = Renderers(settings.limits, self._keeper, self.stopping)
        self.answers: Counter[int] = Counter()
        self.received_bytes = 0
        self.begun = time.time()
        self._reaper = threading.Thread(target=self._reap, name="unblur-reaper", daemon=True)

    def start(self) -> None:
        """Start the workers."""
        for worker in self.workers:
            worker.start()
        self._reaper.start()

    def close(self) -> None:
        """Stop everything and leave no file behind."""
        self.stopping.set()
        self.queue.close()
        for worker in self.workers:
            worker.stop()
        self.renderers.stop()
        self._keeper.stop()
        self.store.close()

    def new_token(self) -> str:
        """Return a token for a new session."""
        session = new_id()
        return f"{session}.{self._mark(session)}"

    def session_of(self, token: str) -> str | None:
        """Return the session of a token of ours, None for any other text."""
        session, _, mark = token.partition(".")
        if not hmac.compare_digest(mark.encode(), self._mark(session).encode()):
            return None
        self.store.touch(session)
        return session

    def models(self) -> list[dict[str, Any]]:
        """Return the models' names and descriptions; empty while the workers start."""
        return next((worker.models for worker in self.workers if worker.models), [])

    def remove_job(self, job: Job) -> None:
        """Forget a job and its files; those of a running one go when its worker lets go."""
        self.queue.remove(job)
        if job.is_over:
            self.store.release(job.id)

    def remove_upload(self, upload: Upload) -> None:
        """Forget an upload, its jobs and all their files."""
        for job in self.queue.of_session(upload.session):
            if job.upload == upload.id:
                self.remove_job(job)
        self.store.release(upload.id)

    def remove_session(self, session: str) -> None:
        """Forget everything of a session."""
        for upload in self.store.uploads_of(session):
            self.remove_upload(upload)
        for job in self.queue.of_session(session):
            self.remove_job(job)

    def _over(self, job: Job) -> None:
        """Count what a job left; drop it if nothing came of it, or it was removed meanwhile."""
        with contextlib.suppress(NotFound):
            if self.queue.get(job.id).state == "done":
                self.store.measure(job.id)
                return
        self.store.release(job.id)

    def _mark(self, session: str) -> str:
        return hmac.new(self._secret, session.encode(), hashlib.sha256).hexdigest()

    def _reap(self) -> None:
        while not self.stopping.wait(_REAP_SECONDS):
            for session in self.store.idle(self.settings.limits.idle_seconds):
                self.remove_session(session)
