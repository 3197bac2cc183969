"""The pipeline's settings, searched on one's own pairs, and judged on pairs kept aside.

A setting is worth what it gains on blurry photos; losses count three times, and a sharp photo
that does not come back as it was counts as 1 dB lost. The search (Optuna, TPE) is seeded, kept in
an SQLite file and goes on where it stopped. What it finds is believed only if it is better than
the defaults on photos that the search never saw.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unblur.errors import BadValue, MissingExtra, ShapeMismatch
from unblur.evaluate.cases import Case
from unblur.evaluate.comparing.cache import code_digest, model_digest
from unblur.evaluate.harm import UNHARMED_DB
from unblur.evaluate.metrics import psnr_db
from unblur.evaluate.samples import Samples, as_uint8
from unblur.evaluate.statistics import Difference, compare
from unblur.motion.field import MotionField
from unblur.restoration.catalogue import (
    is_foreign,
    load_blur_engine,
    load_kernel_engine,
    load_restorer,
)
from unblur.restoration.classical import CLASSICAL
from unblur.restoration.pipeline import RestoreOptions, analyse_samples, restore_samples
from unblur.restoration.settings import DEFAULTS, Settings

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import Trial

LOSS_WEIGHT = 3.0
"""A dB lost counts as this many dB gained."""

HARM_DB = 1.0
"""A sharp photo that is changed counts as this much lost."""

LEAST_PAIRS, MOST_PAIRS = 15, 60
"""Fewer tell nothing, of more a part is drawn."""

HELD_OUT = 0.4
"""Share of the pairs that the search does not see; of the fewest pairs that is 6, below which no
signed-rank test can reach 5 %."""

SIGNIFICANT = 0.05

_SIDE_PX = 768
_RISE = 0.2
_STARTUP = 8
_ASK_EVERY = 4

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Plan:
    """How to search.

    Attributes:
        model: whose pipeline.
        trials: settings tried in all, earlier runs counted.
        seed: of the search, and of which pairs are kept aside.
        threads: of the networks.
    """

    model: str = "unblur"
    trials: int = 40
    seed: int = 1
    threads: int | None = None


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
    """

    settings: Settings
    found: Settings
    searched: float
    held_out: Difference
    trials: int
    whole: bool

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
    bench = Bench(plan.model, plan.threads)
    order = np.random.default_rng(plan.seed).permutation(len(cases))[:MOST_PAIRS]
    kept = round(HELD_OUT * len(order))
    searched, held = ([cases[int(i)] for i in part] for part in (order[kept:], order[:kept]))
    study = _study(searched, plan, storage)
    whole = _search(study, bench, searched, plan, progress)
    finished = [t for t in study.trials if t.value is not None and t.state.name == "COMPLETE"]
    if not finished:
        raise BadValue("stopped before any setting was tried; the same command goes on")
    best = max(finished, key=lambda trial: trial.value or 0.0)
    found = settings_of(best.params)
    base = next(t.value for t in finished if settings_of(t.params) == DEFAULTS)
    worths = [{case.name: bench.worth(case, s) for case in held} for s in (found, DEFAULTS)]
    difference = compare(worths[0], worths[1])
    return Tuned(
        settings=found if _is_better(difference) else DEFAULTS,
        found=found,
        searched=(best.value or 0.0) - (base or 0.0),
        held_out=difference,
        trials=_tried(study),
        whole=whole,
    )


def to_toml(settings: Settings, comment: Sequence[str] = ()) -> str:
    """Return settings as a file that ``unblur restore --settings`` reads."""
    lines = [f"# {line}" for line in comment]
    for name, value in dataclasses.asdict(settings).items():
        text = f"[{', '.join(f'{v:.4g}' for v in value)}]" if isinstance(value, tuple) else value
        lines.append(f"{name} = {text if isinstance(text, str) else _number(text)}")
    return "\n".join(lines) + "\n"


def settings_of(parameters: dict[str, Any]) -> Settings:
    """Return the settings that a point of the search stands for."""
    rest = dict(parameters)
    low = rest.pop("confidence_low", DEFAULTS.confidence[0])
    high = low + _RISE
    # Four digits, so that the file gives exactly what was tried.
    rounded: dict[str, Any] = {name: float(f"{value:.4g}") for name, value in rest.items()}
    confidence = (float(f"{low:.4g}"), float(f"{high:.4g}"))
    return dataclasses.replace(DEFAULTS, confidence=confidence, **rounded)


class Bench:
    """Measures settings on pairs; what does not depend on the settings is done once.

    Args:
        model: whose pipeline.
        threads: of the networks.
    """

    def __init__(self, model: str, threads: int | None) -> None:
        self._restorer = load_restorer(model, threads=threads)
        self._kernel = load_kernel_engine(threads=threads)
        self._blur = load_blur_engine(threads=threads)
        # A cache for each bench, since it holds photos.
        self._read = lru_cache(maxsize=MOST_PAIRS)(self._analysed)

    def worth(self, case: Case, settings: Settings) -> float:
        """Return what settings are worth on a pair, in dB; see the module."""
        (blurry, moved), (sharp, still) = self._read(_Key(case))
        before = psnr_db(blurry, sharp, data_range=255)
        after = psnr_db(self._restore(blurry, moved, settings), sharp, data_range=255)
        gain = 0.0 if before == after else float(np.clip(after - before, -20, 20))
        kept = psnr_db(self._restore(sharp, still, settings), sharp, data_range=255)
        harm = HARM_DB if kept < UNHARMED_DB else 0.0
        return (gain if gain > 0 else LOSS_WEIGHT * gain) - harm

    def _restore(self, samples: Samples, motion: MotionField | None, settings: Settings) -> Samples:
        restored, _, _ = restore_samples(
            samples,
            self._restorer,
            self._kernel,
            RestoreOptions(settings=settings),
            blur_engine=self._blur,
            motion=motion,
        )
        return restored

    def _analysed(self, key: _Key) -> list[tuple[Samples, MotionField | None]]:
        blurry, sharp = as_uint8(key.case.blurry.read()), as_uint8(key.case.read_sharp())
        if blurry.shape != sharp.shape:
            raise ShapeMismatch(
                f"{key.case.name}: blurry is {blurry.shape}, sharp {sharp.shape}; tuning needs "
                "pairs of one size"
            )
        parts = [_middle(image) for image in (blurry, sharp)]
        return [(part, analyse_samples(part, self._kernel)) for part in parts]


@dataclass(frozen=True, eq=False)
class _Key:
    """A case as a key: facts are no hashable value, its name within the set is."""

    case: Case

    def __hash__(self) -> int:
        return hash(self.case.name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other.case.name == self.case.name


def _is_better(difference: Difference) -> bool:
    return difference.mean > 0 and difference.wilcoxon_p < SIGNIFICANT


def _middle(image: Samples) -> Samples:
    parts = []
    for side in image.shape[:2]:
        first = max(0, side - _SIDE_PX) // 2
        parts.append(slice(first, first + _SIDE_PX))
    return np.ascontiguousarray(image[parts[0], parts[1]])


def _study(cases: Sequence[Case], plan: Plan, storage: Path) -> Study:
    """Return the search of these pairs, this model and this code; another gets another name."""
    try:
        import optuna
    except ImportError as error:
        raise MissingExtra("optuna", "tune", "tuning") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    digest = hashlib.sha256()
    for text in (code_digest(), model_digest(plan.model), str(plan.seed)):
        digest.update(text.encode())
    for case in cases:
        for picture in (case.blurry, *case.sharp):
            digest.update(picture.path.read_bytes())
    storage.parent.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        storage=f"sqlite:///{storage.resolve()}",
        study_name=digest.hexdigest()[:16],
        direction="maximize",
        load_if_exists=True,
    )
    # A search that goes on draws other numbers than the ones it has drawn.
    study.sampler = optuna.samplers.TPESampler(
        seed=plan.seed + _tried(study), n_startup_trials=_STARTUP
    )
    study.pruner = optuna.pruners.MedianPruner(n_startup_trials=_STARTUP, n_warmup_steps=3)
    return study


def _tried(study: Study) -> int:
    return sum(1 for trial in study.trials if trial.state.name in ("COMPLETE", "PRUNED"))


def _search(
    study: Study, bench: Bench, cases: Sequence[Case], plan: Plan, progress: Progress | None
) -> bool:
    """Try settings until there are enough; return whether it was not stopped."""
    from optuna.trial import TrialState

    done = _tried(study)
    if not any(t.state == TrialState.COMPLETE for t in study.trials):
        study.enqueue_trial(_point(plan.model, DEFAULTS))
    while done < plan.trials:
        trial = study.ask()
        try:
            value = _value(trial, bench, cases, plan)
        except KeyboardInterrupt:
            study.tell(trial, state=TrialState.FAIL)
            return False
        if value is None:
            study.tell(trial, state=TrialState.PRUNED)
        else:
            study.tell(trial, value)
        done += 1
        if progress is not None:
            progress(done, plan.trials)
    return True


def _value(trial: Trial, bench: Bench, cases: Sequence[Case], plan: Plan) -> float | None:
    """Return the mean worth of a trial's settings, or None if it was given up early."""
    settings = settings_of(_suggest(trial, plan.model))
    worths: list[float] = []
    for step, case in enumerate(cases):
        worths.append(bench.worth(case, settings))
        if step % _ASK_EVERY:
            continue
        trial.report(float(np.mean(worths)), step)
        if settings != DEFAULTS and trial.should_prune():
            return None
    return float(np.mean(worths))


def _suggest(trial: Trial, model: str) -> dict[str, float]:
    found = {
        "strength": trial.suggest_float("strength", 0.4, 1.0),
        "shortest_px": trial.suggest_float("shortest_px", 2.0, 8.0),
        "certain": trial.suggest_float("certain", 0.5, 0.95),
        "surely_sharp": trial.suggest_float("surely_sharp", 0.8, 1.0),
        "confidence_low": trial.suggest_float("confidence_low", 0.05, 0.5),
    }
    if "regularisation" in searched_settings(model):
        found["regularisation"] = trial.suggest_float("regularisation", 0.4, 2.5, log=True)
    return found


def _point(model: str, settings: Settings) -> dict[str, float]:
    """Return settings as a point of the search."""
    found: dict[str, float] = {name: getattr(settings, name) for name in searched_settings(model)}
    return {**found, "confidence_low": settings.confidence[0]}


def searched_settings(model: str) -> list[str]:
    """Return the settings of a model that are searched, confidence apart."""
    names = ["strength", "shortest_px", "certain", "surely_sharp"]
    has_bank = model not in CLASSICAL and not is_foreign(model)
    return [*names, "regularisation"] if has_bank else names


def _number(value: float) -> str:
    text = f"{value:.4g}"
    return text if "." in text or "e" in text else f"{text}.0"
