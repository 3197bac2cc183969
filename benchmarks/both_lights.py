"""Photos whose light is unsure: what undoing their motion would gain in either tells it.

Windows of 256 to 480 px of sharp photos are shaken by 6 to 60 px in either light, with the same
noise of 0.05 to 2 % and three in ten JPEG, as ``benchmarks/light_and_choice.py`` does. Where the
first estimate of the light is unsure (:mod:`unblur.pipeline.both_lights`), the motion is refined in
both lights, and the gains told in each are kept. Printed are the area under the curve of their
difference and of the first estimate, and a logistic regression on both.

Rows are kept in ``--cache``; a run can be stopped and goes on.

    python benchmarks/both_lights.py DIR --windows 60 [--cache FILE] [--seed 31]
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from light_and_choice import REACH_PX, shadow_noise
from scipy import optimize

from unblur.blur import Psf, Synthesiser, SynthesisRecipe, apply_psf
from unblur.blur.camera import Camera, develop, expose, jpeg, log_uniform
from unblur.color import FloatArray, as_rgb, quantise
from unblur.evaluate.detectors import roc_auc
from unblur.evaluate.pairs import find_sharp, pair_rng, sharp_window
from unblur.io import InputFile, read_photo
from unblur.motion.picture import Picture
from unblur.motion.told_gain import mean_gain
from unblur.motion.tone_estimate import CURVES
from unblur.pipeline.both_lights import BOTH_LIGHTS
from unblur.runtime import ONE_THREAD
from unblur.tone import SRGB, ToneCurve, is_unsure
from unblur.zoo.models import Session

SIDES = (256, 320, 400, 480)
NOISE = (0.0005, 0.02)
LENGTH_PX = (6.0, 60.0)


def drawn(photo: InputFile, number: int, seed: int) -> list[tuple[ToneCurve, Any]] | None:
    """Return one window blurred in either light, (H, W, 3) uint8; None if the photo is small."""
    rng = pair_rng(seed, photo.relative.as_posix(), number)
    side = int(rng.choice(SIDES))
    window = sharp_window(as_rgb(read_photo(photo.path).srgb()), side, REACH_PX, rng)
    if min(window.shape[:2]) < side + 2 * REACH_PX:
        return None
    length = log_uniform((LENGTH_PX[0], min(LENGTH_PX[1], side / 5)), rng)
    recipe = SynthesisRecipe(length_px=(length, length), reach_px=REACH_PX)
    psf = Synthesiser(recipe).draw_psf("shake", rng)
    noise, tone = log_uniform(NOISE, rng), float(rng.uniform(-0.2, 0.5))
    in_shadows = rng.random() < 0.5
    quality = int(rng.uniform(60, 97)) if rng.random() < 0.3 else None
    grain = rng.standard_normal((side, side, 3), dtype=np.float32)
    return [
        (curve, _taken(window, psf, curve, tone, noise * grain, in_shadows, quality, rng))
        for curve in CURVES
    ]


def _taken(
    window: FloatArray,
    psf: Psf,
    curve: ToneCurve,
    tone: float,
    grain: FloatArray,
    in_shadows: bool,
    quality: int | None,
    rng: np.random.Generator,
) -> Any:
    camera = Camera(
        tone=0.0 if curve.is_linear else tone, highlight_gain=1.0, curve=curve, deep=True
    )
    core = (slice(REACH_PX, -REACH_PX),) * 2
    blurry = develop(apply_psf(expose(window, camera), psf)[core], camera, rng)
    spread = shadow_noise(blurry) if in_shadows else np.ones_like(blurry)
    spread /= np.sqrt(np.mean(np.square(spread)))
    samples = quantise(blurry + grain * spread, np.dtype("u1"))
    return samples if quality is None else jpeg(samples, quality)


def measured(samples: Any, estimator: Any) -> dict[str, Any]:
    """Return the first probability of linear light, and the gains told where it is unsure."""
    picture = Picture(samples, SRGB, assumed=True)
    tone = estimator.tone(picture, estimator.propose(picture))
    row: dict[str, Any] = {"p": tone.linear_probability}
    if is_unsure(tone.linear_probability):
        for curve in CURVES:
            lit = Picture(samples, curve)
            field = estimator.refine(lit, estimator.propose(lit))
            row[curve.name] = mean_gain(lit, field, estimator)
    return row


def report(rows: list[dict[str, Any]]) -> None:
    """Print what told gains say of the light."""
    unsure = [row for row in rows if row.get("linear") is not None and row.get("srgb") is not None]
    truth = np.array([row["truth"] == "linear" for row in unsure])
    print(f"{len(rows)} photos, {len(unsure)} unsure, {truth.sum()} of these linear")
    if not 0 < truth.sum() < len(truth):
        return
    first = np.array([np.log(row["p"] / (1 - row["p"])) for row in unsure])
    more = np.array([row["linear"] - row["srgb"] for row in unsure])
    print(f"area: first estimate {roc_auc(first, truth):.2f}, gains {roc_auc(more, truth):.2f}")
    sign = 2 * truth - 1

    def loss(b: np.ndarray) -> float:
        odds = b[0] + b[1] * first + b[2] * more
        return float(np.logaddexp(0, -sign * odds).sum() + 0.1 * (b**2).sum())

    bias, weight, per_db = optimize.minimize(loss, np.zeros(3)).x
    print(f"fitted: bias {bias:.2f}, first {weight:.2f}, per dB {per_db:.2f}")
    params = BOTH_LIGHTS
    in_use = params.bias + params.first * first + params.per_db * more
    right = (in_use > 0) == truth
    sure = np.abs(in_use) >= np.log(params.sure / (1 - params.sure))
    print(
        f"in use: {right.sum()} of {len(right)} right, {(right & sure).sum()} of {sure.sum()} sure"
    )


def main() -> None:
    """Measure what is missing, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--windows", type=int, default=60)
    parser.add_argument("--seed", type=int, default=31)
    parser.add_argument("--split", help="of manifest.csv, as train")
    parser.add_argument("--cache", type=Path, default=Path("both_lights.jsonl"))
    args = parser.parse_args()
    photos = find_sharp(args.photos, split=args.split)
    estimator = Session(runtime=ONE_THREAD).models().estimator
    rows = [json.loads(line) for line in args.cache.open()] if args.cache.exists() else []
    done = {row["number"] for row in rows}
    for number in range(args.windows):
        if number in done:
            continue
        photo = photos[int(np.random.default_rng([args.seed, number]).integers(len(photos)))]
        for curve, samples in drawn(photo, number, args.seed) or []:
            row = {"number": number, "truth": curve.name, **measured(samples, estimator)}
            rows.append(row)
            with args.cache.open("a") as file:
                file.write(json.dumps(row) + "\n")
    report(rows)


if __name__ == "__main__":
    main()
