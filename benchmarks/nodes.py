"""How many PSFs a varying field needs, and what they cost.

Photos of DATA's test split, taken by a camera that rolled or turned (the cells ``kind`` of
``kernels.py``), restored by ``unblur`` with the true PSFs of N x N nodes, N = 1 being that of the
photo's middle. For each N: the least similarity of neighbouring nodes, the gain in PSNR, and the
processor time against N = 1; means over the photos.

    python benchmarks/nodes.py DIR --photos 6
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import kernels
import numpy as np

from unblur.color import as_rgb, quantise
from unblur.evaluate.metrics import kernel_similarity
from unblur.evaluate.pairs import find_sharp, pair_rng, sharp_window
from unblur.io import read_photo
from unblur.motion.field import MotionField
from unblur.motion.picture import Picture
from unblur.pipeline.report import RestoreOptions
from unblur.pipeline.run import restore_picture
from unblur.psnr import psnr_db
from unblur.runtime import ONE_THREAD
from unblur.zoo.models import default_session

NODES = (1, 2, 3, 4, 6, 8)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder of sharp photos with a manifest.csv")
    parser.add_argument("--split", default="test")
    parser.add_argument("--photos", type=int, default=6, help="of each kind")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    models = default_session(ONE_THREAD).models("unblur")
    rows = []
    for cell in (c for c in kernels.CELLS if c.axis == "kind"):
        photos = find_sharp(options.data, split=options.split)
        for photo in kernels.chosen(photos, cell.side_px + 2 * cell.reach_px, options):
            rng = pair_rng(options.seed, photo.relative.as_posix(), 0)
            sharp = as_rgb(read_photo(photo.path).srgb())
            pair = cell.pair(sharp_window(sharp, cell.side_px, cell.reach_px, rng), rng)
            blurry, truth = (quantise(x, np.dtype(np.uint8)) for x in (pair.blurry, pair.sharp))
            real = kernels.true_field(pair, cell.noise, cell.reach_px)
            before = psnr_db(blurry, truth, data_range=255)
            for count in NODES:
                field = with_nodes(real, count)
                begun = time.process_time()
                given = RestoreOptions(psf=field)
                samples = restore_picture(Picture(blurry), models, given).samples
                seconds = time.process_time() - begun
                gain = psnr_db(samples, truth, data_range=255) - before
                rows.append((count, least_alike(field), gain, seconds))
            print(photo.relative, flush=True)
    table = np.array(rows)
    once = table[table[:, 0] == 1, 3]
    print("nodes  least similarity of neighbours  gain dB  time")
    for count in NODES:
        own = table[table[:, 0] == count]
        times = float(np.mean(own[:, 3] / once))
        print(f"{count:>5}  {own[:, 1].mean():>30.3f}  {own[:, 2].mean():>7.2f}  {times:.2f}")


def with_nodes(real: MotionField, count: int) -> MotionField:
    """Return a field of N x N nodes, the first and last half a distance from the borders."""
    height, width = real.shape
    rows, columns = (
        tuple(float(s) for s in (np.arange(count) + 0.5) * side / count) for side in (height, width)
    )
    like = real.windows[0][0]
    windows = tuple(
        tuple(replace(like, psf=kernels.psf_at(real, y, x)) for x in columns) for y in rows
    )
    return MotionField(real.shape, 1, rows, columns, windows, uniform=count == 1)


def least_alike(field: MotionField) -> float:
    """Return the least similarity of neighbouring nodes; 1 for a single one."""
    grid = [[w.psf for w in row] for row in field.windows]
    beside = [(a, b) for row in grid for a, b in pairwise(row)]
    below = [(a, b) for row, after in pairwise(grid) for a, b in zip(row, after, strict=True)]
    return min((kernel_similarity(a, b) for a, b in beside + below), default=1.0)


if __name__ == "__main__":
    main()
