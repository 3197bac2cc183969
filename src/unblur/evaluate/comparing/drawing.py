"""A few photos of many: drawn by a seed, every kind and length of the motion as far as they go."""

from __future__ import annotations

from itertools import chain, zip_longest

import numpy as np

from unblur.evaluate.cases import Case
from unblur.evaluate.datasets import DataSet
from unblur.evaluate.tables import BINS


def drawn(data: DataSet, count: int, *, seed: int) -> list[str]:
    """Return the names of some photos of a set, in the set's order.

    Where kind and length of the motion are known, each of their groups gives a photo in turn
    until there are enough; else, all photos are one group.

    Args:
        data: the set.
        count: photos wanted; all if there are not more.
        seed: equal seeds, equal photos; a larger count only adds to them.
    """
    rng = np.random.default_rng(seed)
    groups: dict[tuple[str, int], list[str]] = {}
    for case in data.cases:
        groups.setdefault(_group(case), []).append(case.name)
    shuffled = [rng.permutation(groups[key]).tolist() for key in sorted(groups)]
    turns = chain.from_iterable(zip_longest(*shuffled))
    chosen = set([name for name in turns if name is not None][:count])
    return [case.name for case in data.cases if case.name in chosen]


def _group(case: Case) -> tuple[str, int]:
    """Return the kind of a case's motion and the number of its length's bin."""
    length = case.facts.get("length_px")
    kind = str(case.facts.get("kind", ""))
    if length is None:
        return kind, -1
    return kind, next((i for i, (low, high) in enumerate(BINS) if low < length <= high), -1)
