"""The figures of a comparison: the table, paired differences, difficulty, single photos."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unblur.evaluate import statistics
from unblur.evaluate.comparing.run import Comparison
from unblur.evaluate.differences import differences as tested
from unblur.evaluate.harm import WORSE_BY_DB
from unblur.evaluate.methods import BLURRY, TRUE_PSF
from unblur.evaluate.quality import Row
from unblur.evaluate.statistics import Difference, mean_of_known
from unblur.evaluate.tables import BINS

SIGNIFICANT = 0.05
"""Two methods differ if the corrected p-value is below this."""


@dataclass(frozen=True)
class Paired:
    """One method against another, photo by photo, of the protocol's main score.

    Attributes:
        ours, other: the methods.
        difference: ours minus other.
        holm_p: the Wilcoxon p-value, corrected for the number of pairs that are tested.
        gain: the mean difference, positive where ours is better.
    """

    ours: str
    other: str
    difference: Difference
    holm_p: float
    gain: float

    @property
    def significant(self) -> bool:
        """Whether the two differ by more than chance."""
        return self.holm_p < SIGNIFICANT


def score_names(comparison: Comparison) -> list[str]:
    """Return the names of all scores; some protocols leave some out on small photos."""
    return list(dict.fromkeys(name for row in comparison.rows for name in row.scores))


def is_oracle(model: str) -> bool:
    """Return whether a method is given the truth, so that it cannot be chosen."""
    return TRUE_PSF in model


def gains(comparison: Comparison) -> dict[str, dict[str, float]]:
    """Return by method and photo how much better the main score is than the blurry photo's."""
    main = comparison.protocol.main
    sign = -1.0 if main in comparison.protocol.lower_is_better else 1.0
    before = {r.name: r.scores[main] for r in comparison.rows if r.method == BLURRY}
    found: dict[str, dict[str, float]] = {model: {} for model in comparison.models}
    for row in comparison.rows:
        value = row.scores[main]
        if row.name in before:
            same = value == before[row.name]
            found[row.method][row.name] = 0.0 if same else sign * (value - before[row.name])
    return found


def harmed_below(comparison: Comparison) -> float:
    """Return how far a gain must fall below 0 to count as harm."""
    return WORSE_BY_DB if comparison.protocol.main == "psnr_db" else 0.0


def table(comparison: Comparison, *, seed: int = 0) -> list[dict[str, Any]]:
    """Return a row of figures for each method, in the order in which they were given."""
    megapixels = {shot.name: shot.megapixels for shot in comparison.shots}
    lines = []
    for model, gained in gains(comparison).items():
        rows = [row for row in comparison.rows if row.method == model]
        failed = sum(1 for failure in comparison.failures if failure[0] == model)
        line: dict[str, Any] = {"model": model, "count": len(rows), "failed": failed}
        lines.append(line)
        if not rows:
            continue
        values = np.array(list(gained.values()))
        for score in score_names(comparison):
            lower = score in comparison.protocol.lower_is_better
            mine = [row.scores[score] for row in rows if score in row.scores]
            if not mine:
                continue
            summary = statistics.summarise_scores(mine, lower_is_better=lower, seed=seed)
            line[score] = summary.mean
            line[f"{score}_median"], line[f"{score}_worst"] = summary.median, summary.worst
        line |= comparison.protocol.extras([row.scores for row in rows])
        with np.errstate(invalid="ignore"):
            line["gain"] = float(values.mean())
        line["gain_95"] = list(statistics.bootstrap_interval(values, seed=seed))
        line["harmed"] = int((values < -harmed_below(comparison)).sum())
        line["harmed_share"] = line["harmed"] / len(rows)
        line |= _costs([] if model in comparison.given else rows, megapixels)
        line["kernel_similarity"] = mean_of_known([row.kernel_similarity for row in rows])
    return lines


def differences(comparison: Comparison, *, seed: int = 0) -> list[Paired]:
    """Return every method against every one before it, p-values corrected after Holm.

    Reference:
        Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statistics 1979.
    """
    lower = comparison.protocol.main in comparison.protocol.lower_is_better
    found = tested(comparison.rows, comparison.protocol, seed=seed)
    corrected = holm([versus.difference.wilcoxon_p for versus in found])
    return [
        Paired(
            v.method, v.other, v.difference, p, -v.difference.mean if lower else v.difference.mean
        )
        for v, p in zip(found, corrected, strict=True)
    ]


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number.

    Example:
        >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
        [0.03, 0.06, 0.06]
    """
    corrected, highest = [1.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = highest
    return corrected


def difficulty(comparison: Comparison, *, seed: int = 0) -> list[dict[str, Any]]:
    """Return the methods' gains in groups of equally hard photos.

    By the length of the true motion where it is known of most photos, else by the blurry photo's
    score, in thirds.
    """
    gained = gains(comparison)
    groups = _by_length(comparison) or _by_score(comparison)
    lines = []
    for label, names in groups.items():
        values: dict[str, Any] = {}
        for model in comparison.models:
            mine = np.array([gained[model][name] for name in names if name in gained[model]])
            if len(mine) and np.isfinite(mine).all():
                low, high = statistics.bootstrap_interval(mine, seed=seed)
                values[model] = {"mean": float(mine.mean()), "low": low, "high": high}
        lines.append({"label": label, "count": len(names), "gains": values})
    return lines


def photos(comparison: Comparison) -> list[dict[str, Any]]:
    """Return a row for each photo, the one that a method harmed most first."""
    gained = gains(comparison)
    by_photo: dict[str, dict[str, Row]] = {}
    for row in comparison.rows:
        by_photo.setdefault(row.name, {})[row.method] = row
    lines = []
    for shot in comparison.shots:
        rows = by_photo[shot.name]
        facts = next(iter(rows.values()))
        mine = {m: g[shot.name] for m, g in gained.items() if shot.name in g}
        honest = [g for m, g in mine.items() if m != BLURRY and not is_oracle(m)]
        lines.append(
            {
                "name": shot.name,
                "size": list(shot.size),
                "window": list(shot.window),
                "kind": facts.kind,
                "length_px": facts.length_px,
                "scores": {m: row.scores for m, row in rows.items()},
                "gains": mine,
                "seconds": {m: row.seconds for m, row in rows.items()},
                "worst_gain": min(honest, default=0.0),
            }
        )
    return sorted(lines, key=lambda line: (line["worst_gain"], line["name"]))


def _costs(rows: Sequence[Row], megapixels: dict[str, float]) -> dict[str, float | None]:
    """Return mean seconds and most memory; of results that were given nothing is known."""
    cpu = [r.cpu_seconds / megapixels[r.name] for r in rows if r.cpu_seconds is not None]
    return {
        "seconds": mean_of_known([row.seconds for row in rows]),
        "seconds_per_megapixel": mean_of_known([r.seconds / megapixels[r.name] for r in rows]),
        "cpu_seconds_per_megapixel": mean_of_known(cpu),
        "peak_mb": max((r.peak_mb for r in rows if r.peak_mb is not None), default=None),
    }


def _by_length(comparison: Comparison) -> dict[str, list[str]]:
    facts = {row.name: row for row in comparison.rows}
    known = [row for row in facts.values() if row.length_px is not None]
    if 2 * len(known) < len(facts) or not known:
        return {}
    groups = {"sharp": [row.name for row in known if row.kind == "sharp"]}
    for low, high in BINS:
        label = f"> {low:.0f} px" if math.isinf(high) else f"{low:.0f}-{high:.0f} px"
        groups[label] = [
            row.name
            for row in known
            if row.kind != "sharp" and row.length_px is not None and low < row.length_px <= high
        ]
    return {label: names for label, names in groups.items() if names}


def _by_score(comparison: Comparison) -> dict[str, list[str]]:
    main = comparison.protocol.main
    before = {r.name: r.scores[main] for r in comparison.rows if r.method == BLURRY}
    lower = main in comparison.protocol.lower_is_better
    ranked = sorted(before, key=before.__getitem__, reverse=lower)
    if len(ranked) < 3:
        return {"all": ranked} if ranked else {}
    parts = np.array_split(np.array(ranked), 3)
    labels = ("blurriest third", "middle third", "least blurry third")
    return {label: [str(name) for name in part] for label, part in zip(labels, parts, strict=True)}
