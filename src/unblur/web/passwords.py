"""The password: the right one always gets in; guessing gets slower with each wrong one."""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Scope

_FREE = 3
"""So many wrong ones cost nothing: people mistype."""

_FIRST_SECONDS = 0.25
_LONGEST_SECONDS = 4.0
"""Short enough for whoever shares an address with a guesser to get in, long enough that guessing a
password of eight random characters takes longer than anybody lives."""

_FORGOTTEN_SECONDS = 600.0
_ADDRESSES = 10_000


class Tries:
    """How many wrong passwords came from each address lately; for one event loop."""

    def __init__(self) -> None:
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def seconds(self, address: str, *, right: bool) -> float:
        """Note a try and return for how long its answer is to be held back.

        Right or wrong wait alike, so that nobody learns from the time that a guess was wrong
        without waiting; and both are answered, so that a guesser shuts out nobody.

        Args:
            address: of the client, see :func:`client_key`.
            right: whether the password was.
        """
        count, last = self._wrong.pop(address, (0, 0.0))
        now = time.monotonic()
        if now - last > _FORGOTTEN_SECONDS:
            count = 0
        if not right:
            count += 1
            self._wrong[address] = count, now
            while len(self._wrong) > _ADDRESSES:
                self._wrong.popitem(last=False)
        if count <= _FREE:
            return 0.0
        return min(_LONGEST_SECONDS, _FIRST_SECONDS * 2.0 ** min(count - _FREE - 1, 16))


def client_key(address: str) -> str:
    """Return what counts as one client: an IPv4 address, or a network of IPv6 (/64).

    Example:
        >>> client_key("2001:db8::1:2"), client_key("::ffff:10.0.0.1"), client_key("10.0.0.1")
        ('2001:db8::', '10.0.0.1', '10.0.0.1')
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False).network_address)


def client_of(scope: Scope) -> str:
    """Return whose a request is; behind a trusted proxy that is whom it speaks for."""
    client = scope.get("client")
    return client_key(str(client[0])) if client else ""


def is_right(header: str, wanted: str) -> bool | None:
    """Return whether an Authorization header has the password, None if it has none at all."""
    scheme, _, text = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(text.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None
    return hmac.compare_digest(decoded.partition(":")[2].encode(), wanted.encode())
