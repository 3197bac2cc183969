"""Settings are searched on some pairs, and believed only if they are better on the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unblur.errors import BadValue
from unblur.evaluate.cases import Case
from unblur.evaluate.statistics import Difference, compare
from unblur.evaluate.tuning.bench import MOST_PAIRS, Bench
from unblur.evaluate.tuning.search import Plan, Progress, best_settings
from unblur.pipeline.settings import DEFAULTS, Settings

LEAST_PAIRS = 15
"""Fewer tell nothing."""

HELD_OUT = 0.4
"""Share of the pairs that the search does not see; of the fewest pairs that is 6, below which no
signed-rank test can reach 5 %."""

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Tuned:
    """What the search found.

    Attributes:
        settings: to be used: the found ones if they are surely better, else the defaults.
        found: the best of the search.
        searched: worth of the found ones minus the defaults' on the pairs of the search.
        held_out: the same on the pairs kept aside, photo by photo.
        trials: settings that were tried.
        whole: whether the search was not stopped.
        device: short name of the device that ran the networks.
    """

    settings: Settings
    found: Settings
    searched: float
    held_out: Difference
    trials: int
    whole: bool
    device: str = "cpu"

    @property
    def better(self) -> bool:
        """Whether the found settings are surely better than the defaults on unseen pairs."""
        return _is_better(self.held_out)


def tune(
    cases: Sequence[Case], plan: Plan, storage: Path, *, progress: Progress | None = None
) -> Tuned:
    """Search the settings that are worth most on pairs; Ctrl-C keeps what was tried.

    Args:
        cases: at least LEAST_PAIRS, each with one sharp picture; at most MOST_PAIRS are used,
            drawn by the seed, and of large photos the middle.
        plan: how to search.
        storage: SQLite file of the search; made if needed.
        progress: called with (settings tried, in all).

    Raises:
        MissingExtra: Optuna is not installed.
        BadValue: too few pairs.
        UnknownModel: no such model.
    """
    if len(cases) < LEAST_PAIRS:
        raise BadValue(f"tuning needs at least {LEAST_PAIRS} pairs, got {len(cases)}; bring more")
    bench = Bench(plan.model, plan.runtime)
    order = np.random.default_rng(plan.seed).permutation(len(cases))[:MOST_PAIRS]
    kept = round(HELD_OUT * len(order))
    searched, held = ([cases[int(i)] for i in part] for part in (order[kept:], order[:kept]))
    best = best_settings(bench, searched, plan, storage, progress)
    worths = [{case.name: bench.worth(case, s) for case in held} for s in (best.settings, DEFAULTS)]
    difference = compare(worths[0], worths[1])
    return Tuned(
        settings=best.settings if _is_better(difference) else DEFAULTS,
        found=best.settings,
        searched=best.gained,
        held_out=difference,
        trials=best.trials,
        whole=best.whole,
        device=bench.device,
    )


def _is_better(difference: Difference) -> bool:
    return difference.mean > 0 and difference.wilcoxon_p < SIGNIFICANT
