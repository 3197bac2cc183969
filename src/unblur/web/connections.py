"""Open connections: how many an address may have, and which makes room for another."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol


class Connection(Protocol):
    """One connection of a client."""

    @property
    def is_quiet(self) -> bool:
        """Whether no request of it is being answered: it is silent, or kept open."""

    def drop(self) -> None:
        """Close it at once."""


class Connections:
    """Those that are open; for one event loop.

    Whoever opens sockets and says nothing loses the oldest of them to whoever comes next, so that
    silent sockets keep nobody out, not even others of the same address.

    Args:
        most: of all addresses together.
        per_address: of one; proxies are not bounded by it.
        is_proxy: whether an address is that of a trusted proxy, which speaks for many.
    """

    def __init__(self, most: int, per_address: int, is_proxy: Callable[[str], bool]) -> None:
        self._most, self._per_address, self._is_proxy = most, per_address, is_proxy
        self._open: dict[str, dict[Connection, None]] = {}

    def __len__(self) -> int:
        return sum(len(ones) for ones in self._open.values())

    def enter(self, connection: Connection, address: str) -> bool:
        """Count a new connection; return whether there is room for it.

        Args:
            connection: it.
            address: where it comes from, as :func:`unblur.web.passwords.client_key` has it.
        """
        mine = self._open.get(address, {})
        full = len(mine) >= self._per_address and not self._is_proxy(address)
        if full and not self._make_room([address]):
            return False
        if len(self) >= self._most:
            # Of the address that has the most first.
            self._make_room(sorted(self._open, key=lambda a: -len(self._open[a])))
        self._open.setdefault(address, {})[connection] = None
        return True

    def leave(self, connection: Connection, address: str) -> None:
        """Count a connection no more."""
        mine = self._open.get(address, {})
        mine.pop(connection, None)
        if not mine:
            self._open.pop(address, None)

    def _make_room(self, addresses: Iterable[str]) -> bool:
        for address in addresses:
            quiet = next((c for c in self._open[address] if c.is_quiet), None)
            if quiet is not None:
                self.leave(quiet, address)
                quiet.drop()
                return True
        return False
