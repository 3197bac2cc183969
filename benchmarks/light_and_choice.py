"""Which light a photo was blurred in, and which of several PSFs is best: calibration and tables.

Windows of sharp photos are shaken twice: in the linear light behind sRGB's curve (with an S-shaped
tone curve on top), and in their samples as they are, as if those were linear. Window, PSF, noise of
the samples (0.05 to 4 %, log-uniform; constant, or stronger in the shadows as a camera's), 8 bits
and JPEG (half of them) are the same in both.

* *Light*: the evidence of :mod:`unblur.motion.tone_estimate` for each truth, and the PSNR up to a
  shift of trial restorations in either light, each with the PSF found in it: what a mistake costs.
* *Choice*: all candidates of :mod:`unblur.motion.candidates`, what the judge sees of each, and the
  PSNR up to a shift of its trial restoration; every fourth window is a page of text.

Rows are kept in ``--cache``; a run can be stopped and goes on. Every third block
of seven windows is held out when ``--fit`` prints new constants.

    python benchmarks/light_and_choice.py DIR --windows 300 [--cache FILE] [--only light] [--fit]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from scipy import optimize

from unblur.blocks import halve
from unblur.blur import Psf, Synthesiser, SynthesisRecipe, apply_psf
from unblur.blur.camera import Camera, develop, expose, jpeg, log_uniform
from unblur.color import FloatArray, as_rgb, luma, quantise, to_float
from unblur.engines.base import Engine
from unblur.evaluate.pairs import find_sharp, pair_rng, sharp_window
from unblur.evaluate.protocols.levin import up_to_a_shift
from unblur.io import InputFile, read_photo
from unblur.motion.candidates import candidates
from unblur.motion.features import noise_sigma
from unblur.motion.judge import (
    FEATURES,
    JUDGE,
    ORIGINS,
    JudgeParams,
    features,
    middle_part,
    network_scores,
)
from unblur.motion.kernel import PsfEstimate, estimate, observe
from unblur.motion.refinement import SharedEstimate, fused_shared
from unblur.motion.tone_estimate import (
    CURVES,
    NETWORK_TONE,
    ToneEvidence,
    ToneParams,
    tone_evidence,
)
from unblur.motion.trial import Trial, try_psf
from unblur.runtime import ONE_THREAD
from unblur.tone import SRGB, ToneCurve
from unblur.training.pages import draw_page
from unblur.zoo.catalogue import FUSE_NET, JUDGE_NET, KERNEL_NET, weights_path
from unblur.zoo.models import default_session

REACH_PX = 64
NOISE = (0.0005, 0.04)
NOISE_STEPS = (0.0, 0.002, 0.005, 0.01, 0.02, 1.0)
LONG_EACH = 5
PAGES_EACH = 4
"""One window in so many is a page of text, of those that did not move far."""
HELD_OUT_EACH = 3
"""Of blocks of 7 windows, which mix what the numbers above alternate."""
MOST_DB = 6.0
"""Differences between candidates count up to this: a catastrophe is one whatever its size."""


def drawn(photo: InputFile, number: int, seed: int) -> dict[str, Any] | None:
    """Return one window blurred in both lights, with its truth, or None if the photo is small."""
    rng = pair_rng(seed, photo.relative.as_posix(), number)
    is_long = number % LONG_EACH == 0
    if is_long:
        length = log_uniform((35.0, 100.0), rng)
        side = int(np.clip(8 * (length * 5.5 // 8), 320, 512))
    else:
        side = int(rng.choice([128, 192, 256], p=[0.2, 0.4, 0.4]))
        length = log_uniform((4.0, min(50.0, side / 5)), rng)
    synthesise = Synthesiser(SynthesisRecipe(length_px=(length, length), reach_px=REACH_PX))
    psf = synthesise.draw_psf("line" if rng.random() < 0.15 else "shake", rng)
    if number % PAGES_EACH == 0 and not is_long:
        window = draw_page(side + 2 * REACH_PX, side + 2 * REACH_PX, rng)
    else:
        window = sharp_window(as_rgb(read_photo(photo.path).srgb()), side, REACH_PX, rng)
    if min(window.shape[:2]) < side + 2 * REACH_PX:
        return None
    noise, tone = log_uniform(NOISE, rng), float(rng.uniform(-0.2, 0.5))
    gain = float(rng.uniform(1.5, 6)) if rng.random() < 0.25 else 1.0
    in_shadows = rng.random() < 0.5
    quality = int(rng.uniform(60, 97)) if rng.random() < 0.5 else None
    field = rng.standard_normal((side, side, 3), dtype=np.float32)
    photos: dict[str, tuple[FloatArray, FloatArray]] = {}
    core = (slice(REACH_PX, -REACH_PX),) * 2
    for curve in CURVES:
        strength = 0.0 if curve.is_linear else tone
        camera = Camera(tone=strength, highlight_gain=gain, curve=curve, deep=True)
        light = expose(window, camera)
        blurry, sharp = (develop(x[core], camera, rng) for x in (apply_psf(light, psf), light))
        spread = shadow_noise(blurry) if in_shadows else np.ones_like(blurry)
        spread *= np.float32(noise) / np.sqrt(np.mean(np.square(spread)))
        samples = quantise(blurry + field * spread, np.dtype("u1"))
        photos[curve.name] = to_float(samples if quality is None else jpeg(samples, quality)), sharp
    facts = {"noise": noise, "length": psf.length_px(), "side": side, "jpeg": quality or 0}
    return {"photos": photos, "psf": psf, "facts": facts}


def shadow_noise(samples: FloatArray) -> FloatArray:
    """Return (up to a factor) the noise of a camera that encodes by sRGB's curve."""
    light = SRGB.to_linear(samples)
    return np.asarray(np.sqrt(0.006 + 0.7 * light) / np.maximum(SRGB.slope(samples), 0.1))


def light_row(photos: dict[str, tuple[FloatArray, FloatArray]], network: Engine) -> dict[str, Any]:
    """Return the evidence of both truths, and the PSNR of both explanations of each."""
    rows = {}
    for name, (blurry, sharp) in photos.items():
        evidence = tone_evidence(blurry, network)
        if evidence is None:
            continue
        y0, x0, y1, x1 = evidence.window
        part, truth = blurry[y0:y1, x0:x1, 1], sharp[y0:y1, x0:x1, 1:2]
        db = [
            score(try_psf(part, curve, psf, evidence.noise).samples, truth)
            for curve, psf in zip(CURVES, evidence.psfs, strict=True)
        ]
        rows[name] = {
            "best": evidence.best,
            "mean": evidence.mean,
            "seen": evidence.seen,
            "noise": evidence.noise,
            "db": db,
        }
    return rows


class Chooser:
    """Finds candidates of a window, and what the judge sees of each."""

    def __init__(self) -> None:
        session = default_session(ONE_THREAD)
        self.kernel = session.network(weights_path(KERNEL_NET), "kernel")
        self.fuse = session.network(weights_path(FUSE_NET), "fuse")
        self.judge = session.network(weights_path(JUDGE_NET), "judge")

    def first(self, window: FloatArray) -> PsfEstimate:
        """Return KernelNet's first estimate of the middle of a window."""
        return estimate([observe(middle(window, 256))], self.kernel)[0]

    def fused(self, window: FloatArray) -> SharedEstimate:
        """Return what the networks make of a window."""
        first = self.first(window).psf

        def read(y0: int, x0: int, y1: int, x1: int) -> FloatArray:
            return np.ascontiguousarray(window[y0:y1, x0:x1])

        found, _, _ = fused_shared(
            read, window.shape, first, self.kernel, self.fuse, runtime=ONE_THREAD
        )
        return found

    def __call__(
        self, blurry: FloatArray, sharp: FloatArray, curve: ToneCurve, psf: Psf
    ) -> dict[str, Any]:
        """Return origins, features and PSNR of the candidates, and the PSNR of the true PSF."""
        window = np.ascontiguousarray(luma(curve.to_linear(blurry)))
        found = candidates(window, self.fused(window).psf, halve(window))
        trials = Trials(window, sharp, curve)
        tried = [trials.of(c.psf) for c in found]
        lengths_px = [c.psf.length_px() for c in found]
        seen = network_scores(
            self.judge,
            trials.samples,
            [trial.samples for trial in tried],
            lengths_px,
            trials.noise,
            [curve] * len(tried),
        )
        return {
            "origins": [c.origin for c in found],
            "features": features(tried, trials.noise, found).tolist(),
            "network": seen.tolist(),
            "db": [score(trial.samples, trials.target) for trial in tried],
            "true": trials.db(psf),
            "blurry": score(trials.samples, trials.target),
            "measured": trials.noise,
        }


class Trials:
    """Tries PSFs on the middle of a window whose truth is known.

    Args:
        window: (H, W) float32 luma, linear light.
        sharp: (H, W, 3) float32, encoded.
        curve: of the samples.
    """

    def __init__(self, window: FloatArray, sharp: FloatArray, curve: ToneCurve) -> None:
        self.curve = curve
        self.samples = curve.to_encoded(np.clip(middle_part(window), 0, 1))
        self.target = middle_part(curve.to_encoded(luma(curve.to_linear(sharp))))[..., None]
        self.noise = noise_sigma(self.samples)

    def of(self, psf: Psf) -> Trial:
        """Return what a PSF makes of it."""
        return try_psf(self.samples, self.curve, psf, self.noise)

    def db(self, psf: Psf) -> float:
        """Return the PSNR up to a shift of what a PSF makes of it."""
        return score(self.of(psf).samples, self.target)


def middle(plane: FloatArray, side: int) -> FloatArray:
    """Return the middle of a plane."""
    y, x = (max(0, n - side) // 2 for n in plane.shape)
    return np.ascontiguousarray(plane[y : y + side, x : x + side])


def score(samples: FloatArray, sharp: FloatArray) -> float:
    """Return the PSNR up to a shift."""
    ours, theirs = (
        quantise(x.reshape((*x.shape[:2], 1)), np.dtype("u1")) for x in (samples, sharp)
    )
    return float(up_to_a_shift(ours, theirs)["psnr_db"])


def measure(
    photos: list[InputFile], windows: int, seed: int, cache: Path, only: str | None = None
) -> list[dict[str, Any]]:
    """Return the rows of all windows, those in the cache and the rest."""
    rows = [json.loads(line) for line in cache.read_text().splitlines()] if cache.exists() else []
    done, choose = {row["number"] for row in rows}, Chooser()
    for number in range(windows):
        if number in done:
            continue
        photo = photos[int(np.random.default_rng([seed, number]).integers(len(photos)))]
        pair = drawn(photo, number, seed)
        if pair is None:
            continue
        row = {"number": number, "photo": photo.relative.name, **pair["facts"]}
        if number % LONG_EACH and only != "choice":
            row["light"] = light_row(pair["photos"], choose.judge)
        if only != "light":
            curve = CURVES[number % 2]
            row["choice"] = choose(*pair["photos"][curve.name], curve, pair["psf"])
            row["truth"] = curve.name
        rows.append(row)
        with cache.open("a") as file:
            file.write(json.dumps(row) + "\n")
    return rows


def light_tables(rows: list[dict[str, Any]], params: ToneParams) -> None:
    """Print how often each truth is called linear, what mistakes cost, and the calibration."""
    told = [(row["light"][name], name, row) for row in rows for name in row.get("light", {})]
    print(f"light: {len(told)} photos; called linear from p = {params.sure:g}")
    print("noise          linear truth   sRGB truth    T_mean > 0.005: linear, sRGB")
    for low, high in pairwise(NOISE_STEPS):
        line = f"{100 * low:4.1f} - {100 * high:5.1f} %"
        rules = (lambda r: called(r, params), lambda r: r["mean"] > 0.005)
        for rule in rules:
            for truth in ("linear", "srgb"):
                hits = [
                    rule(r) for r, name, row in told if name == truth and low <= row["noise"] < high
                ]
                line += f"   {sum(hits):3d} / {len(hits):3d}"
        print(line)
    for truth, wrong, right in (("linear", 0, 1), ("srgb", 1, 0)):
        lost = [r["db"][right] - r["db"][wrong] for r, name, _ in told if name == truth]
        print(
            f"{truth} taken for the other costs {np.mean(lost):+.2f} dB "
            f"(median {np.median(lost):+.2f})"
        )
    probabilities = np.array([probability(r, params) for r, _, _ in told])
    linear = np.array([name == "linear" for _, name, _ in told])
    for low, high in zip(
        (0, 0.1, 0.25, 0.5, 0.75, 0.9), (0.1, 0.25, 0.5, 0.75, 0.9, 1.01), strict=True
    ):
        held = (probabilities >= low) & (probabilities < high)
        if held.any():
            print(
                f"p {low:.2f} - {min(high, 1):.2f}: {held.sum():3d} photos, mean "
                f"{probabilities[held].mean():.2f}, linear {linear[held].mean():.2f}"
            )


def evidence_of(row: dict[str, Any]) -> ToneEvidence:
    """Return the evidence of a row."""
    return ToneEvidence(row["best"], row["mean"], row["seen"], row["noise"], (), (0, 0, 0, 0))


def probability(row: dict[str, Any], params: ToneParams) -> float:
    """Return the probability of linear light."""
    return evidence_of(row).linear_probability(params)


def called(row: dict[str, Any], params: ToneParams) -> bool:
    """Return whether a photo is called linear."""
    return probability(row, params) >= params.sure


def choice_tables(rows: list[dict[str, Any]], judge: JudgeParams) -> None:
    """Print the mean PSNR of each origin and of each way to choose."""
    density = JudgeParams((-1.0, *(0.0,) * (len(FEATURES) - 1)))
    groups = {
        "all": lambda row: True,
        "length < 12 px": lambda row: row["length"] < 12,
        "12 - 30 px": lambda row: 12 <= row["length"] < 30,
        "30 px and more": lambda row: row["length"] >= 30,
        "noise < 0.5 %": lambda row: row["noise"] < 0.005,
        "0.5 - 1.5 %": lambda row: 0.005 <= row["noise"] < 0.015,
        "1.5 % and more": lambda row: row["noise"] >= 0.015,
    }
    names = ("blurry", *ORIGINS, "density", "linear", "JudgeNet", "oracle", "true PSF")
    print("choice, mean dB".ljust(18) + "   n" + "".join(f"{n:>15}" for n in names))
    for name, belongs in groups.items():
        kept = [row for row in rows if belongs(row)]
        if not kept:
            continue
        columns = [np.mean([row["choice"]["blurry"] for row in kept])]
        for origin in ORIGINS:
            own = [
                row["choice"]["db"][row["choice"]["origins"].index(origin)]
                for row in kept
                if origin in row["choice"]["origins"]
            ]
            columns.append(np.mean(own) if len(own) == len(kept) else np.nan)
        columns += [np.mean([picked(row, params) for row in kept]) for params in (density, judge)]
        columns.append(np.mean([taken_by_network(row) for row in kept]))
        columns.append(np.mean([max(row["choice"]["db"]) for row in kept]))
        columns.append(np.mean([row["choice"]["true"] for row in kept]))
        print(name.ljust(18) + f"{len(kept):4d}" + "".join(f"{c:15.2f}" for c in columns))


def picked(row: dict[str, Any], params: JudgeParams) -> float:
    """Return the PSNR of the candidate that the linear score takes."""
    scores = np.array(row["choice"]["features"]) @ np.array(params.weights)
    return float(row["choice"]["db"][int(np.argmax(scores))])


def taken_by_network(row: dict[str, Any]) -> float:
    """Return the PSNR of the candidate that JudgeNet takes."""
    return float(row["choice"]["db"][int(np.argmax(row["choice"]["network"]))])


def fitted_judge(rows: list[dict[str, Any]], ridge: float = 30.0) -> JudgeParams:
    """Return the judge whose scores are nearest to the PSNR, means of each window taken off."""
    left, right = [], []
    for row in rows:
        table, db = np.array(row["choice"]["features"]), np.array(row["choice"]["db"])
        db = np.maximum(db, db.max() - MOST_DB)
        left.append(table - table.mean(axis=0))
        right.append(db - db.mean())
    table, db = np.concatenate(left), np.concatenate(right)
    scale = table.std(axis=0) + 1e-9
    table = table / scale
    weights = np.linalg.solve(table.T @ table + ridge * np.eye(len(scale)), table.T @ db)
    return JudgeParams(tuple(round(float(w), 3) for w in weights / scale))


def fitted_tone(rows: list[dict[str, Any]], ridge: float = 0.02) -> ToneParams:
    """Return the logistic regression of linear light, both truths as likely."""
    found = [(r, name == "linear") for row in rows for name, r in row.get("light", {}).items()]
    known = [[1.0, r["best"], r["mean"], r["seen"]] for r, _ in found]
    table = np.array(known)
    scale = np.sqrt(np.square(table).mean(axis=0))
    truth = np.array([t for _, t in found])

    def loss(weights: Any) -> float:
        logits = table @ (weights / scale)
        return float(np.logaddexp(0, np.where(truth, -logits, logits)).mean()) + ridge * float(
            np.square(weights[1:]).sum()
        )

    weights = optimize.minimize(loss, np.zeros(table.shape[1])).x / scale
    names = ("bias", "best", "mean", "seen")
    return dataclasses.replace(
        NETWORK_TONE, **dict(zip(names, np.round(weights, 3).tolist(), strict=True))
    )


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--windows", type=int, default=300)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--cache", type=Path, default=Path("light_and_choice.jsonl"))
    parser.add_argument("--only", choices=["light", "choice"])
    parser.add_argument("--fit", action="store_true")
    args = parser.parse_args()
    rows = measure(find_sharp(args.photos), args.windows, args.seed, args.cache, args.only)
    held_out = [row for row in rows if row["number"] // 7 % HELD_OUT_EACH == 0]
    tone, judge = NETWORK_TONE, JUDGE
    rest = [row for row in rows if row["number"] // 7 % HELD_OUT_EACH]
    if args.fit:
        tone = tone if args.only == "choice" else fitted_tone(rest)
        judge = judge if args.only == "light" else fitted_judge(rest)
        print(tone, judge, sep="\n")
        rows = held_out
    if args.only != "choice":
        light_tables(rows, tone)
    if args.only != "light":
        choice_tables(rows, judge)


if __name__ == "__main__":
    main()
