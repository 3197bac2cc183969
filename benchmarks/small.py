"""What small pictures gain: labels, number plates, crops of a few hundred pixels and less.

Crops of sharp photos are moved (shake and straight motion of 4 to 12 px, seeded), with noise of 0.2
to 1 % and in 8 bits, and restored as users get them. ``gain`` is in dB of PSNR, where picture and
truth match best up to a shift, 4 px of frame left out; ``restored`` is the share that the gate lets
through; ``worse`` those that lose more than 0.1 dB. The same crops without motion must come back
as they were: ``harmed`` are those changed to below 40 dB.

Run: ``python benchmarks/small.py [--sizes 160x64,200x80] [--photos DIR] [--each N] [--seed N]``
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from unblur.blur.camera import CameraRecipe
from unblur.blur.recipe import SynthesisRecipe
from unblur.blur.synthesis import Pair, Synthesiser
from unblur.color import quantise, to_float
from unblur.motion.picture import Picture
from unblur.motion.windows import place_of_most_structure
from unblur.pipeline.report import RestoreOptions
from unblur.pipeline.run import restore_picture
from unblur.zoo.models import Models, Session

SHARP = Path(__file__).parents[1] / "examples" / "sharp"
SIZES = "160x64,200x80,96x96,128x128,192x192,256x256"
FRAME_PX = 4
FARTHEST_PX = 2
REACH_PX = 16
HARMED_DB = 40.0

CAMERA = CameraRecipe(
    sigma_read=(0.002, 0.01),
    shot=(1e-9, 1e-9),
    correlated_noise=0,
    highlight_share=0,
    tone=(0, 0),
    jpeg_share=0,
)


def main() -> None:
    """Print one row for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default=SIZES, help="WIDTHxHEIGHT, comma-separated")
    parser.add_argument("--photos", type=Path, default=SHARP)
    parser.add_argument("--each", type=int, default=8, help="pictures of each size")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    photos = [_read(path) for path in sorted(args.photos.glob("*.jpg"))]
    models = Session(threads=1).models()
    print("size      blurry    gain   least  restored  worse  harmed   s each", flush=True)
    for size in args.sizes.split(","):
        width, height = (int(side) for side in size.split("x"))
        print(_row(size, photos, (height, width), args.each, args.seed, models), flush=True)


def _row(
    size: str,
    photos: list[np.ndarray],
    shape: tuple[int, int],
    each: int,
    seed: int,
    models: Models,
) -> str:
    blurry, gains, restored, harmed, seconds = [], [], 0, 0, 0.0
    for number in range(each):
        photo = photos[number % len(photos)]
        rng = np.random.default_rng((seed, number))
        moved, still = (_pair(photo, shape, rng, sharp=sharp) for sharp in (False, True))
        begun = time.process_time()
        changed, before, after = _restored(moved, models)
        seconds += time.process_time() - begun
        restored += changed
        blurry.append(before)
        gains.append(after - before)
        changed, before, after = _restored(still, models, aligned=False)
        harmed += changed and after < HARMED_DB
    worse = sum(gain < -0.1 for gain in gains)
    return (
        f"{size:<9} {np.mean(blurry):6.2f}  {np.mean(gains):+6.2f}  {min(gains):+6.2f}  "
        f"{restored:>5}/{each}  {worse:>3}/{each}  {harmed:>4}/{each}   {seconds / each:6.2f}"
    )


def _pair(
    photo: np.ndarray, shape: tuple[int, int], rng: np.random.Generator, *, sharp: bool
) -> Pair:
    """Return a crop that shows something, about a place drawn by chance, moved or not."""
    recipe = SynthesisRecipe(
        length_px=(4, 12),
        shake=0 if sharp else 0.7,
        line=0 if sharp else 0.3,
        defocus=0,
        sharp=1 if sharp else 0,
        gyro_share=0,
        reach_px=REACH_PX,
        camera=CAMERA,
    )
    height, width = (side + 2 * REACH_PX for side in shape)
    room = [min(side, 2 * need) for side, need in zip(photo.shape, (height, width), strict=False)]
    y, x = (
        int(rng.integers(side - part + 1)) for side, part in zip(photo.shape[:2], room, strict=True)
    )
    part = photo[y : y + room[0], x : x + room[1]]
    y, x, _, _ = place_of_most_structure(part.mean(axis=2), max(height, width))
    y, x = min(y, room[0] - height), min(x, room[1] - width)
    return Synthesiser(recipe)(part[y : y + height, x : x + width], rng)


def _restored(pair: Pair, models: Models, *, aligned: bool = True) -> tuple[bool, float, float]:
    """Return whether a picture was changed, and its PSNR before and after."""
    samples = quantise(pair.blurry, np.dtype(np.uint8))
    result = restore_picture(Picture(samples), models, RestoreOptions())
    before, after = to_float(samples), to_float(result.samples)
    if not aligned:  # a sharp picture must come back, at the very place
        error = float(np.mean((after - before) ** 2))
        return result.report.changed, 90.0, -10 * np.log10(max(error, 1e-9))
    return result.report.changed, _psnr(before, pair.sharp), _psnr(after, pair.sharp)


def _psnr(picture: np.ndarray, truth: np.ndarray) -> float:
    """Return the PSNR where both match best, quarter pixels up to FARTHEST_PX."""
    inner = (slice(FRAME_PX, -FRAME_PX),) * 2

    def score(dy: float, dx: float) -> float:
        at = picture if dy == dx == 0 else ndimage.shift(picture, (dy, dx, 0), order=1)
        error = float(np.mean((at[inner] - truth[inner]) ** 2))
        return -10 * np.log10(max(error, 1e-9))

    whole = range(-FARTHEST_PX, FARTHEST_PX + 1)
    _, y, x = max((score(i, j), i, j) for i in whole for j in whole)
    parts = np.arange(-0.75, 1, 0.25)
    return max(score(y + i, x + j) for i in parts for j in parts)


def _read(path: Path) -> np.ndarray:
    return to_float(np.asarray(Image.open(path).convert("RGB")))


if __name__ == "__main__":
    main()
