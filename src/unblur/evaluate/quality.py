"""How good is a method, on which photos, and does it do harm?"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from unblur.blur.psf import Psf
from unblur.color import luma, srgb_to_linear, to_float
from unblur.errors import BadValue, UnblurError
from unblur.evaluate.cases import Case
from unblur.evaluate.light import Method, in_srgb
from unblur.evaluate.memory import measured
from unblur.evaluate.metrics import kernel_similarity, psnr_db
from unblur.evaluate.protocols.base import Protocol, Scores
from unblur.evaluate.protocols.plain import PLAIN
from unblur.evaluate.results import NAMED, results_of
from unblur.evaluate.samples import Samples, read_rgb8
from unblur.evaluate.statistics import Summary, bootstrap_interval, summarise_scores
from unblur.motion.coarse_to_fine import estimate_psf_map
from unblur.motion.field import MotionField
from unblur.restoration.catalogue import (
    is_foreign,
    load_blur_engine,
    load_kernel_engine,
    load_restorer,
)
from unblur.restoration.pipeline import RestoreOptions, restore_samples
from unblur.restoration.settings import DEFAULTS, Settings, read_settings

TRUE_PSF = "+true-psf"
"""Suffix of a method's name that gives it the true PSF instead of an estimate."""

GATE, NO_GATE = "+gate", "+no-gate"
"""Suffixes that put a method behind the no-harm gate, or set the gate aside. Without one, our
models run as users get them, gated, and networks from elsewhere as their authors do, ungated."""

CLASSICAL_BLIND = "classical-blind"
"""Name of the classical reference: one PSF by MAP estimation, then the Wiener filter."""

AT = "@"
"""Between a method's name and a TOML file of settings."""

WORSE_BY_DB = 0.1
"""A restored photo counts as harmed if its PSNR is this much below the blurry one's."""

UNHARMED_DB = 50.0
"""A sharp photo counts as untouched if its output is at least this similar to it."""

_TITLES = {"psnr_db": "PSNR dB", "ssim": "SSIM", "ms_ssim": "MS-SSIM"}

BINS = ((0.0, 10.0), (10.0, 20.0), (20.0, 40.0), (40.0, float("inf")))
"""Lengths of the motion in px by which photos are grouped."""


@dataclass(frozen=True)
class Row:
    """One method on one photo.

    Attributes:
        method, name: which.
        scores: of the result, by the protocol.
        gain_db: PSNR above the blurry photo's, by the protocol; None if that has no PSNR.
        kernel_similarity: of the estimated PSF in the middle with the true one; None if either
            is unknown.
        length_px: of the true motion; None if unknown.
        kind: what blurred it; empty if unknown.
        seconds: wall time of the method.
        peak_mb: most memory that the process held meanwhile, in 10^6 bytes; None where the
            system does not tell.
        cpu_seconds: of all processors, which other programs disturb less than wall time.
    """

    method: str
    name: str
    scores: Scores
    gain_db: float | None
    kernel_similarity: float | None
    length_px: float | None
    kind: str
    seconds: float
    peak_mb: float | None = None
    cpu_seconds: float | None = None


def method_of(name: str, *, threads: int | None = None) -> Method:
    """Return the method of a name: a model with suffixes, or one of two that are none.

    These are "blurry", which does nothing, and CLASSICAL_BLIND.

    Suffixes of a model, in this order: TRUE_PSF; GATE or NO_GATE; AT and a file of settings,
    as ``unblur+no-gate@tuned.toml``. ``NAME=FOLDER`` stands for results that lie in a folder; see
    :func:`results_of`.

    Raises:
        UnknownModel: no model has this name.
        BadValue: the settings cannot be read, or a true PSF for a network that takes none.
    """
    if name == "blurry":
        return lambda samples, case: (samples, None)
    if NAMED in name:
        return results_of(Path(name.partition(NAMED)[2]))
    name, settings = split_settings(name)
    name, gate = gated(name)
    wants_psf, blind = name.endswith(TRUE_PSF), name == CLASSICAL_BLIND
    model = "wiener" if blind else name.removesuffix(TRUE_PSF)
    restorer = load_restorer(model, threads=threads)
    if wants_psf and is_foreign(model):
        raise BadValue(f"'{model}' takes no PSF; leave '{TRUE_PSF}' out")
    kernel, blur = load_kernel_engine(threads=threads), load_blur_engine(threads=threads)

    def run(samples: Samples, case: Case) -> tuple[Samples, MotionField | None] | None:
        psf = case.true_psf() if wants_psf else None
        if wants_psf and psf is None:
            return None
        if blind:
            psf = estimate_psf_map(luma(srgb_to_linear(to_float(samples))))
        options = RestoreOptions(psf=psf, settings=settings, gate=gate)
        restored, motion, _ = restore_samples(samples, restorer, kernel, options, blur_engine=blur)
        return restored, motion

    return in_srgb(run)


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


def evaluate(
    cases: Sequence[Case],
    methods: dict[str, Method],
    *,
    protocol: Protocol = PLAIN,
    progress: Callable[[int, int], None] | None = None,
) -> list[Row]:
    """Run every method on every photo.

    Args:
        cases: the photos.
        methods: by name; see :func:`method_of`.
        protocol: how the results are scored.
        progress: called with (photos done, photos in all).

    Raises:
        ShapeMismatch: a photo and its sharp picture differ in shape.
    """
    rows: list[Row] = []
    for number, case in enumerate(cases):
        blurry = case.blurry.read()
        before = protocol.score(blurry, case)
        for name, method in methods.items():
            outcome = run_method(name, method, blurry, case, before=before, protocol=protocol)
            if outcome is not None:
                rows.append(outcome[1])
        if progress is not None:
            progress(number + 1, len(cases))
    return rows


def run_method(
    name: str, method: Method, blurry: Samples, case: Case, *, before: Scores, protocol: Protocol
) -> tuple[Samples, Row] | None:
    """Run one method on one photo.

    Args:
        name, method: see :func:`method_of`.
        blurry: the case's blurry photo, read.
        case: what the result is scored against.
        before: scores of ``blurry`` by the protocol.
        protocol: how the result is scored.

    Returns:
        The restored samples and the row, or None where the method does not apply.
    """
    begun = time.process_time()
    result, seconds, peak_mb = measured(partial(method, blurry, case))
    cpu_seconds = time.process_time() - begun
    if result is None:
        return None
    restored, motion = result
    scores = before if restored is blurry else protocol.score(restored, case)
    row = Row(
        method=name,
        name=case.name,
        scores=scores,
        gain_db=_gain_db(scores, before),
        kernel_similarity=_kernel(motion, case.true_psf()),
        length_px=case.facts.get("length_px"),
        kind=str(case.facts.get("kind", "")),
        seconds=seconds,
        peak_mb=peak_mb,
        cpu_seconds=cpu_seconds,
    )
    return restored, row


def summarise(
    rows: Sequence[Row], *, protocol: Protocol = PLAIN, seed: int = 0
) -> list[dict[str, Any]]:
    """Return means per method over all pairs, per length of the motion, and per kind."""
    groups: dict[str, Callable[[Row], bool]] = {"all": lambda row: True}
    for low, high in BINS:
        label = f"> {low:.0f} px" if high == float("inf") else f"{low:.0f}-{high:.0f} px"
        groups[label] = lambda row, low=low, high=high: (  # type: ignore[misc]
            row.length_px is not None and row.kind != "sharp" and low < row.length_px <= high
        )
    for kind in sorted({row.kind for row in rows if row.kind}):
        groups[kind] = lambda row, kind=kind: row.kind == kind  # type: ignore[misc]
    table = []
    for method in dict.fromkeys(row.method for row in rows):
        for label, belongs in groups.items():
            chosen = [row for row in rows if row.method == method and belongs(row)]
            if chosen:
                table.append({"method": method, "group": label, **_means(chosen, protocol, seed)})
    return table


def format_table(table: Sequence[dict[str, Any]], *, protocol: Protocol = PLAIN) -> str:
    """Return a summary as text, with a column for each score of the protocol."""
    scores_of = dict.fromkeys(name for row in table for name in row["scores"])
    names = [*scores_of, *protocol.extras([])] if table else []
    head = "".join(f"{_TITLES.get(name, name):>{_width(name)}}" for name in names)
    lines = [
        f"{'group':<14}{'method':<34}{'n':>5}{head}"
        f"{'gain dB [95 %]':>24}{'worse':>8}{'PSF':>7}{'s':>8}"
    ]
    for group in dict.fromkeys(row["group"] for row in table):
        for row in (r for r in table if r["group"] == group):
            scores = "".join(_score_text(row.get(name), name) for name in names)
            kernel = row["kernel_similarity"]
            lines.append(
                f"{group:<14}{row['method']:<34}{row['count']:>5}{scores}{_gain_text(row)}"
                f"{'' if kernel is None else format(kernel, '.3f'):>7}{row['seconds']:>8.2f}"
            )
    return "\n".join(lines)


def _width(name: str) -> int:
    return max(9, len(_TITLES.get(name, name)) + 2)


def _score_text(value: float | None, name: str) -> str:
    if value is None:
        return f"{'-':>{_width(name)}}"
    return f"{value:>{_width(name)}.{2 if name.endswith('_db') else 4}f}"


def _gain_text(row: dict[str, Any]) -> str:
    if row["gain_db"] is None:
        return f"{'-':>24}{'-':>8}"
    low, high = row["gain_db_95"]
    gain = f"{row['gain_db']:+.2f} [{low:+.2f}, {high:+.2f}]"
    return f"{gain:>24}{100 * row['worse_share']:>7.1f}%"


def unharmed(
    photos: Sequence[Path], model: str, *, threads: int | None = None
) -> list[dict[str, Any]]:
    """Run a model on sharp photos and return how similar each comes back.

    The model may have a gate's suffix and settings, as in :func:`method_of`.

    Returns:
        A row for each: path, error (why it could not be read, or None), psnr_db of output
        against input (infinite if identical), harmed (below UNHARMED_DB), blur_probability.
    """
    model, settings = split_settings(model)
    model, gate = gated(model)
    restorer, kernel = load_restorer(model, threads=threads), load_kernel_engine(threads=threads)
    blur = load_blur_engine(threads=threads)
    rows: list[dict[str, Any]] = []
    for path in photos:
        try:
            samples = read_rgb8(path)
        except UnblurError as error:
            unread = {"psnr_db": None, "harmed": False, "blur_probability": None}
            rows.append({"path": str(path), "error": str(error), **unread})
            continue
        restored, motion, _ = restore_samples(
            samples,
            restorer,
            kernel,
            RestoreOptions(gate=gate, settings=settings),
            blur_engine=blur,
        )
        similarity = psnr_db(restored, samples, data_range=255)
        probability = None if motion is None else round(motion.blur_probability, 4)
        rows.append(
            {
                "path": str(path),
                "error": None,
                "psnr_db": similarity,
                "harmed": similarity < UNHARMED_DB,
                "blur_probability": probability,
            }
        )
    return rows


def _gain_db(scores: Scores, before: Scores) -> float | None:
    if "psnr_db" not in scores:
        return None
    psnr, blurry = scores["psnr_db"], before["psnr_db"]
    return 0.0 if psnr == blurry else psnr - blurry


def _kernel(motion: MotionField | None, truth: Psf | None) -> float | None:
    if motion is None or truth is None:
        return None
    row = motion.windows[len(motion.windows) // 2]
    psf = row[len(row) // 2].psf
    return kernel_similarity(psf if motion.scale == 1 else psf.scaled(motion.scale), truth)


def _means(rows: Sequence[Row], protocol: Protocol, seed: int) -> dict[str, Any]:
    summaries: dict[str, Summary] = {}
    # Some scores are not defined for small photos.
    for name in dict.fromkeys(name for row in rows for name in row.scores):
        values = [row.scores[name] for row in rows if name in row.scores]
        lower = name in protocol.lower_is_better
        summaries[name] = summarise_scores(values, lower_is_better=lower, seed=seed)
    return {
        "count": len(rows),
        **{name: summary.mean for name, summary in summaries.items()},
        **protocol.extras([row.scores for row in rows]),
        **_gains(rows, seed),
        "kernel_similarity": _mean([row.kernel_similarity for row in rows]),
        "seconds": float(np.mean([row.seconds for row in rows])),
        "peak_mb": max((row.peak_mb for row in rows if row.peak_mb is not None), default=None),
        "scores": {name: dataclasses.asdict(summary) for name, summary in summaries.items()},
    }


def _gains(rows: Sequence[Row], seed: int) -> dict[str, Any]:
    known = [(row.gain_db, row.name) for row in rows if row.gain_db is not None]
    if not known:
        return {"gain_db": None, "gain_db_95": None, "worse_share": None, "worst": []}
    gains = np.array([gain for gain, _ in known])
    # A photo restored perfectly gains infinitely, a perfect one that is changed loses as much.
    with np.errstate(invalid="ignore"):
        mean = float(gains.mean())
    worst = sorted(known)[:5]
    return {
        "gain_db": mean,
        "gain_db_95": list(bootstrap_interval(gains, seed=seed)),
        "worse_share": float(np.mean(gains < -WORSE_BY_DB)),
        "worst": [{"name": name, "gain_db": round(gain, 3)} for gain, name in worst],
    }


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
