"""Which model to use on one's own photos, why, and how sure that is.

With sharp originals the mean gain decides. Without, nothing can: reblur consistency says whether a
result explains the photo, the blur effect whether it is any sharper, and both can be fooled. Then
the sharpest of the models that explain their photos is named, as a hint and no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unblur.errors import BadValue, MissingExtra, ModelError
from unblur.evaluate.comparing.run import Comparison
from unblur.evaluate.methods import BLURRY
from unblur.evaluate.report import figures, words
from unblur.evaluate.statistics import RESAMPLES, bootstrap_interval
from unblur.runtime import ONE_THREAD
from unblur.zoo.catalogue import model_names
from unblur.zoo.models import default_session

UNPAIRED = "unpaired"
EXPLAINS_DB = 1.0
"""A model explains the photos if its reblur consistency is at most this much below the best."""

_SAME_DB = 60.0
"""Of a photo that came back as it was: it explains itself without end."""


@dataclass(frozen=True)
class Choice:
    """A recommendation.

    Attributes:
        model: what to use; None where leaving the photos alone is as good.
        share: part of the resamplings of the photos in which the model comes out first.
        reasons: why, in sentences.
        truth: whether sharp originals were there to judge by.
        ranking: every candidate with the mean that decided, the best first.
    """

    model: str | None
    share: float
    reasons: tuple[str, ...]
    truth: bool
    ranking: tuple[tuple[str, float], ...]


def candidates() -> tuple[list[str], list[str]]:
    """Return the models that run here, and sentences about those that do not."""
    able, unable = [], []
    for name in model_names():
        try:
            default_session(ONE_THREAD).restorer(name)
        except (MissingExtra, ModelError) as error:
            unable.append(f"{name} was left out: {error}")
        else:
            able.append(name)
    return able, unable


def choose(comparison: Comparison, *, seed: int = 0) -> Choice:
    """Return which model of a comparison to use.

    Raises:
        BadValue: no model gave a result on every photo.
    """
    truth = comparison.protocol.name != UNPAIRED
    gains = figures.gains(comparison)
    photos = [shot.name for shot in comparison.shots]
    able = [
        model
        for model, mine in gains.items()
        if model != BLURRY and not figures.is_oracle(model) and photos and mine.keys() >= {*photos}
    ]
    if not able:
        raise BadValue("no model gave a result on all photos; see the failures, or choose others")
    rest: list[str] = []
    if not truth:
        able, rest = _explaining(comparison, able)
    values = np.array([[gains[model][name] for name in photos] for model in able])
    means = values.mean(axis=1)
    first = int(np.argmax(means))
    share = _first_share(values, first, seed)
    sure = _surety(able[first], share, len(able))
    if truth:
        reasons = [*words.verdict(comparison), sure]
    else:
        reasons = [*_hints(comparison, able[first], float(means[first])), sure, *rest]
    low = bootstrap_interval(values[first], seed=seed)[0]
    ranking = sorted(zip(able, means.tolist(), strict=True), key=lambda pair: -pair[1])
    return Choice(able[first] if low > 0 else None, share, tuple(reasons), truth, tuple(ranking))


def _first_share(values: NDArray[np.float64], first: int, seed: int) -> float:
    """Return in which share of the resamplings of the photos a model has the highest mean.

    Args:
        values: (models, photos).
        first: which model.
        seed: of the resampling.
    """
    rng = np.random.default_rng(seed)
    count = values.shape[1]
    means = values[:, rng.integers(count, size=(RESAMPLES, count))].mean(axis=2)
    return float(np.mean(np.argmax(means, axis=0) == first))


def _surety(model: str, share: float, count: int) -> str:
    if count == 1:
        return f"{model} was the only candidate left."
    return f"Were the photos drawn again, {model} would come first in {100 * share:.0f} % of cases."


def _explaining(comparison: Comparison, able: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the models whose results explain the photos, and sentences about the others."""
    explained: dict[str, float] = {}
    for model in able:
        mine = [r.scores["reblur_psnr_db"] for r in comparison.rows if r.method == model]
        explained[model] = float(np.mean(np.minimum(mine, _SAME_DB)))
    best = max(explained.values())
    kept = [model for model in able if explained[model] >= best - EXPLAINS_DB]
    left = [model for model in able if model not in kept]
    reasons = [
        f"{model} was left out: blurred again, its results lie {best - explained[model]:.1f} dB "
        "further from the photos than the best."
        for model in left
    ]
    return kept, reasons


def _hints(comparison: Comparison, model: str, gain: float) -> list[str]:
    return [
        "This is a hint only: there are no sharp originals to judge by.",
        f"Of the models whose results explain the {len(comparison.shots)} photos, {model} makes "
        f"them look least blurred (blur effect lower by {gain:.3f}).",
        "Ringing and noise look like sharpness to that measure: look at the pictures, or bring "
        "a few pairs.",
    ]
