"""Estimates the motion of synthesised windows, and stores true and estimated PSFs for training.

Run: ``python benchmarks/psf_pairs.py CONFIG PHOTOS OUT --pairs 600``; CONFIG is of a restoration
network (its recipe blurs the windows). What a stopped run has found is kept: pairs are stored every
``--every``; pair *i* depends on the seed and on *i* only.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from unblur.blur.psf import Psf
from unblur.blur.synthesis import Synthesiser
from unblur.color import FloatArray
from unblur.motion.candidates import searched_psf
from unblur.motion.picture import Picture
from unblur.tone import ToneCurve
from unblur.training.photos import SharpPhotos
from unblur.training.psf_pairs import PsfPair, read_pairs, write_pairs
from unblur.training.registry import load_config
from unblur.training.windows import drawn_px
from unblur.zoo.models import Session

SIDES_PX = (192, 256, 256, 320)


def main() -> None:
    """Make the pairs that are missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("photos", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--pairs", type=int, default=600)
    parser.add_argument("--every", type=int, default=20)
    parser.add_argument("--seed", type=int, default=11)
    args = parser.parse_args()
    config = load_config(args.config)
    photos = SharpPhotos(args.photos, "train", smallest_px=drawn_px(config))
    synthesise = Synthesiser(config.recipe)
    session = Session(threads=1)
    pairs = read_pairs(args.out) if args.out.exists() else []
    while len(pairs) < args.pairs:
        rng = np.random.default_rng((args.seed, len(pairs)))
        side = SIDES_PX[int(rng.integers(len(SIDES_PX)))] + 2 * config.recipe.reach_px
        pair = synthesise(photos.window(side, rng, downscale=config.data.downscale), rng)
        pairs.append(PsfPair(pair.psf, _candidates(pair.blurry, pair.camera.curve, session)))
        if len(pairs) % args.every == 0 or len(pairs) == args.pairs:
            write_pairs(args.out, pairs)
            print(f"{len(pairs)} pairs")


def _candidates(
    blurry: FloatArray, curve: ToneCurve, session: Session
) -> dict[str, tuple[Psf, float]]:
    """Return the PSFs of the estimator and of the search alone, with the estimator's confidence."""
    picture, estimator = Picture(blurry, curve), session.estimator()
    found = estimator.refine(picture, estimator.propose(picture)).windows[0][0]
    searched = searched_psf(picture.luma(0, 0, *picture.shape))
    return {"fused": (found.psf, found.confidence), "searched": (searched, found.confidence)}


if __name__ == "__main__":
    main()
