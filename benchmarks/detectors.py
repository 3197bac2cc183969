"""Blur detectors side by side: ours, the founding document's network, and what people use.

The photos: ``unblur synth SHARP pairs/ --split test --recipe configs/detector_recipe.toml --seed 7
--per-photo 6``. Blurred means moved by 4 px or more; sharp includes a shallow depth of field; what
is out of focus, or moved by less, counts for the three classes only. Thresholds of the classical
measures and of the document's network are chosen on other photos (``--choose-on``), as their
users must; ours is 0.5. Times are of one thread and one photo, decoding not included.

``--blur-detector N`` adds the package of that name (PyPI, BSD licence; not a dependency of ours:
``pip install --no-deps blur-detector opencv-python-headless scikit-image``), by the mean of its map
at its default settings, on every Nth photo, because it takes seconds for each.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from PIL import Image

from unblur.color import luma, srgb_to_linear, to_float
from unblur.engines.onnx import OnnxEngine
from unblur.evaluate.detectors import (
    CLASSICAL,
    angle_apart_deg,
    best_accuracy,
    calibration,
    roc_auc,
)
from unblur.motion.detect import KINDS, Detection
from unblur.runtime import ONE_THREAD
from unblur.zoo.models import default_session

OURS = "unblur"
DOCUMENT = "document's network"
PACKAGE = "blur-detector"
SHORT_PX = 4.0
BINS_PX = ((2, 4), (4, 8), (8, 16), (16, 40))
PATCH = 64

Facts = dict[str, Any]


def main() -> None:
    """Score all detectors and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--choose-on", type=Path, required=True, help="pairs of other photos")
    parser.add_argument("--patch-net", type=Path, help="ONNX file of the document's network")
    parser.add_argument("--blur-detector", type=int, metavar="N", help="also the package, sparsely")
    parser.add_argument("--json", type=Path, help="write everything here")
    options = parser.parse_args()
    chosen, tested = (
        look_at(folder, options.patch_net, options.blur_detector)
        for folder in (options.choose_on, options.pairs)
    )
    result = {"photos": len(tested["facts"]), "detectors": table(chosen, tested)}
    result |= {"ours": verdicts(tested)}
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(as_text(result))


def look_at(folder: Path, patch_net: Path | None, every: int | None) -> dict[str, Any]:
    """Run every detector on the blurry side of all pairs; NaN where one was not run."""
    rows = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    detector = default_session(ONE_THREAD).detector(mapped=True)
    scorers: dict[str, Callable[[Any, Any], float]] = {
        name: (lambda _, grey, measure=measure: -measure(grey))
        for name, measure in CLASSICAL.items()
    }
    if every:
        scorers[PACKAGE] = package_scorer()
    if patch_net:
        scorers[DOCUMENT] = patch_scorer(patch_net)
    scores: dict[str, list[float]] = {name: [] for name in scorers}
    seconds: dict[str, list[float]] = {name: [] for name in (*scorers, OURS)}
    ours: list[Detection] = []
    for number, row in enumerate(rows):
        pixels = np.asarray(Image.open(folder / "blurry" / f"{row['name']}.png").convert("RGB"))
        grey = np.asarray(Image.fromarray(pixels).convert("L"))
        for name, scorer in scorers.items():
            if name == PACKAGE and every and number % every:
                scores[name].append(np.nan)
            else:
                scores[name].append(timed(seconds[name], scorer, pixels, grey))
        plane = luma(srgb_to_linear(to_float(pixels)))
        ours.append(timed(seconds[OURS], detector, plane))
    scores[OURS] = [1 - found.probabilities[0] for found in ours]
    return {"facts": rows, "scores": scores, "seconds": seconds, "ours": ours}


def timed(times: list[float], run: Callable[..., Any], *inputs: Any) -> Any:
    """Run, and note the processor time it took."""
    begun = time.process_time()
    result = run(*inputs)
    times.append(time.process_time() - begun)
    return result


def package_scorer() -> Callable[[Any, Any], float]:
    """Return the package ``blur-detector`` over a photo: the mean of its map.

    Each map is divided by its largest value, so that a sharp photo's, with few high values, has the
    lower mean; on the photos that thresholds are chosen on, too.
    """
    import blur_detector

    return lambda _, grey: float(blur_detector.detectBlur(grey, show_progress=False).mean())


def patch_scorer(path: Path) -> Callable[[Any, Any], float]:
    """Return the document's network over a photo: the mean logit of its most detailed patches."""
    engine = OnnxEngine(path, task="patches", runtime=ONE_THREAD)

    def score(pixels: Any, _: Any) -> float:
        rows, columns = (side // PATCH for side in pixels.shape[:2])
        cut = to_float(pixels[: rows * PATCH, : columns * PATCH])
        patches = cut.reshape(rows, PATCH, columns, PATCH, 3).transpose(0, 2, 4, 1, 3)
        patches = patches.reshape(-1, 3, PATCH, PATCH)
        detail = patches.std(axis=(1, 2, 3))
        (logits,) = engine(patches[np.argsort(detail)[-16:]])
        return float(logits.mean())

    return score


def is_negative(row: Facts) -> bool:
    """Whether a photo counts as sharp."""
    return row["kind"] in ("sharp", "shallow")


def is_positive(row: Facts) -> bool:
    """Whether a photo counts as blurred by motion."""
    moved = row["kind"] in ("shake", "line", "rotation", "moving_object")
    return moved and row["length_px"] >= SHORT_PX


def table(chosen: dict[str, Any], tested: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a row of figures for each detector."""
    rows = []
    for name in tested["scores"]:
        at, _ = best_accuracy(*scored(chosen, name)) if name != OURS else (0.5, 0.0)
        scores, positive = scored(tested, name)
        figures = {
            "detector": name,
            "auc": roc_auc(scores, positive),
            "auc_95": interval(scores, positive),
            "photos": len(scores),
            "accuracy": float(((scores >= at) == positive).mean()),
            "ms": 1000 * float(np.median(tested["seconds"][name])),
        }
        for label, keep in conditions().items():
            part, truth = scored(tested, name, keep)
            figures[label] = roc_auc(part, truth)
        rows.append(figures)
    return rows


def scored(
    seen: dict[str, Any], name: str, keep: Callable[[Facts], bool] = lambda row: True
) -> tuple[Any, Any]:
    """Return scores and truth of the photos that are sharp or moved."""
    wanted = [
        i
        for i, row in enumerate(seen["facts"])
        if (is_positive(row) or is_negative(row)) and keep(row)
        if np.isfinite(seen["scores"][name][i])
    ]
    scores = np.array(seen["scores"][name])[wanted]
    return scores, np.array([is_positive(seen["facts"][i]) for i in wanted])


def conditions() -> dict[str, Callable[[Facts], bool]]:
    """Return the conditions under which detectors are compared."""

    def noisy(row: Facts) -> bool:
        return bool(row["camera_sigma_read"] >= 0.01)

    def quality(row: Facts) -> float:
        return float(row["camera_jpeg_quality"] or 100)

    return {
        "noise < 1 %": lambda row: not noisy(row),
        "noise >= 1 %": noisy,
        "JPEG < 75": lambda row: quality(row) < 75,
        "no JPEG": lambda row: quality(row) == 100,
    }


def interval(scores: Any, positive: Any, *, seed: int = 0, draws: int = 500) -> list[float]:
    """Return the 95 % bootstrap interval of the AUC."""
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(draws):
        rows = rng.integers(len(scores), size=len(scores))
        if 0 < positive[rows].sum() < len(rows):
            values.append(roc_auc(scores[rows], positive[rows]))
    return [float(q) for q in np.quantile(values, [0.025, 0.975])]


def verdicts(tested: dict[str, Any]) -> dict[str, Any]:
    """Return what only ours tells: kind, length, direction, and how sure it is."""
    facts, found = tested["facts"], tested["ours"]
    truth = np.array([kind_of(row) for row in facts])
    counted = np.array([truth_is_clear(row) for row in facts])
    said = np.array([KINDS.index(d.kind) for d in found])
    blurred = np.array([1 - d.probabilities[0] for d in found])
    wrong, reliability = calibration(blurred[counted], truth[counted] != 0)
    moved = np.array([is_positive(row) for row in facts])
    length = np.array([row["length_px"] for row in facts])
    told = np.array([d.length_px for d in found])
    spread = np.array([d.length_spread for d in found])
    angles = [np.array([row["angle_deg"] for row in facts]), np.array([d.angle_deg for d in found])]
    line = np.array([row["kind"] == "line" for row in facts])
    apart = angle_apart_deg(*angles)
    off = np.abs(np.log2(told / np.maximum(length, 1e-3)))
    return {
        "three_class_accuracy": float((said == truth)[counted].mean()),
        "confusion": [
            [int(((truth == a) & (said == b) & counted).sum()) for b in range(3)] for a in range(3)
        ],
        "recall_by_length": {
            f"{low}-{high} px": float(
                (said == 1)[(truth == 1) & (length >= low) & (length < high)].mean()
            )
            for low, high in BINS_PX
        },
        "calibration_error": wrong,
        "reliability": reliability,
        "angle_error_deg_lines": float(np.median(apart[line & moved])),
        "angle_error_deg": float(np.median(apart[moved])),
        "length_error_relative": float(np.median(np.abs(told[moved] / length[moved] - 1))),
        "length_within_95": float((off <= 1.96 * spread)[moved].mean()),
    }


def kind_of(row: Facts) -> int:
    """Return the index of a photo's true kind."""
    if is_negative(row):
        return 0
    return 2 if row["kind"] == "defocus" else 1


def truth_is_clear(row: Facts) -> bool:
    """Whether a photo is clearly of its kind: not moved by less than SHORT_PX."""
    return is_negative(row) or is_positive(row) or row["kind"] == "defocus"


def as_text(result: dict[str, Any]) -> str:
    """Return the tables as text."""
    labels = list(conditions())
    lines = [
        f"{result['photos']} photos; sharp against moved by {SHORT_PX:.0f} px or more",
        f"{'detector':<24}{'photos':>7}{'AUC [95 %]':>22}{'accuracy':>10}{'ms':>8}"
        + "".join(f"{label:>14}" for label in labels),
    ]
    for row in result["detectors"]:
        low, high = row["auc_95"]
        auc = f"{row['auc']:.4f} [{low:.3f}, {high:.3f}]"
        lines.append(
            f"{row['detector']:<24}{row['photos']:>7}{auc:>22}{100 * row['accuracy']:>8.1f} %"
            f"{row['ms']:>8.1f}" + "".join(f"{row[label]:>14.4f}" for label in labels)
        )
    ours = {key: value for key, value in result["ours"].items() if key != "reliability"}
    lines += [f"{key}: {value}" for key, value in ours.items()]
    lines += [
        f"said blurred {100 * row['said']:5.1f} %  was {100 * row['was']:5.1f} %"
        f"  share {100 * row['share']:.1f} %"
        for row in result["ours"]["reliability"]
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
