"""Pages, labels and plates: how good a PSF is chosen for a moved page.

Pages of invented words are drawn (:mod:`unblur.training.pages`), moved by 6 to 45 px in linear
light or in their samples, given noise of 0.1 to 2 %, and stored in 8 bits, four in ten as JPEG of
quality 60 to 97. All candidates of each are found in its own light, and one is chosen in three
ways: *judge*, by JudgeNet among the candidates; *refined*, by JudgeNet among these and refined
ones; *page*, as is done, by JudgeNet and by how few edges a picture of two tones is left with.
Told is the PSNR of the trial restoration, the PSF laid where the true one is, and that of the true
PSF.

Rows are kept in ``--cache``; a run can be stopped and goes on.

    python benchmarks/pages.py --pages 40 [--seed N] [--cache FILE]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from light_and_choice import Chooser, middle

from unblur.blocks import halve
from unblur.blur import CameraRecipe, Pair, Synthesiser, SynthesisRecipe
from unblur.blur.camera import log_uniform
from unblur.color import luma, quantise, to_float
from unblur.evaluate.metrics import kernel_similarity
from unblur.motion.candidates import candidates
from unblur.motion.choice import choose_corrected
from unblur.motion.features import noise_sigma
from unblur.motion.judge import Judge
from unblur.motion.pages import PAGE
from unblur.motion.psf_tools import matched
from unblur.motion.trial import try_psf
from unblur.psnr import psnr_db
from unblur.training.pages import draw_page

REACH_PX = 64
SCORED_PX = 360
"""Side of the middle part that is scored."""

WAYS = {
    "judge": dataclasses.replace(PAGE, refined=0, per_edges_db=0.0),
    "refined": dataclasses.replace(PAGE, per_edges_db=0.0),
    "page": PAGE,
}


def moved_page(number: int, seed: int) -> Pair:
    """Return a page and what motion made of it."""
    rng = np.random.default_rng([seed, number])
    height, width = int(rng.choice([256, 320, 400, 480])), int(rng.choice([320, 420, 512]))
    noise, length_px = log_uniform((0.001, 0.02), rng), log_uniform((6.0, 45.0), rng)
    recipe = SynthesisRecipe(
        length_px=(length_px, length_px),
        shake=0.85,
        line=0.15,
        rotation=0.0,
        defocus=0.0,
        sharp=0.0,
        reach_px=REACH_PX,
        camera=CameraRecipe(
            sigma_read=(noise, noise),
            shot=(1e-5, 3e-4),
            highlight_share=0.0,
            jpeg_share=0.4,
            linear_share=0.6,
        ),
    )
    sharp = draw_page(height + 2 * REACH_PX, width + 2 * REACH_PX, rng)
    pair = Synthesiser(recipe)(sharp, rng)
    blurry = to_float(quantise(pair.blurry, np.dtype("u1")))
    return dataclasses.replace(pair, blurry=blurry)


def row_of(pair: Pair, chooser: Chooser) -> dict[str, Any]:
    """Return the PSNR, and the similarity of the PSF, of each way."""
    curve = pair.camera.curve
    window = np.ascontiguousarray(luma(curve.to_linear(pair.blurry)))
    fused = chooser.fused(window).psf
    found = candidates(window, fused, halve(window), proposed_px=fused.length_px())
    part, sharp = (middle(luma(curve.to_linear(x)), SCORED_PX) for x in (pair.blurry, pair.sharp))
    tone = curve.of_luma()
    samples, truth = (tone.to_encoded(np.clip(x, 0, 1)) for x in (part, sharp))
    noise = noise_sigma(samples)
    row: dict[str, Any] = {
        "true": psnr_db(try_psf(samples, tone, pair.psf, noise).samples, truth, data_range=1.0)
    }
    for name, page in WAYS.items():
        judge = Judge(chooser.judge)
        psf = choose_corrected(window, found, judge, half=halve(window), tone=curve, page=page).psf
        tried = try_psf(samples, tone, matched(psf, pair.psf), noise).samples
        row[name] = psnr_db(tried, truth, data_range=1.0)
        row[f"{name}_alike"] = kernel_similarity(psf, pair.psf)
    return row


def main() -> None:
    """Print the means of all pages, and the worst differences."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pages", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cache", type=Path, default=Path("pages.jsonl"))
    options = parser.parse_args()
    cache, chooser = options.cache, Chooser()
    rows = [json.loads(line) for line in cache.read_text().splitlines()] if cache.exists() else []
    for number in range(len(rows), options.pages):
        rows.append(row_of(moved_page(number, options.seed), chooser))
        with cache.open("a") as file:
            file.write(json.dumps(rows[-1]) + "\n")
    for name in WAYS:
        gains = np.array([row[name] - row["judge"] for row in rows])
        alike = np.mean([row[f"{name}_alike"] for row in rows])
        mean = np.mean([row[name] for row in rows])
        print(
            f"{name:8s} {mean:6.2f} dB  similarity {alike:.3f}  over the judge "
            f"{gains.mean():+.2f}, worst {gains.min():+.2f}"
        )
    print(f"true PSF {np.mean([row['true'] for row in rows]):6.2f} dB  ({len(rows)} pages)")


if __name__ == "__main__":
    main()
