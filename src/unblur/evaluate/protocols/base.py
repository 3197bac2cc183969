"""What a protocol of evaluation is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from unblur.evaluate.cases import Case
from unblur.evaluate.samples import Samples

Scores = dict[str, float]


def _no_extras(scores: Sequence[Scores]) -> Scores:
    return {}


@dataclass(frozen=True)
class Protocol:
    """How a restored photo is compared with the truth, exactly as somebody published it.

    Attributes:
        name: the word by which it is asked for.
        about: what it does, in one line.
        source: the paper, and the code that was read.
        main: the score that decides; it is always there.
        lower_is_better: names of the scores of which less is better.
        score: (restored, case) -> scores of one photo.
        extras: scores of all photos of one method -> figures of the whole set that are no mean
            of the photos' (success rates); empty for most.
    """

    name: str
    about: str
    source: str
    main: str
    score: Callable[[Samples, Case], Scores]
    lower_is_better: frozenset[str] = frozenset()
    extras: Callable[[Sequence[Scores]], Scores] = _no_extras
