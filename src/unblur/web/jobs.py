"""Jobs: the bounded queue, whose turn it is, how far each is, and how long it will take."""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import Any, Literal

from unblur.errors import Full, NotFound, TooMany
from unblur.web.orders import Done, Failed, Order, Progress
from unblur.web.settings import Limits
from unblur.web.store import new_id

State = Literal["queued", "running", "done", "failed", "cancelled"]

_FIRST_GUESS = 2.0
"""Seconds per megapixel before anything was measured."""

_RESERVED = 100
"""Places beyond the bound, for addresses that have no job waiting."""

_ADDRESSES = 10_000
_OVERHEAD = 1.0
_MEMORY = 0.7
"""Weight of what is known against the latest measurement."""


@dataclass(eq=False)
class Job:
    """One job; changed only under the queue's lock.

    Attributes:
        id: unguessable; who knows it may see and fetch its pictures.
        session: whose it is.
        address: where the session's client is, as far as is known.
        upload: identifier of the photo or clip.
        name: of the photo, for display.
        order: what the worker is told.
        state: where it stands.
        stage: what is being done.
        share: of the work that is done, 0 to 1.
        megapixels: of the photo once known, else 0.
        preview: whether its preview can be seen.
        result: what is known once it is done.
        failure: why it failed.
        wanted: false once it was cancelled.
    """

    session: str
    upload: str
    name: str
    order: Order
    address: str = ""
    id: str = field(default_factory=new_id)
    state: State = "queued"
    stage: str = ""
    share: float = 0.0
    megapixels: float = 0.0
    preview: bool = False
    result: dict[str, Any] | None = None
    failure: Failed | None = None
    wanted: bool = True
    number: int = 0
    begun: float = 0.0
    took: float = 0.0

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in ("done", "failed", "cancelled")


class Queue:
    """All jobs of a server; safe to use from any thread.

    Addresses take turns, and sessions of one address, so that one with a hundred photos does not
    keep out one with a single one; of a session, quick looks (detect) go first.

    Args:
        limits: bounds on jobs that wait.
        workers: how many run at the same time.
    """

    def __init__(self, limits: Limits, workers: int = 1) -> None:
        self._limits, self._workers = limits, workers
        self._changed = threading.Condition()
        self._jobs: dict[str, Job] = {}
        # When each was served last; of addresses also once they have no job any more, or they
        # would be the first again by removing what is done.
        self._served: dict[str, int] = {}
        self._served_address: OrderedDict[str, int] = OrderedDict()
        self._count = 0
        self._rate = _FIRST_GUESS
        self._typical = 3.0
        self._closed = False
        self.version = 0
        self.finished: Counter[str] = Counter()
        self.seconds = 0.0

    def add(self, job: Job) -> None:
        """Put a job into the queue.

        Raises:
            TooMany: the session, or the address, has too many waiting.
            Full: too many are waiting.
        """
        with self._changed:
            self._check_room(job)
            self._count += 1
            job.number = self._count
            self._jobs[job.id] = job
            self._tell()

    def take(self) -> Job | None:
        """Wait for the next job and mark it as running; None once the queue is closed."""
        with self._changed:
            while True:
                if self._closed:
                    return None
                waiting = [j for j in self._jobs.values() if j.state == "queued"]
                if waiting:
                    break
                self._changed.wait()
            job = min(waiting, key=self._turn)
            self._count += 1
            self._served[job.session] = self._served_address[job.address] = self._count
            self._served_address.move_to_end(job.address)
            while len(self._served_address) > _ADDRESSES:
                self._served_address.popitem(last=False)
            job.state, job.begun = "running", time.monotonic()
            self._tell()
            return job

    def progress(self, job: Job, news: Progress) -> None:
        """Note how far a running job is."""
        with self._changed:
            job.stage, job.share = news.stage, max(job.share, news.share)
            job.megapixels = news.megapixels or job.megapixels
            job.preview = job.preview or news.preview
            self._tell()

    def finish(self, job: Job, answer: Done | Failed) -> None:
        """Note how a running job ended."""
        with self._changed:
            job.took = time.monotonic() - job.begun
            if not job.wanted:
                job.state = "cancelled"
            elif isinstance(answer, Done):
                job.state, job.share, job.result = "done", 1.0, answer.result
                self._learn(job)
            else:
                job.state, job.failure = "failed", answer
            self.finished[job.state] += 1
            self.seconds += job.took
            self._tell()

    def cancel(self, job: Job) -> None:
        """Ask for a job's end; a waiting one ends at once, a running one soon."""
        with self._changed:
            job.wanted = job.wanted and job.is_over
            if job.state == "queued":
                job.state = "cancelled"
                self.finished["cancelled"] += 1
            self._tell()

    def remove(self, job: Job) -> None:
        """Forget a job; one that runs is cancelled, and its worker drops what comes of it."""
        self.cancel(job)
        with self._changed:
            self._jobs.pop(job.id, None)
            if not any(j.session == job.session for j in self._jobs.values()):
                self._served.pop(job.session, None)
            self._tell()

    def get(self, identifier: str, session: str | None = None) -> Job:
        """Return a job.

        Args:
            identifier: of the job.
            session: whose it must be; None asks for none, the identifier is unguessable.

        Raises:
            NotFound: there is none.
        """
        with self._changed:
            job = self._jobs.get(identifier)
        if job is None or (session is not None and job.session != session):
            raise NotFound("there is no such job; it may have been removed")
        return job

    def of_session(self, session: str) -> list[Job]:
        """Return a session's jobs, the oldest first."""
        with self._changed:
            return [j for j in self._jobs.values() if j.session == session]

    def counts(self) -> Counter[str]:
        """Return how many jobs are in each state."""
        with self._changed:
            return Counter(j.state for j in self._jobs.values())

    def to_dict(self, job: Job) -> dict[str, Any]:
        """Return a job as clients see it."""
        with self._changed:
            return {
                "id": job.id,
                "upload": job.upload,
                "name": job.name,
                "task": job.order.task,
                "state": "cancelled" if not (job.wanted or job.is_over) else job.state,
                "stage": job.stage,
                "progress": round(job.share, 4),
                "preview": job.preview,
                "place": self._place(job),
                "seconds_left": self._seconds_left(job),
                "seconds": round(job.took, 3) if job.is_over else None,
                "error": None
                if job.failure is None
                else {"code": job.failure.code, "message": job.failure.message},
                "result": job.result,
            }

    def close(self) -> None:
        """Let the workers go; nothing is taken any more."""
        with self._changed:
            self._closed = True
            self._tell()

    def _check_room(self, job: Job) -> None:
        limits = self._limits
        waiting = [j for j in self._jobs.values() if j.state == "queued"]
        if sum(j.session == job.session for j in waiting) >= limits.waiting_session:
            raise TooMany(f"{limits.waiting_session} of your photos wait already; add more later")
        near = sum(j.address == job.address for j in waiting)
        if near >= limits.waiting_address:
            raise TooMany(f"{near} photos of your address wait already; add more later")
        # Whoever has nothing there yet finds a place even in a full queue.
        if len(waiting) >= limits.waiting + (0 if near else _RESERVED):
            raise Full("too many photos are waiting; try again when some are done")

    def _turn(self, job: Job) -> tuple[int, int, bool, int]:
        return (
            self._served_address.get(job.address, 0),
            self._served.get(job.session, 0),
            job.order.task == "restore",
            job.number,
        )

    def _tell(self) -> None:
        self.version += 1
        self._changed.notify_all()

    def _place(self, job: Job) -> int:
        """How many are before a waiting job; 0 for all others."""
        if job.state != "queued":
            return 0
        mine = self._turn(job)
        return sum(1 for j in self._jobs.values() if j.state == "queued" and self._turn(j) < mine)

    def _seconds_left(self, job: Job) -> float | None:
        if job.state == "running":
            return round(self._running_left(job), 1)
        if job.state != "queued":
            return None
        running = sum(self._running_left(j) for j in self._jobs.values() if j.state == "running")
        before = running + self._place(job) * self._typical
        return round(before / self._workers + self._typical, 1)

    def _running_left(self, job: Job) -> float:
        elapsed = time.monotonic() - job.begun
        guess = _OVERHEAD + self._rate * job.megapixels if job.megapixels else self._typical
        if job.share > 0.2:  # tiles tell better than guesses
            return elapsed * (1 - job.share) / job.share
        return max(0.5, 0.3 * elapsed, guess - elapsed)  # a guess that is over says nothing

    def _learn(self, job: Job) -> None:
        if job.order.task != "restore":
            return
        self._typical = _MEMORY * self._typical + (1 - _MEMORY) * job.took
        if job.megapixels and job.result and job.result["changed"]:
            rate = max(0.0, job.took - _OVERHEAD) / job.megapixels
            self._rate = _MEMORY * self._rate + (1 - _MEMORY) * rate
