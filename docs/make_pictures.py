"""Draw the pictures of the documents: ``python docs/make_pictures.py`` (no seed)."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import unblur
from unblur.blur import Psf, apply_psf
from unblur.color import luma, srgb_to_linear
from unblur.inspection.facts import inspect_photo
from unblur.inspection.sheet import sheet
from unblur.io import read_photo
from unblur.motion.features import MAP_NAMES, WINDOW, motion_features

HERE = Path(__file__).parent
CELL, GAP, TEXT = 144, 8, 16


def maps_picture(target: Path) -> None:
    """A hooked PSF and the twelve maps of a window that it blurred."""
    path = [(x, 0.0) for x in np.linspace(-6, 6, 97)] + [(6.0, y) for y in np.linspace(0, 7, 57)]
    psf = Psf.from_points(path).centred()
    linear = srgb_to_linear(read_photo(HERE.parent / "examples/sharp/colosseum.jpg").srgb())
    top, left = (linear.shape[0] - WINDOW) // 2, (linear.shape[1] - WINDOW) // 2
    window = luma(apply_psf(linear, psf))[top : top + WINDOW, left : left + WINDOW]
    shown = [("PSF", psf.embedded(64) / psf.array.max())]
    shown += [
        (name.replace("autocorrelation_", "autocorr. "), np.clip(0.5 + 0.5 * grid, 0, 1))
        for name, grid in zip(MAP_NAMES, motion_features(window).maps, strict=True)
    ]
    # The autocorrelations, cepstrum and whitened map below the PSF, the quotients last.
    columns, rows = 7, 2
    size = (columns * (CELL + GAP) + GAP, rows * (CELL + TEXT + GAP) + GAP)
    sheet = Image.new("L", size, 255)
    draw = ImageDraw.Draw(sheet)
    places = [*range(7), *range(8, 14)]
    for place, (name, grid) in zip(places, shown, strict=True):
        x = GAP + place % columns * (CELL + GAP)
        y = GAP + place // columns * (CELL + TEXT + GAP)
        middle = grid[14:50, 14:50]
        cell = Image.fromarray((middle * 255 + 0.5).astype(np.uint8))
        sheet.paste(cell.resize((CELL, CELL), Image.Resampling.NEAREST), (x, y))
        draw.text((x, y + CELL + 2), name, fill=0)
    target.parent.mkdir(exist_ok=True)
    sheet.save(target, optimize=True)


def inspect_picture(target: Path) -> None:
    """What ``unblur inspect`` draws of an example photo, at three quarters of its size."""
    photo = HERE.parent / "examples/photos/colosseum-shaken.jpg"
    seen = inspect_photo(read_photo(photo), name=photo.name, window=(384, 256))
    with Image.open(io.BytesIO(sheet(seen))) as drawn:
        small = drawn.resize(
            (drawn.width * 3 // 4, drawn.height * 3 // 4), Image.Resampling.LANCZOS
        )
    small.save(target, quality=82, optimize=True)


def first_pictures(folder: Path) -> None:
    """The example photo of the first page, before and after."""
    photo = HERE.parent / "examples/photos/rocks-shaken.jpg"
    restored = unblur.restore(photo)
    with Image.open(photo) as before:
        before.convert("RGB").save(folder / "rocks-before.jpg", quality=90)
    Image.fromarray(restored.samples).save(folder / "rocks-after.jpg", quality=90)


if __name__ == "__main__":
    first_pictures(HERE / "pictures")
    maps_picture(HERE / "pictures" / "motion_maps.png")
    inspect_picture(HERE / "pictures" / "inspect.jpg")
