"""Estimates the motion of blurred windows, and stores true and estimated PSFs for training.

The windows are those of ``light_and_choice.py``, each in one light. The judge often misses the best
candidate by a little, so four times a window's candidates are ranked by their true worth with an
error of 1.5 dB, and the first is stored: good estimates often, bad ones sometimes, as in use.
Beside them stand KernelNet's first estimate, for fields that vary, and FuseNet's.

Run: ``python benchmarks/psf_pairs.py PHOTOS OUT --pairs 450``. What a stopped run has found is
kept: pairs are stored every ``--every``; pair *i* depends on the seed and on *i* only.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from light_and_choice import CURVES, Chooser, Trials, drawn

from unblur.blocks import halve
from unblur.blur.psf import Psf
from unblur.color import FloatArray, luma
from unblur.evaluate.pairs import find_sharp
from unblur.motion.candidates import candidates
from unblur.tone import ToneCurve
from unblur.training.psf_pairs import PsfPair, read_pairs, write_pairs

ERROR_DB = 1.5
DRAWS = 4


def main() -> None:
    """Make the pairs that are missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--pairs", type=int, default=450)
    parser.add_argument("--every", type=int, default=20)
    parser.add_argument("--seed", type=int, default=11)
    args = parser.parse_args()
    photos, chooser = find_sharp(args.photos), Chooser()
    pairs = read_pairs(args.out) if args.out.exists() else []
    number = len(pairs)
    while len(pairs) < args.pairs:
        rng = np.random.default_rng((args.seed, number))
        made = drawn(photos[int(rng.integers(len(photos)))], number, args.seed)
        number += 1
        if made is None:
            continue
        curve = CURVES[int(rng.integers(len(CURVES)))]
        estimated = estimates(*made["photos"][curve.name], curve, chooser, rng)
        pairs.append(PsfPair(made["psf"], estimated))
        if len(pairs) % args.every == 0 or len(pairs) == args.pairs:
            write_pairs(args.out, pairs)
            print(f"{len(pairs)} pairs")


def estimates(
    blurry: FloatArray,
    sharp: FloatArray,
    curve: ToneCurve,
    chooser: Chooser,
    rng: np.random.Generator,
) -> dict[str, tuple[Psf, float]]:
    """Return the estimated PSFs of a window by name, each with the confidence told with it."""
    window = np.ascontiguousarray(luma(curve.to_linear(blurry)))
    first, fused = chooser.first(window), chooser.fused(window)
    found = candidates(window, fused.psf, halve(window))
    trials = Trials(window, sharp, curve)
    worth = np.array([trials.db(c.psf) for c in found])
    stored = {"kernel": (first.psf, first.confidence), "fused": (fused.psf, fused.confidence)}
    for draw in range(DRAWS):
        taken = found[int(np.argmax(worth + rng.normal(0, ERROR_DB, len(worth))))]
        stored[f"chosen{draw}"] = (taken.psf, fused.confidence)
    return stored


if __name__ == "__main__":
    main()
