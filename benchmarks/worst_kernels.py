"""The ten worst estimates of ``benchmarks/kernels.py``, drawn to be looked at.

Of each: the blurry photo, the true PSF, the estimated one, and the photo restored with either; with
``--psfs`` only the PSFs, for photos that may not be passed on.

    python benchmarks/worst_kernels.py DIR kernels.json worst.png
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import kernels
import numpy as np
from PIL import Image, ImageDraw

from unblur.blur import Psf
from unblur.color import as_rgb, luma, quantise, srgb_to_linear
from unblur.evaluate.pairs import find_sharp, pair_rng, sharp_window
from unblur.io import read_photo
from unblur.motion.features import noise_sigma
from unblur.motion.picture import Picture
from unblur.pipeline.report import RestoreOptions
from unblur.pipeline.run import restore_picture
from unblur.runtime import ONE_THREAD
from unblur.zoo.models import default_session

SIDE, TEXT = 256, 16


def main() -> None:
    """Draw the sheet."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="the photos that were measured")
    parser.add_argument("table", type=Path, help="what kernels.py --json wrote")
    parser.add_argument("target", type=Path, help="the picture to write")
    parser.add_argument("--psfs", action="store_true", help="only the PSFs")
    options = parser.parse_args()
    table = json.loads(options.table.read_text("utf-8"))
    photos = {p.relative.as_posix(): p.path for p in find_sharp(options.data, split=None)}
    cells = {cell.name: cell for cell in kernels.CELLS}
    rows = [
        row_of(row, cells[row["cell"]], photos[row["photo"]], table, only_psfs=options.psfs)
        for row in table["worst"]
    ]
    if options.psfs:  # narrow ones, five beside each other
        rows = [np.concatenate(rows[i : i + 5], axis=1) for i in range(0, len(rows), 5)]
    Image.fromarray(np.concatenate(rows)).save(options.target)


def row_of(
    row: kernels.Row, cell: kernels.Cell, path: Path, table: kernels.Row, *, only_psfs: bool
) -> np.ndarray:
    """Return one row of the sheet."""
    rng = pair_rng(table["seed"], row["photo"], 0)
    sharp = as_rgb(read_photo(path).srgb())
    pair = cell.pair(sharp_window(sharp, cell.side_px, cell.reach_px, rng), rng)
    blurry = quantise(pair.blurry, np.dtype(np.uint8))
    plane = luma(srgb_to_linear(pair.blurry))
    real = kernels.true_field(pair, noise_sigma(plane), cell.reach_px)
    found = kernels.estimate(row["method"], plane)
    models = default_session(ONE_THREAD).models("wiener")
    restored = [
        restore_picture(Picture(blurry), models, RestoreOptions(psf=field)).samples
        for field in (found, real)
    ]
    middle = found.windows[len(found.windows) // 2][len(found.windows[0]) // 2].psf
    scaled = middle if found.scale == 1 else middle.scaled(found.scale)
    psfs = [drawn(pair.psf), drawn(scaled)]
    parts = psfs if only_psfs else [shrunk(blurry), *psfs, *map(shrunk, restored)]
    line = Image.fromarray(np.concatenate(parts, axis=1))
    sheet = Image.new("RGB", (line.width, line.height + TEXT), "white")
    sheet.paste(line, (0, TEXT))
    text = (
        f"{row['method']}, {row['cell']}, {row['length_px']:.0f} px: similarity"
        f" {row['similarity']:.2f}, {row['gap_db']:.1f} dB behind the true PSF"
    )
    if not only_psfs:
        text += " | blurry, true PSF, estimated PSF, restored with the estimate, with the truth"
    ImageDraw.Draw(sheet).text((4, 2), text, fill="black")
    return np.asarray(sheet)


def shrunk(image: np.ndarray) -> np.ndarray:
    """Return a picture of SIDE px."""
    return np.asarray(Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BOX))


def drawn(psf: Psf) -> np.ndarray:
    """Return a PSF as a picture, its peak white."""
    side = max(kernels.REACH_PX, max(psf.shape)) | 1
    grid = psf.centred().embedded(side)
    grey = Image.fromarray((255 * np.sqrt(grid / grid.max())).astype(np.uint8))
    return np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.NEAREST).convert("RGB"))


if __name__ == "__main__":
    main()
