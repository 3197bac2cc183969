"""Every method against every other, photo by photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from unblur.evaluate.protocols.base import Protocol
from unblur.evaluate.quality import Row
from unblur.evaluate.statistics import Difference, compare


@dataclass(frozen=True)
class Versus:
    """Two methods.

    Attributes:
        method, other: which.
        score: name of the protocol's main score.
        difference: of that score, method minus other, on the photos that both restored.
    """

    method: str
    other: str
    score: str
    difference: Difference


def differences(rows: Sequence[Row], protocol: Protocol, *, seed: int = 0) -> list[Versus]:
    """Return each later method against each earlier one, in the order of the rows."""
    name = protocol.main
    scores: dict[str, dict[str, float]] = {}
    for row in rows:
        scores.setdefault(row.method, {})[row.name] = row.scores[name]
    lower = name in protocol.lower_is_better
    return [
        Versus(method, other, name, compare(ours, theirs, lower_is_better=lower, seed=seed))
        for (other, theirs), (method, ours) in combinations(scores.items(), 2)
        if set(ours) & set(theirs)
    ]


def format_differences(found: Sequence[Versus]) -> str:
    """Return the differences as text, one line each."""
    lines = []
    for versus in found:
        d, unit = versus.difference, " dB" if versus.score.endswith("_db") else ""
        low, high = d.interval
        lines.append(
            f"{versus.method} against {versus.other}: {versus.score.removesuffix('_db')} "
            f"{d.mean:+.3g}{unit} [{low:+.3g}, {high:+.3g}], better on {d.better} of {d.count} "
            f"photos, worse on {d.worse}; p {d.wilcoxon_p:.2g} (Wilcoxon), {d.sign_p:.2g} (sign)"
        )
    return "\n".join(lines)
