"""The methods by name: models with suffixes, references that are no models, others' results."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from unblur.errors import BadValue
from unblur.evaluate.cases import Case
from unblur.evaluate.light import Method, curve_of, in_srgb
from unblur.evaluate.references import unsharp_mask
from unblur.evaluate.results import NAMED, results_of
from unblur.evaluate.samples import Samples
from unblur.motion.field import MotionField
from unblur.motion.picture import Picture
from unblur.motion.search import SearchEstimator
from unblur.pipeline.report import RestoreOptions
from unblur.pipeline.run import restore_picture
from unblur.pipeline.settings import DEFAULTS, Settings, read_settings
from unblur.restoration.restorers import BlindRestorer
from unblur.runtime import ALL_THREADS, Runtime
from unblur.zoo.catalogue import is_foreign
from unblur.zoo.models import default_session

BLURRY = "blurry"
"""Name of the method that does nothing."""

UNSHARP = "unsharp"
"""Name of the reference that everybody has: an unsharp mask."""

CLASSICAL_BLIND = "classical-blind"
"""Name of the classical reference: one PSF by MAP estimation, then the Wiener filter."""

TRUE_PSF = "+true-psf"
"""Suffix of a method's name that gives it the true PSF instead of an estimate."""

GATE, NO_GATE = "+gate", "+no-gate"
"""Suffixes that put a method behind the no-harm gate, or set the gate aside. Without one, our
models run as users get them, gated, and networks from elsewhere as their authors do, ungated."""

AT = "@"
"""Between a method's name and a TOML file of settings."""


def method_of(name: str, *, runtime: Runtime = ALL_THREADS) -> Method:
    """Return the method of a name: a model with suffixes, or a reference that is no model.

    These are BLURRY, UNSHARP and CLASSICAL_BLIND.

    Suffixes of a model, in this order: TRUE_PSF; GATE or NO_GATE; AT and a file of settings,
    as ``unblur+no-gate@tuned.toml``. ``NAME=FOLDER`` stands for results that lie in a folder; see
    :func:`unblur.evaluate.results.results_of`.

    Raises:
        UnknownModel: no model has this name.
        BadValue: the settings cannot be read, or a true PSF for a network that takes none.
    """
    if name == BLURRY:
        return lambda samples, case: (samples, None)
    if name == UNSHARP:
        return in_srgb(lambda samples, case: (unsharp_mask(samples), None))
    if NAMED in name:
        return results_of(Path(name.partition(NAMED)[2]))
    name, settings = split_settings(name)
    name, gate = gated(name)
    wants_psf, classical = name.endswith(TRUE_PSF), name == CLASSICAL_BLIND
    model = "wiener" if classical else name.removesuffix(TRUE_PSF)
    models = default_session(runtime).models(model)
    if wants_psf and isinstance(models.restorer, BlindRestorer):
        raise BadValue(f"'{model}' takes no PSF; leave '{TRUE_PSF}' out")
    if classical:  # the search tells nothing of its errors, so no gate could judge it
        models, gate = replace(models, estimator=SearchEstimator()), False

    def run(samples: Samples, case: Case) -> tuple[Samples, MotionField | None] | None:
        psf = case.true_psf() if wants_psf else None
        if wants_psf and psf is None:
            return None
        options = RestoreOptions(psf=psf, settings=settings, gate=gate)
        result = restore_picture(Picture(samples, curve_of(case)), models, options)
        return result.samples, result.motion

    return run


def split_settings(name: str) -> tuple[str, Settings]:
    """Return a method's name without AT and its file of settings, and the settings.

    Raises:
        BadValue: the settings cannot be read.
    """
    base, file = settings_file(name)
    return base, DEFAULTS if file is None else read_settings(file)


def settings_file(name: str) -> tuple[str, Path | None]:
    """Return a method's name without AT and its file of settings, and the file."""
    base, at, file = name.rpartition(AT)
    return (base, Path(file)) if at and file.endswith(".toml") else (name, None)


def gated(name: str) -> tuple[str, bool]:
    """Return a method's name without GATE or NO_GATE, and whether the gate decides for it."""
    for suffix, gate in ((GATE, True), (NO_GATE, False)):
        if name.endswith(suffix):
            return name.removesuffix(suffix), gate
    return name, not is_foreign(name)


def as_options(name: str) -> str:
    """Return the options by which ``unblur restore`` does what a method does."""
    base, file = settings_file(name)
    model, gate = gated(base)
    options = [f"--model {model}"]
    options += [] if gate else ["--no-gate"]
    options += [] if file is None else [f"--settings {file}"]
    return " ".join(options)
