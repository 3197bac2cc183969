"""Night scenes with lamps: what light streaks are worth.

Windows of sharp photos are darkened, lit by lamps and shaken (``configs/night_recipe.toml``), then
restored twice: as shipped, and with the lamps left unheard. Told are the similarity of the PSF with
the true one, and the gain in dB up to a shift (protocol ``lai``), of all windows and of those whose
lamps were believed; also with the true PSF.

Run: ``python benchmarks/night.py PHOTOS [--photos 24] [--split test] [--seed 7]``
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from unblur.blur import Psf, Synthesiser, SynthesisRecipe
from unblur.color import as_rgb, luma, quantise, srgb_to_linear
from unblur.evaluate.metrics import kernel_similarity
from unblur.evaluate.pairs import find_sharp, pair_rng, sharp_window
from unblur.evaluate.protocols.levin import up_to_a_shift
from unblur.evaluate.statistics import bootstrap_interval
from unblur.io import read_photo
from unblur.motion.network import NetworkEstimator
from unblur.motion.picture import Picture
from unblur.motion.streaks import streak_psf
from unblur.pipeline.report import RestoreOptions
from unblur.pipeline.run import restore_picture
from unblur.runtime import ONE_THREAD
from unblur.toml import from_toml
from unblur.zoo.catalogue import FUSE_NET, KERNEL_NET, weights_path
from unblur.zoo.models import Models, Session

RECIPE = Path(__file__).resolve().parents[1] / "configs" / "night_recipe.toml"
SIDE_PX = 512
COLUMNS = ("similarity without", "with", "gain dB without", "with", "true PSF")


class Restorer:
    """The shipped networks, one thread each.

    Args:
        streaks: whether light streaks are looked for.
    """

    def __init__(self, *, streaks: bool) -> None:
        session = Session(threads=1)
        kernel, fuse = (
            session.network(weights_path(name), task)
            for name, task in ((KERNEL_NET, "kernel"), (FUSE_NET, "fuse"))
        )
        estimator = NetworkEstimator(kernel, fuse, runtime=ONE_THREAD, streaks=streaks)
        self.models = Models(estimator, session.detector(), session.restorer())

    def __call__(self, blurry: Any, psf: Psf | None = None) -> tuple[Any, Psf]:
        """Return the restored photo, and the PSF in its middle."""
        result = restore_picture(Picture(blurry), self.models, RestoreOptions(psf=psf))
        field = result.motion
        assert field is not None
        row = field.windows[len(field.windows) // 2]
        return result.samples, row[len(row) // 2].psf.scaled(field.scale)


def measure(
    photo: Any, synthesise: Synthesiser, restorers: tuple[Restorer, Restorer], seed: int
) -> list[float]:
    """Return the figures of COLUMNS, and whether lamps were believed."""
    rng = pair_rng(seed, photo.relative.as_posix(), 0)
    sharp = as_rgb(read_photo(photo.path).srgb())
    window = sharp_window(sharp, SIDE_PX, synthesise.recipe.reach_px, rng)
    pair = synthesise(window, rng)
    blurry, truth = (quantise(side, np.dtype(np.uint8)) for side in (pair.blurry, pair.sharp))
    before = up_to_a_shift(blurry, truth)["psnr_db"]
    likeness, gains = [], []
    for restore in restorers:
        restored, psf = restore(blurry)
        likeness.append(kernel_similarity(psf, pair.psf))
        gains.append(up_to_a_shift(restored, truth)["psnr_db"] - before)
    restored, _ = restorers[1](blurry, pair.psf)
    bound = up_to_a_shift(restored, truth)["psnr_db"] - before
    light = luma(srgb_to_linear(pair.blurry))
    lit = streak_psf(lambda y0, x0, y1, x1: light[y0:y1, x0:x1], light.shape) is not None
    return [*likeness, *gains, bound, float(lit)]


def show(name: str, rows: np.ndarray) -> None:
    """Print the means of some windows, and the interval of what lamps bring."""
    low, high = bootstrap_interval(rows[:, 3] - rows[:, 2])
    means = " ".join(f"{mean:>10.3f}" for mean in rows[:, :5].mean(axis=0))
    print(f"{name:<16}{len(rows):>4} {means}   lamps bring [{low:+.2f}, {high:+.2f}] dB")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sharp", type=Path, help="sharp photos with a manifest.csv of splits")
    parser.add_argument("--photos", type=int, default=24)
    parser.add_argument("--split", default="test")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    synthesise = Synthesiser(from_toml(SynthesisRecipe, RECIPE))
    restorers = Restorer(streaks=False), Restorer(streaks=True)
    photos = find_sharp(options.sharp, split=options.split)
    order = np.random.default_rng(options.seed).permutation(len(photos))[: options.photos]
    rows = np.array([measure(photos[i], synthesise, restorers, options.seed) for i in order])
    print(f"{'':<20} {' '.join(f'{c[-10:]:>10}' for c in COLUMNS)}")
    show("all", rows)
    lit = rows[:, 5] > 0
    if lit.any():
        show("lamps believed", rows[lit])


if __name__ == "__main__":
    main()
