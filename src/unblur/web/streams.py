"""Event streams: each holds a connection while its page is open, so they are shared out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from unblur.errors import TooMany
from unblur.web.settings import Limits


@dataclass(eq=False)
class Stream:
    """One open stream.

    Attributes:
        session: whose it is.
        address: where it goes to.
        over: set when it has to end, because somebody else needs its place.
    """

    session: str
    address: str
    over: bool = False


class Streams:
    """Those that are open; for one event loop.

    Args:
        limits: how many of a session, of an address, and in all.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._open: dict[Stream, None] = {}

    def __len__(self) -> int:
        return len(self._open)

    def open(self, session: str, address: str) -> Stream:
        """Count a new stream; where there are too many, the greediest session loses its oldest.

        Raises:
            TooMany: the session itself has as many as it may.
        """
        limits = self._limits
        if sum(s.session == session for s in self._open) >= limits.streams_session:
            raise TooMany(f"a page may have {limits.streams_session} event streams; close others")
        while sum(s.address == address for s in self._open) >= limits.streams_address:
            self._end_one([s for s in self._open if s.address == address])
        while len(self._open) >= limits.streams:
            most = Counter(s.address for s in self._open).most_common(1)[0][0]
            self._end_one([s for s in self._open if s.address == most])
        stream = Stream(session, address)
        self._open[stream] = None
        return stream

    def close(self, stream: Stream) -> None:
        """Count a stream no more."""
        self._open.pop(stream, None)

    def _end_one(self, streams: list[Stream]) -> None:
        session = Counter(s.session for s in streams).most_common(1)[0][0]
        oldest = next(s for s in streams if s.session == session)
        oldest.over = True
        self.close(oldest)
