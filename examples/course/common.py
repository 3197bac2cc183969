"""What the scripts of the course share: example photos, sheets of pictures, printed figures.

Each script is run as ``python examples/course/NAME.py [FOLDER]``. It prints figures, which stand in
the chapter, and writes ``NAME.jpg`` into the folder (``course-out`` if omitted).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from unblur.blur import Psf, apply_psf
from unblur.color import FloatArray, linear_to_srgb, luma, srgb_to_linear, to_float

EXAMPLES = Path(__file__).resolve().parents[1]
CELL, GAP, TEXT = 240, 8, 18

# A hand that moved right, rested, and turned down: not symmetric, so that mirrored PSFs show.
HOOK = [(x, 0.0) for x in np.linspace(-6, 6, 97)] + [(6.0, y) for y in np.linspace(0, 7, 57)]


def arguments(**numbers: float) -> argparse.Namespace:
    """Return the command line: a folder for the picture, and options with numbers."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?", type=Path, default=Path("course-out"))
    for name, value in numbers.items():
        parser.add_argument(f"--{name}", type=type(value), default=value)
    found = parser.parse_args()
    found.folder.mkdir(parents=True, exist_ok=True)
    return found


def say(name: str, *values: float | str, about: bool = False) -> None:
    """Print a figure; ``about`` marks those that depend on the networks or on chance."""
    shown = [value if isinstance(value, str) else f"{value:.4g}" for value in values]
    print(f"{name}: {'about ' if about else ''}{', '.join(shown)}")


def sharp_light(name: str, side: int = 320, *, left: float = 0.5) -> FloatArray:
    """Return part of a sharp example photo, (side, side, 3) float32, linear light."""
    (path,) = (EXAMPLES / "sharp").glob(f"{name}.*")
    with Image.open(path) as image:
        samples = to_float(np.asarray(image.convert("RGB")))
    y = (samples.shape[0] - side) // 2
    x = round((samples.shape[1] - side) * left)
    return srgb_to_linear(samples[y : y + side, x : x + side])


def shaken(
    light: FloatArray, psf: Psf, noise: float = 0.0, *, seed: int = 1
) -> tuple[FloatArray, FloatArray]:
    """Return a blurry picture with noise, and the sharp one that lies under it.

    The blurry picture is smaller by the PSF: nothing in it was invented at the borders.
    """
    blurry = apply_psf(light, psf, border="valid")
    rng = np.random.default_rng(seed)
    blurry = blurry + np.float32(noise) * rng.standard_normal(blurry.shape, np.float32)
    ry, rx = psf.shape[0] // 2, psf.shape[1] // 2
    sharp = light[ry : light.shape[0] - ry, rx : light.shape[1] - rx]
    return np.clip(blurry, 0, 1), np.ascontiguousarray(sharp)


def psnr(light: FloatArray, sharp: FloatArray) -> float:
    """Return PSNR in dB of two pictures in linear light, as sRGB is seen."""
    seen, true = (linear_to_srgb(np.clip(x, 0, 1)) for x in (light, sharp))
    return float(-10 * np.log10(np.mean(np.square(seen - true))))


def as_grey(light: FloatArray) -> FloatArray:
    """Return luma, (H, W)."""
    return luma(light)


def shown(values: FloatArray, *, light: bool = True) -> Image.Image:
    """Return an array in [0, 1] as a picture; linear light is encoded first."""
    encoded = linear_to_srgb(np.clip(values, 0, 1)) if light else np.clip(values, 0, 1)
    return Image.fromarray((encoded * 255 + 0.5).astype(np.uint8)).convert("RGB")


def signed(values: FloatArray) -> Image.Image:
    """Return an array of either sign, grey for 0, its strongest 1 % clipped."""
    most = float(np.quantile(np.abs(values), 0.99)) + 1e-12
    return shown(0.5 + 0.5 * values / most, light=False)


def kernel(psf: Psf, side: int = 33) -> Image.Image:
    """Return a PSF as a picture."""
    grid = psf.embedded(side)
    return shown(grid / max(float(grid.max()), 1e-12), light=False)


def sheet(rows: Sequence[Sequence[tuple[str, Image.Image]]], target: Path) -> None:
    """Write rows of labelled pictures; small ones are enlarged so that pixels show."""
    width = max(len(row) for row in rows) * (CELL + GAP) + GAP
    page = Image.new("RGB", (width, len(rows) * (CELL + TEXT + GAP) + GAP), "white")
    draw = ImageDraw.Draw(page)
    for y, row in enumerate(rows):
        for x, (label, picture) in enumerate(row):
            place = GAP + x * (CELL + GAP), GAP + y * (CELL + TEXT + GAP)
            kind = Image.Resampling.NEAREST if picture.width < CELL else Image.Resampling.LANCZOS
            picture = picture.resize((CELL, round(CELL * picture.height / picture.width)), kind)
            page.paste(picture.crop((0, 0, CELL, CELL)), place)
            draw.text((place[0], place[1] + CELL + 3), label, fill="black")
    page.save(target, quality=88, optimize=True)
