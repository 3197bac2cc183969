"""How good is a method, on which photos, and does it do harm?"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unblur.blur.psf import Psf
from unblur.errors import BadValue, ShapeMismatch, UnblurError
from unblur.evaluate.metrics import cropped, kernel_similarity, psnr_db, ssim
from unblur.evaluate.samples import PairFile, Samples, read_rgb8
from unblur.motion.field import MotionField
from unblur.restoration.catalogue import (
    is_foreign,
    load_blur_engine,
    load_kernel_engine,
    load_restorer,
)
from unblur.restoration.pipeline import RestoreOptions, restore_samples

Method = Callable[[Samples, PairFile], "tuple[Samples, MotionField | None] | None"]
"""(blurry samples, pair) -> (restored samples, motion), or None where it does not apply."""

TRUE_PSF = "+true-psf"
"""Suffix of a method's name that gives it the true PSF instead of an estimate."""

GATE, NO_GATE = "+gate", "+no-gate"
"""Suffixes that put a method behind the no-harm gate, or set the gate aside. Without one, our
models run as users get them, gated, and networks from elsewhere as their authors do, ungated."""

WORSE_BY_DB = 0.1
"""A restored photo counts as harmed if its PSNR is this much below the blurry one's."""

UNHARMED_DB = 50.0
"""A sharp photo counts as untouched if its output is at least this similar to it."""

_BINS = ((0.0, 10.0), (10.0, 20.0), (20.0, 40.0), (40.0, float("inf")))
_RESAMPLES = 2000


@dataclass(frozen=True)
class Row:
    """One method on one pair.

    Attributes:
        method, name: which.
        psnr_db, ssim: of the 8-bit sRGB result against the sharp photo.
        gain_db: PSNR above the blurry photo's.
        kernel_similarity: of the estimated PSF in the middle with the true one; None if either
            is unknown.
        length_px: of the true motion; None if unknown.
        kind: what blurred it; empty if unknown.
        seconds: wall time of the method.
    """

    method: str
    name: str
    psnr_db: float
    ssim: float
    gain_db: float
    kernel_similarity: float | None
    length_px: float | None
    kind: str
    seconds: float


def method_of(name: str, *, threads: int | None = None) -> Method:
    """Return the method of a name: "blurry" (does nothing), or a model with suffixes.

    Suffixes: TRUE_PSF, GATE, NO_GATE; the last two after the first.

    Raises:
        UnknownModel: no model has this name.
        BadValue: a true PSF for a network that takes none.
    """
    if name == "blurry":
        return lambda samples, pair: (samples, None)
    model, gate = gated(name)
    wants_psf = model.endswith(TRUE_PSF)
    model = model.removesuffix(TRUE_PSF)
    restorer = load_restorer(model, threads=threads)
    if wants_psf and is_foreign(model):
        raise BadValue(f"'{model}' takes no PSF; leave '{TRUE_PSF}' out")
    kernel, blur = load_kernel_engine(threads=threads), load_blur_engine(threads=threads)

    def run(samples: Samples, pair: PairFile) -> tuple[Samples, MotionField | None] | None:
        psf = pair.true_psf() if wants_psf else None
        if wants_psf and psf is None:
            return None
        options = RestoreOptions(psf=psf, gate=gate)
        restored, motion, _ = restore_samples(samples, restorer, kernel, options, blur_engine=blur)
        return restored, motion

    return run


def gated(name: str) -> tuple[str, bool]:
    """Return a method's name without GATE or NO_GATE, and whether the gate decides for it."""
    for suffix, gate in ((GATE, True), (NO_GATE, False)):
        if name.endswith(suffix):
            return name.removesuffix(suffix), gate
    return name, not is_foreign(name)


def evaluate(
    pairs: Sequence[PairFile],
    methods: dict[str, Method],
    *,
    crop_px: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> list[Row]:
    """Run every method on every pair.

    Args:
        pairs: the photos.
        methods: by name; see :func:`method_of`.
        crop_px: pixels left out on each side when scoring.
        progress: called with (pairs done, pairs in all).
    """
    rows: list[Row] = []
    for number, pair in enumerate(pairs):
        blurry, sharp = read_rgb8(pair.blurry), read_rgb8(pair.sharp)
        if blurry.shape != sharp.shape:
            raise ShapeMismatch(f"{pair.name}: blurry is {blurry.shape}, sharp {sharp.shape}")
        before = _score(blurry, sharp, crop_px)[0]
        truth = pair.true_psf()
        for name, method in methods.items():
            begun = time.perf_counter()
            result = method(blurry, pair)
            seconds = time.perf_counter() - begun
            if result is None:
                continue
            psnr, similarity = _score(result[0], sharp, crop_px)
            rows.append(
                Row(
                    method=name,
                    name=pair.name,
                    psnr_db=psnr,
                    ssim=similarity,
                    gain_db=0.0 if psnr == before else psnr - before,
                    kernel_similarity=_kernel(result[1], truth),
                    length_px=pair.facts.get("length_px"),
                    kind=str(pair.facts.get("kind", "")),
                    seconds=seconds,
                )
            )
        if progress is not None:
            progress(number + 1, len(pairs))
    return rows


def summarise(rows: Sequence[Row], *, seed: int = 0) -> list[dict[str, Any]]:
    """Return means per method over all pairs, per length of the motion, and per kind."""
    groups: dict[str, Callable[[Row], bool]] = {"all": lambda row: True}
    for low, high in _BINS:
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
                table.append({"method": method, "group": label, **_means(chosen, seed)})
    return table


def format_table(table: Sequence[dict[str, Any]]) -> str:
    """Return a summary as text."""
    lines = [
        f"{'group':<14}{'method':<34}{'n':>5}{'PSNR dB':>9}{'SSIM':>8}"
        f"{'gain dB [95 %]':>24}{'worse':>8}{'PSF':>7}{'s':>8}"
    ]
    for group in dict.fromkeys(row["group"] for row in table):
        for row in (r for r in table if r["group"] == group):
            low, high = row["gain_db_95"]
            gain = f"{row['gain_db']:+.2f} [{low:+.2f}, {high:+.2f}]"
            kernel = row["kernel_similarity"]
            lines.append(
                f"{group:<14}{row['method']:<34}{row['count']:>5}{row['psnr_db']:>9.2f}"
                f"{row['ssim']:>8.4f}{gain:>24}{100 * row['worse_share']:>7.1f}%"
                f"{'' if kernel is None else format(kernel, '.3f'):>7}{row['seconds']:>8.2f}"
            )
    return "\n".join(lines)


def unharmed(
    photos: Sequence[Path], model: str, *, threads: int | None = None
) -> list[dict[str, Any]]:
    """Run a model on sharp photos and return how similar each comes back.

    The gate decides as in :func:`method_of`.

    Returns:
        A row for each: path, error (why it could not be read, or None), psnr_db of output
        against input (infinite if identical), harmed (below UNHARMED_DB), blur_probability.
    """
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
            samples, restorer, kernel, RestoreOptions(gate=gate), blur_engine=blur
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


def _score(image: Samples, sharp: Samples, crop_px: int) -> tuple[float, float]:
    a, b = cropped(image, crop_px), cropped(sharp, crop_px)
    return psnr_db(a, b, data_range=255), ssim(a, b, data_range=255)


def _kernel(motion: MotionField | None, truth: Psf | None) -> float | None:
    if motion is None or truth is None:
        return None
    row = motion.windows[len(motion.windows) // 2]
    psf = row[len(row) // 2].psf
    return kernel_similarity(psf if motion.scale == 1 else psf.scaled(motion.scale), truth)


def _means(rows: Sequence[Row], seed: int) -> dict[str, Any]:
    gains = np.array([row.gain_db for row in rows])
    rng = np.random.default_rng(seed)
    kernels = [row.kernel_similarity for row in rows if row.kernel_similarity is not None]
    # A photo restored perfectly gains infinitely, a perfect one that is changed loses as much.
    with np.errstate(invalid="ignore"):
        mean_gain = float(gains.mean())
        resampled = gains[rng.integers(len(gains), size=(_RESAMPLES, len(gains)))].mean(axis=1)
        low, high = _interval(resampled)
    worst = sorted(rows, key=lambda row: row.gain_db)[:5]
    return {
        "count": len(rows),
        "psnr_db": float(np.mean([row.psnr_db for row in rows])),
        "ssim": float(np.mean([row.ssim for row in rows])),
        "gain_db": mean_gain,
        "gain_db_95": [low, high],
        "worse_share": float(np.mean(gains < -WORSE_BY_DB)),
        "kernel_similarity": float(np.mean(kernels)) if kernels else None,
        "seconds": float(np.mean([row.seconds for row in rows])),
        "worst": [{"name": row.name, "gain_db": round(row.gain_db, 3)} for row in worst],
    }


def _interval(means: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 2.5 % and 97.5 % quantiles; of infinite values, no mean of two is taken."""
    if np.isfinite(means).all():
        low, high = np.quantile(means, [0.025, 0.975])
        return float(low), float(high)
    if np.isnan(means).any():
        return float("nan"), float("nan")
    ranked, last = np.sort(means), len(means) - 1
    return float(ranked[int(0.025 * last)]), float(ranked[-1 - int(0.025 * last)])
