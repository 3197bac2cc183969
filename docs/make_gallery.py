"""Draw the gallery: ``python docs/make_gallery.py`` (every case has the same seed).

Of each case blurry, restored and sharp are written, the middle of each at its own pixels. Nothing
is chosen by hand but the scenes; what comes out badly is shown, too.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

import unblur
from unblur.blur import CameraRecipe, Psf, Synthesiser, SynthesisRecipe, apply_psf
from unblur.color import FloatArray, linear_to_srgb, quantise, srgb_to_linear, to_float
from unblur.psnr import psnr_db

HERE = Path(__file__).parent
SHARP = HERE.parent / "examples" / "sharp"
SEED = 1
SIDE = 384
PICTURES = HERE / "pictures" / "gallery"
MOST_PX = 8
"""Largest shift that is looked for, each way."""
REACH_PX = 31
SIGN_SCENE = (448, 512)
SIGN_BOX = (150, 140, 150, 230)
"""Top, left, height and width of the sign, px."""
SIGN_MOTION = Psf.from_line(14, 8)

CAMERA = CameraRecipe(
    sigma_read=(0.004, 0.004), shot=(1e-4, 1e-4), highlight_share=0.0, jpeg_share=0.0
)
PHONE = dataclasses.replace(CAMERA, jpeg_share=1.0, jpeg_quality=(75.0, 75.0), sharpen_share=1.0)
NOISY = dataclasses.replace(CAMERA, sigma_read=(0.03, 0.03))
NIGHT = dataclasses.replace(CAMERA, highlight_share=1.0, highlight_gain=(4.0, 4.0))
SHAKE = SynthesisRecipe(
    length_px=(12, 18), shake=1, line=0, defocus=0, sharp=0, camera=CAMERA, reach_px=REACH_PX
)


@dataclasses.dataclass(frozen=True)
class Case:
    """One case of the gallery."""

    slug: str
    name: str
    source: str
    recipe: SynthesisRecipe = SHAKE
    night: bool = False
    sign: bool = False


CASES = (
    Case("text", "text", "page.png"),
    Case(
        "night",
        "night lights",
        "colosseum.jpg",
        dataclasses.replace(SHAKE, camera=NIGHT),
        night=True,
    ),
    Case("texture", "texture", "rocks.jpg"),
    Case("face", "a face", "astronaut.jpg"),
    Case(
        "jpeg", "sharpened JPEG, quality 75", "piazza.jpg", dataclasses.replace(SHAKE, camera=PHONE)
    ),
    Case("noise", "noise of 3 %", "piazza.jpg", dataclasses.replace(SHAKE, camera=NOISY)),
    Case("roll", "camera roll", "piazza.jpg", dataclasses.replace(SHAKE, shake=0, rotation=1)),
    Case(
        "object",
        "moving object",
        "astronaut.jpg",
        dataclasses.replace(SHAKE, shake=0, moving_object=1),
    ),
    Case("sign", "moving sign", "piazza.jpg", sign=True),
    Case("sharp", "already sharp", "astronaut.jpg", dataclasses.replace(SHAKE, shake=0, sharp=1)),
)


def main() -> None:
    """Write the pictures of the cases that are named, or of all; print the table of the page.

    ``--figures`` restores nothing and prints the table of the pictures that are there.
    """
    PICTURES.mkdir(parents=True, exist_ok=True)
    session = unblur.Session()
    for case in CASES:
        if "--figures" in sys.argv or (sys.argv[1:] and case.slug not in sys.argv):
            continue
        blurry, sharp = pair_of(case)
        restored = unblur.restore(blurry, session=session).samples
        for which, image in (("before", blurry), ("after", restored), ("sharp", sharp)):
            target = PICTURES / f"{case.slug}-{which}.jpg"
            Image.fromarray(middle_of(image)).save(target, quality=88, optimize=True)
    print("| case | blurry dB | restored dB | gain dB |\n|---|---|---|---|")
    for case in CASES:
        before, after = (aligned_psnr_db(case, which) for which in ("before", "after"))
        print(f"| {case.name} | {before:.1f} | {after:.1f} | {after - before:+.1f} |")


def aligned_psnr_db(case: Case, which: str) -> float:
    """Return PSNR of a picture of the gallery against the sharp one: grey, at the best shift.

    A blurry photo does not tell where it lay before; see chapter 9 of the course.
    """
    shown, sharp = (
        np.asarray(Image.open(PICTURES / f"{case.slug}-{name}.jpg").convert("L"), np.float64)
        for name in (which, "sharp")
    )
    inner = sharp[MOST_PX:-MOST_PX, MOST_PX:-MOST_PX]
    height, width = inner.shape
    shifts = range(2 * MOST_PX + 1)
    return max(
        psnr_db(shown[y : y + height, x : x + width], inner, data_range=255)
        for y in shifts
        for x in shifts
    )


def pair_of(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Return a case's blurry and sharp samples, uint8."""
    with Image.open(SHARP / case.source) as image:
        scene = to_float(np.asarray(image.convert("RGB")))
    if case.sign:
        return sign_before(scene)
    if case.night:
        scene = at_night(scene)
    padded = np.pad(scene, ((REACH_PX, REACH_PX), (REACH_PX, REACH_PX), (0, 0)), mode="symmetric")
    pair = Synthesiser(case.recipe)(padded, np.random.default_rng(SEED))
    blurry, sharp = (quantise(part, np.dtype(np.uint8)) for part in (pair.blurry, pair.sharp))
    return blurry, sharp


def sign_before(scene: FloatArray) -> tuple[np.ndarray, np.ndarray]:
    """Return a sharp scene with a sign before it, which moved by 14 px; and the same without."""
    top, left = (scene.shape[0] - SIGN_SCENE[0]) // 2, (scene.shape[1] - SIGN_SCENE[1]) // 2
    behind = srgb_to_linear(scene[top : top + SIGN_SCENE[0], left : left + SIGN_SCENE[1]])
    with Image.open(SHARP / "page.png") as image:
        page = srgb_to_linear(to_float(np.asarray(image.convert("RGB"))))
    y, x, height, width = SIGN_BOX
    sign, mask = np.zeros_like(behind), np.zeros((*SIGN_SCENE, 1), np.float32)
    sign[y : y + height, x : x + width] = page[40 : 40 + height, 40 : 40 + width]
    mask[y : y + height, x : x + width] = 1
    light = sign + (1 - mask) * behind
    moved = apply_psf(sign, SIGN_MOTION) + (1 - apply_psf(mask, SIGN_MOTION)) * behind
    noise = np.sqrt(0.004**2 + 1e-4 * np.clip(moved, 0, 1))
    stored = moved + noise * np.random.default_rng(SEED).standard_normal(moved.shape)
    blurry, sharp = (
        quantise(linear_to_srgb(np.clip(part, 0, 1).astype(np.float32)), np.dtype(np.uint8))
        for part in (stored, light)
    )
    return blurry, sharp


def at_night(scene: FloatArray) -> FloatArray:
    """Return a scene in a tenth of its light, with thirty lamps."""
    linear = srgb_to_linear(scene) * np.float32(0.1)
    rng = np.random.default_rng(SEED)
    lamps = np.zeros(linear.shape[:2], np.float32)
    lamps[rng.integers(lamps.shape[0], size=30), rng.integers(lamps.shape[1], size=30)] = 1
    glow = ndimage.maximum_filter(lamps, 5)[..., None]
    warm = np.array([1.0, 0.95, 0.8], np.float32)
    return linear_to_srgb(np.maximum(linear, glow * warm))


def middle_of(image: np.ndarray) -> np.ndarray:
    """Return the middle of a picture, at most SIDE px square."""
    y, x = (max(0, length - SIDE) // 2 for length in image.shape[:2])
    return np.ascontiguousarray(image[y : y + SIDE, x : x + SIDE])


if __name__ == "__main__":
    main()
