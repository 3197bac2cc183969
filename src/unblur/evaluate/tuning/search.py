"""The search of settings: Optuna's TPE, seeded, kept in a file; it goes on where it stopped."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unblur.errors import BadValue, MissingExtra
from unblur.evaluate.cases import Case
from unblur.evaluate.comparing.cache import code_digest, model_digest
from unblur.evaluate.light import curve_of
from unblur.evaluate.tuning.bench import Bench
from unblur.pipeline.settings import DEFAULTS, Settings
from unblur.runtime import ALL_THREADS, ONE_THREAD, Runtime
from unblur.zoo.models import default_session

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import Trial

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
        runtime: how networks are run.
    """

    model: str = "unblur"
    trials: int = 40
    seed: int = 1
    runtime: Runtime = ALL_THREADS


@dataclass(frozen=True)
class Best:
    """The best settings of a search.

    Attributes:
        settings: which.
        gained: their worth minus the defaults', on the pairs of the search, dB.
        trials: settings that were tried.
        whole: whether the search was not stopped.
    """

    settings: Settings
    gained: float
    trials: int
    whole: bool


def best_settings(
    bench: Bench, cases: Sequence[Case], plan: Plan, storage: Path, progress: Progress | None
) -> Best:
    """Search; Ctrl-C keeps what was tried.

    Args:
        bench: measures.
        cases: what it measures on.
        plan: how to search.
        storage: SQLite file of the search; made if needed.
        progress: called with (settings tried, in all).

    Raises:
        MissingExtra: Optuna is not installed.
        BadValue: stopped before anything was tried.
    """
    study = _study(cases, plan, storage)
    whole = _search(study, bench, cases, plan, progress)
    finished = [t for t in study.trials if t.value is not None and t.state.name == "COMPLETE"]
    if not finished:
        raise BadValue("stopped before any setting was tried; the same command goes on")
    best = max(finished, key=lambda trial: trial.value or 0.0)
    base = next(t.value for t in finished if settings_of(t.params) == DEFAULTS)
    gained = (best.value or 0.0) - (base or 0.0)
    return Best(settings_of(best.params), gained, _tried(study), whole)


def settings_of(parameters: dict[str, Any]) -> Settings:
    """Return the settings that a point of the search stands for."""
    rest = dict(parameters)
    low = rest.pop("confidence_low", DEFAULTS.confidence[0])
    high = low + _RISE
    # Four digits, so that the file gives exactly what was tried.
    rounded: dict[str, Any] = {name: float(f"{value:.4g}") for name, value in rest.items()}
    confidence = (float(f"{low:.4g}"), float(f"{high:.4g}"))
    return dataclasses.replace(DEFAULTS, confidence=confidence, **rounded)


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
        digest.update(curve_of(case).name.encode())
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
        "likely_sharp": trial.suggest_float("likely_sharp", 0.2, 0.8),
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
    names = ["strength", "shortest_px", "certain", "likely_sharp"]
    regularised = default_session(ONE_THREAD).restorer(model).regularised
    return [*names, "regularisation"] if regularised else names
