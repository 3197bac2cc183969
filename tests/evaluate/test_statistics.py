"""Means with their uncertainty; two methods photo by photo."""

import numpy as np
import pytest
from scipy import stats

from unblur.errors import BadValue, ShapeMismatch
from unblur.evaluate.statistics import bootstrap_interval, compare, summarise_scores

INF = float("inf")


def test_a_summary_tells_mean_median_and_the_worst_twentieth():
    values = [float(i) for i in range(40)]
    summary = summarise_scores(values)
    assert (summary.count, summary.mean, summary.median) == (40, 19.5, 19.5)
    assert summary.worst == 0.5
    assert summarise_scores(values, lower_is_better=True).worst == 38.5
    assert summarise_scores([7.0]).worst == 7
    low, high = summary.interval
    assert low < 19.5 < high and high - low == pytest.approx(4 * np.std(values) / 40**0.5, rel=0.1)
    assert summarise_scores([*values, INF]).mean == INF
    with pytest.raises(BadValue, match="one photo"):
        summarise_scores([])


def test_intervals_cover_the_truth_nineteen_times_in_twenty():
    rng = np.random.default_rng(0)
    hits = 0
    for trial in range(300):
        low, high = bootstrap_interval(rng.normal(3, 1, 30), seed=trial)
        hits += low <= 3 <= high
    assert 0.89 < hits / 300 < 0.98


def test_methods_are_compared_photo_by_photo():
    rng = np.random.default_rng(1)
    names = [f"p{i}" for i in range(50)]
    hardness = rng.normal(25, 4, 50)
    other = dict(zip(names, hardness, strict=True))
    ours = {name: value + rng.normal(0.3, 0.5) for name, value in other.items()}
    found = compare(ours, {**other, "more": 99.0})
    apart = np.array([ours[name] - other[name] for name in names])
    assert found.count == 50 and found.mean == pytest.approx(apart.mean())
    assert found.better == (apart > 0).sum() and found.worse == (apart < 0).sum()
    assert (
        found.wilcoxon_p == pytest.approx(stats.wilcoxon(apart).pvalue) and found.wilcoxon_p < 0.01
    )
    assert found.sign_p == pytest.approx(stats.binomtest(int(found.better), 50).pvalue)
    low, high = found.interval
    assert 0 < low < found.mean < high
    # The photos differ far more from one another than the methods do.
    assert stats.ttest_ind(list(ours.values()), list(other.values())).pvalue > 0.3
    turned = compare(ours, other, lower_is_better=True)
    assert (turned.better, turned.worse) == (found.worse, found.better)


def test_equal_methods_do_not_differ():
    scores = {"a": 20.0, "b": INF}
    found = compare(scores, dict(scores))
    assert (found.mean, found.wilcoxon_p, found.sign_p) == (0, 1, 1)
    assert found.better == found.worse == 0
    with pytest.raises(ShapeMismatch, match="in common"):
        compare(scores, {"c": 1.0})
    some = compare({"a": 21.0, "b": 20.0, "c": INF}, {"a": 20.0, "b": 20.0, "c": 5.0})
    assert some.better == 2 and some.mean == INF
