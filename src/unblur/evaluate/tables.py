"""A summary of many rows: means by method, length and kind of the motion, as data and as text."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from unblur.evaluate.harm import WORSE_BY_DB
from unblur.evaluate.protocols.base import Protocol
from unblur.evaluate.protocols.plain import PLAIN
from unblur.evaluate.quality import Row
from unblur.evaluate.statistics import (
    Summary,
    bootstrap_interval,
    mean_of_known,
    summarise_scores,
)
from unblur.evaluate.titles import digits_of, title_of

BINS = ((0.0, 10.0), (10.0, 20.0), (20.0, 40.0), (40.0, float("inf")))
"""Lengths of the motion in px by which photos are grouped."""


def summarise(
    rows: Sequence[Row], *, protocol: Protocol = PLAIN, seed: int = 0
) -> list[dict[str, Any]]:
    """Return means per method over all pairs, per length of the motion, and per kind."""
    groups: dict[str, Callable[[Row], bool]] = {"all": lambda row: True}
    for low, high in BINS:
        label = f"> {low:.0f} px" if high == float("inf") else f"{low:.0f}-{high:.0f} px"
        groups[label] = lambda row, low=low, high=high: (  # type: ignore[misc]
            row.length_px is not None and row.kind != "sharp" and low < row.length_px <= high
        )
    for kind in sorted({row.kind for row in rows if row.kind}):
        groups[kind] = lambda row, kind=kind: row.kind == kind  # type: ignore[misc]
    table = []
    for method in dict.fromkeys(row.method for row in rows):
        for label, belongs in groups.items():
            chosen = [row for row in rows if row.method == method and belongs(row)]
            if chosen:
                table.append({"method": method, "group": label, **_means(chosen, protocol, seed)})
    return table


def format_table(table: Sequence[dict[str, Any]], *, protocol: Protocol = PLAIN) -> str:
    """Return a summary as text, with a column for each score of the protocol."""
    scores_of = dict.fromkeys(name for row in table for name in row["scores"])
    names = [*scores_of, *protocol.extras([])] if table else []
    head = "".join(f"{title_of(name):>{_width(name)}}" for name in names)
    lines = [
        f"{'group':<14}{'method':<34}{'n':>5}{head}"
        f"{'gain dB [95 %]':>24}{'worse':>8}{'PSF':>7}{'s':>8}"
    ]
    for group in dict.fromkeys(row["group"] for row in table):
        for row in (r for r in table if r["group"] == group):
            scores = "".join(_score_text(row.get(name), name) for name in names)
            kernel = row["kernel_similarity"]
            lines.append(
                f"{group:<14}{row['method']:<34}{row['count']:>5}{scores}{_gain_text(row)}"
                f"{'' if kernel is None else format(kernel, '.3f'):>7}{row['seconds']:>8.2f}"
            )
    return "\n".join(lines)


def _width(name: str) -> int:
    return max(9, len(title_of(name)) + 2)


def _score_text(value: float | None, name: str) -> str:
    if value is None:
        return f"{'-':>{_width(name)}}"
    return f"{value:>{_width(name)}.{digits_of(name)}f}"


def _gain_text(row: dict[str, Any]) -> str:
    if row["gain_db"] is None:
        return f"{'-':>24}{'-':>8}"
    low, high = row["gain_db_95"]
    gain = f"{row['gain_db']:+.2f} [{low:+.2f}, {high:+.2f}]"
    return f"{gain:>24}{100 * row['worse_share']:>7.1f}%"


def _means(rows: Sequence[Row], protocol: Protocol, seed: int) -> dict[str, Any]:
    summaries: dict[str, Summary] = {}
    # Some scores are not defined for small photos.
    for name in dict.fromkeys(name for row in rows for name in row.scores):
        values = [row.scores[name] for row in rows if name in row.scores]
        lower = name in protocol.lower_is_better
        summaries[name] = summarise_scores(values, lower_is_better=lower, seed=seed)
    return {
        "count": len(rows),
        **{name: summary.mean for name, summary in summaries.items()},
        **protocol.extras([row.scores for row in rows]),
        **_gains(rows, seed),
        "kernel_similarity": mean_of_known([row.kernel_similarity for row in rows]),
        "seconds": float(np.mean([row.seconds for row in rows])),
        "peak_mb": max((row.peak_mb for row in rows if row.peak_mb is not None), default=None),
        "scores": {name: dataclasses.asdict(summary) for name, summary in summaries.items()},
    }


def _gains(rows: Sequence[Row], seed: int) -> dict[str, Any]:
    known = [(row.gain_db, row.name) for row in rows if row.gain_db is not None]
    if not known:
        return {"gain_db": None, "gain_db_95": None, "worse_share": None, "worst": []}
    gains = np.array([gain for gain, _ in known])
    # A photo restored perfectly gains infinitely, a perfect one that is changed loses as much.
    with np.errstate(invalid="ignore"):
        mean = float(gains.mean())
    worst = sorted(known)[:5]
    return {
        "gain_db": mean,
        "gain_db_95": list(bootstrap_interval(gains, seed=seed)),
        "worse_share": float(np.mean(gains < -WORSE_BY_DB)),
        "worst": [{"name": name, "gain_db": round(gain, 3)} for gain, name in worst],
    }
