"""From photos' figures to a statement about a method, with its uncertainty.

A mean over photos is the mean of the photos' figures. Intervals come from the bootstrap over
photos; two methods are compared photo by photo, never by their means alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unblur.errors import BadValue, ShapeMismatch

RESAMPLES = 2000
WORST_SHARE = 0.05
"""The worst photos are these: one of twenty, at least one."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Summary:
    """One score of one method over the photos.

    Attributes:
        count: photos.
        mean, median: of the photos' scores.
        worst: mean of the worst 5 % of the photos (at least one).
        interval: 95 % bootstrap interval of the mean.
    """

    count: int
    mean: float
    median: float
    worst: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Difference:
    """One score of a method against another's, photo by photo.

    Attributes:
        count: photos that both methods scored.
        mean, median: of the differences, method minus other.
        interval: 95 % bootstrap interval of the mean.
        better, worse: photos on which the method was better, and worse.
        wilcoxon_p: two-sided signed-rank test that the differences lie around 0.
        sign_p: two-sided sign test that better and worse are equally likely.
    """

    count: int
    mean: float
    median: float
    interval: tuple[float, float]
    better: int
    worse: int
    wilcoxon_p: float
    sign_p: float


def summarise_scores(
    values: Sequence[float], *, lower_is_better: bool = False, seed: int = 0
) -> Summary:
    """Return the summary of one score over the photos.

    Args:
        values: a score for each photo; may be infinite.
        lower_is_better: which end is the worst.
        seed: of the bootstrap.

    Raises:
        BadValue: there is no photo.
    """
    array = np.asarray(values, dtype=np.float64)
    if not len(array):
        raise BadValue("a summary needs at least one photo")
    count = max(1, int(np.ceil(WORST_SHARE * len(array))))
    ranked = np.sort(array)
    worst = ranked[-count:] if lower_is_better else ranked[:count]
    with np.errstate(invalid="ignore"):
        mean = float(array.mean())
    return Summary(
        count=len(array),
        mean=mean,
        median=float(np.median(array)),
        worst=float(worst.mean()),
        interval=bootstrap_interval(array, seed=seed),
    )


def compare(
    ours: Mapping[str, float],
    other: Mapping[str, float],
    *,
    lower_is_better: bool = False,
    seed: int = 0,
) -> Difference:
    """Return how one method's scores differ from another's on the photos that both scored.

    Args:
        ours, other: scores by photo.
        lower_is_better: what counts as better.
        seed: of the bootstrap.

    Raises:
        ShapeMismatch: no photo was scored by both.

    Reference:
        Wilcoxon, Individual comparisons by ranking methods, Biometrics Bulletin 1945,
        doi:10.2307/3001968.
    """
    from scipy import stats

    names = [name for name in ours if name in other]
    if not names:
        raise ShapeMismatch("the two methods have no photo in common; score both on one set")
    # Equal infinite scores do not differ.
    pairs = [(ours[name], other[name]) for name in names]
    array = np.array([0.0 if a == b else a - b for a, b in pairs])
    gains = -array if lower_is_better else array
    better, worse = int((gains > 0).sum()), int((gains < 0).sum())
    decided = better + worse
    same = decided == 0
    ranks = 1.0
    if not same:
        with warnings.catch_warnings():
            # Some versions of SciPy warn of few photos; the sign test is there for these.
            warnings.simplefilter("ignore")
            ranks = float(stats.wilcoxon(array[array != 0]).pvalue)
    with np.errstate(invalid="ignore"):
        mean = float(array.mean())
    return Difference(
        count=len(names),
        mean=mean,
        median=float(np.median(array)),
        interval=bootstrap_interval(array, seed=seed),
        better=better,
        worse=worse,
        wilcoxon_p=ranks,
        sign_p=1.0 if same else float(stats.binomtest(better, decided).pvalue),
    )


def mean_of_known(values: Sequence[float | None]) -> float | None:
    """Return the mean of the values that are not None; None if there is none."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def bootstrap_interval(values: Floats, *, seed: int = 0) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the mean (percentiles, 2000 resamplings).

    Args:
        values: (N,), may be infinite; then no mean of two quantiles is taken.
        seed: equal seeds, equal intervals.

    Reference:
        Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 13.
    """
    rng = np.random.default_rng(seed)
    with np.errstate(invalid="ignore"):
        means = values[rng.integers(len(values), size=(RESAMPLES, len(values)))].mean(axis=1)
    if np.isfinite(means).all():
        low, high = np.quantile(means, [0.025, 0.975])
        return float(low), float(high)
    if np.isnan(means).any():
        return float("nan"), float("nan")
    ranked, last = np.sort(means), len(means) - 1
    return float(ranked[int(0.025 * last)]), float(ranked[-1 - int(0.025 * last)])
