"""What each way of undoing a known or estimated motion gives, before any network sees it.

For the pairs of a folder (``unblur synth``) with one PSF each, the middle window is solved with
the true PSF and with KernelNet's, and scored: PSNR (dB) in sRGB of 256 x 256 px, means of the
pairs; of the pairs with clipped highlights apart. ``ms/Mpx`` is processor time of one core.
Where the motion was measured on a smaller picture, the pair is left out.

Run: ``python benchmarks/banks.py PAIRS [--every 1]``
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unblur.blur.psf import Psf
from unblur.color import FloatArray, linear_to_srgb, luma, srgb_to_linear, to_float
from unblur.evaluate.pairs import PairFile, read_pairs
from unblur.evaluate.samples import read_rgb8
from unblur.motion.features import noise_sigma
from unblur.motion.picture import Picture
from unblur.restoration.classical import skimage_richardson_lucy
from unblur.restoration.lifted import lifted_wiener
from unblur.restoration.noise import noise_beside_motion
from unblur.restoration.tv_bank import tv_bank
from unblur.restoration.wiener import wiener_bank
from unblur.runtime import ONE_THREAD
from unblur.zoo.models import default_session

SIDE, CONTEXT = 256, 80


@dataclass(frozen=True)
class Case:
    """One window: linear light with context, what is scored of it, the truth, the PSFs."""

    light: FloatArray
    inner: tuple[slice, slice]
    sharp: FloatArray
    psfs: dict[str, Psf]

    @property
    def clipped(self) -> bool:
        """Whether there are highlights that matter."""
        return bool((self.light >= 0.98).mean() > 1e-3)


def window(pair: PairFile) -> Case | None:
    """Return the middle window of a pair, or None where no single PSF tells its blur."""
    true = pair.true_psf()
    blurry, sharp = read_rgb8(pair.blurry), read_rgb8(pair.sharp)
    estimator, picture = default_session(ONE_THREAD).estimator(), Picture(blurry)
    field = estimator.refine(picture, estimator.propose(picture))
    if true is None or field.scale > 1:
        return None
    row, column = len(field.windows) // 2, len(field.windows[0]) // 2
    places = (field.centres_y[row], field.centres_x[column])
    outer, inner, scored = [], [], []
    for place, side in zip(places, blurry.shape, strict=False):
        start = int(np.clip(place - SIDE / 2, 0, side - SIDE))
        first = max(0, start - CONTEXT)
        outer.append(slice(first, start + SIDE + CONTEXT))
        inner.append(slice(start - first, start - first + SIDE))
        scored.append(slice(start, start + SIDE))
    light = srgb_to_linear(to_float(blurry[outer[0], outer[1]]))
    psfs = {"true": true.centred(), "estimated": field.windows[row][column].psf}
    return Case(light, (inner[0], inner[1]), to_float(sharp[scored[0], scored[1]]), psfs)


METHODS: dict[str, tuple[bool, Callable[[FloatArray, Psf, float], FloatArray]]] = {
    "blurry": (True, lambda light, psf, noise: light),
    "Wiener, weak": (False, lambda light, psf, noise: wiener_bank(light, psf, noise)[0]),
    "Wiener, middle": (False, lambda light, psf, noise: wiener_bank(light, psf, noise)[1]),
    "Wiener, strong": (False, lambda light, psf, noise: wiener_bank(light, psf, noise)[2]),
    "Richardson-Lucy, 30 steps": (False, skimage_richardson_lucy),
    "wiener, lifted": (True, lifted_wiener),
    "tv, crisp": (
        True,
        lambda light, psf, noise: np.moveaxis(tv_bank(light, psf, noise)[:3], 0, 2),
    ),
}
"""Whether the noise is measured beside the motion, and the method."""


def main() -> None:
    """Score every method and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--every", type=int, default=1, help="take every n-th pair")
    options = parser.parse_args()
    found = (window(pair) for pair in read_pairs(options.pairs)[:: options.every])
    cases = [case for case in found if case is not None]
    print(f"{len(cases)} windows, {sum(case.clipped for case in cases)} with clipped highlights")
    columns = ("true", "estimated", "true, clipped", "est., clipped", "ms/Mpx")
    print(" " * 28 + "".join(f"{column:>15}" for column in columns))
    for name, (beside, method) in METHODS.items():
        scores: dict[tuple[str, bool], list[float]] = {}
        spent = pixels = 0.0
        for case in cases:
            for kind, psf in case.psfs.items():
                flat = luma(case.light[case.inner])
                noise = noise_beside_motion(flat, psf) if beside else noise_sigma(flat)
                begun = time.process_time()
                solved = method(case.light, psf, noise)[case.inner]
                spent += time.process_time() - begun
                pixels += case.light[..., 0].size
                error = np.clip(linear_to_srgb(np.clip(solved, 0, 1)), 0, 1) - case.sharp
                score = float(-10 * np.log10(np.square(error).mean()))
                scores.setdefault((kind, False), []).append(score)
                if case.clipped:
                    scores.setdefault((kind, True), []).append(score)
        means = [
            float(np.mean(scores.get((kind, clipped), [np.nan])))
            for clipped in (False, True)
            for kind in ("true", "estimated")
        ]
        row = "".join(f"{mean:>15.2f}" for mean in means)
        print(f"{name:<28}{row}{spent / pixels * 1e9:>15.0f}", flush=True)


if __name__ == "__main__":
    main()
