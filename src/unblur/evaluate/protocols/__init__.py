"""Protocols of evaluation, each as it was published."""

from __future__ import annotations

from unblur.errors import BadValue, nearest
from unblur.evaluate.protocols.base import Protocol, Scores

__all__ = ["Protocol", "Scores", "protocol_of", "protocols"]


def protocols() -> dict[str, Protocol]:
    """Return every protocol by name."""
    from unblur.evaluate.protocols import koehler, levin, measures, plain, realblur

    found = [
        plain.PLAIN,
        measures.PERCEPTUAL,
        koehler.KOEHLER,
        koehler.SINGLE,
        levin.LEVIN,
        levin.LAI,
        realblur.REALBLUR,
        realblur.RSBLUR,
        measures.UNPAIRED,
    ]
    return {protocol.name: protocol for protocol in found}


def protocol_of(name: str) -> Protocol:
    """Return the protocol of a name.

    Raises:
        BadValue: no such protocol.
    """
    known = protocols()
    if name not in known:
        raise BadValue(f"no protocol is called '{name}'; {nearest(name, known)}")
    return known[name]
