"""Make the shipped example photos: the sharp ones of ``sharp/``, shaken by a seeded camera.

Run: ``python examples/make_photos.py``. Each photo in ``photos/`` is named after its sharp
original and what was done to it. ``page`` is drawn here; the others' sources and licences are
in ``sharp/README.md``.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from unblur.blur import CameraRecipe, Synthesiser, SynthesisRecipe
from unblur.color import quantise, to_float

HERE = Path(__file__).resolve().parent

QUIET = CameraRecipe(
    sigma_read=(0.002, 0.004), highlight_share=0.0, tone=(0.0, 0.2), jpeg_share=0.0
)
SHAKE = SynthesisRecipe(shake=1, line=0, defocus=0, sharp=0, length_px=(14, 20), camera=QUIET)

PHOTOS = {
    "colosseum-shaken": (SHAKE, 11),
    "rocks-shaken": (dataclasses.replace(SHAKE, length_px=(10, 14)), 5),
    "page-panned": (dataclasses.replace(SHAKE, shake=0, line=1, length_px=(12, 16)), 3),
    "piazza-rolled": (dataclasses.replace(SHAKE, shake=0, rotation=1, roll_deg=2.0), 8),
    "astronaut-sharp": (dataclasses.replace(SHAKE, shake=0, sharp=1), 2),
}


def page() -> Image.Image:
    """Draw a page of text."""
    image = Image.new("RGB", (640, 480), (236, 232, 220))
    draw = ImageDraw.Draw(image)
    draw.text((40, 30), "NOTICE OF ARRIVAL", font=ImageFont.load_default(40), fill=(30, 30, 40))
    lines = [
        "Parcel no. 7381-0426, 12.5 kg, from Lisbon",
        "Please collect before Friday, 18:00, at",
        "counter 9, ground floor. Bring this page",
        "and a valid identity card. Thank you.",
        "Storage: 1.20 per day after 7 days.",
    ]
    for i, line in enumerate(lines):
        font = ImageFont.load_default(26)
        draw.text((40, 110 + 44 * i), line, font=font, fill=(40, 40, 50))
    draw.rectangle((40, 360, 300, 440), outline=(150, 30, 30), width=5)
    draw.text((62, 376), "B 4179 KX", font=ImageFont.load_default(42), fill=(150, 30, 30))
    return image


def main() -> None:
    """Write every photo of PHOTOS."""
    page().save(HERE / "sharp" / "page.png")
    for name, (recipe, seed) in PHOTOS.items():
        (source,) = (HERE / "sharp").glob(f"{name.split('-')[0]}.*")
        with Image.open(source) as image:
            sharp = to_float(np.asarray(image.convert("RGB")))
        # The mirrored margin stands in for what lies beyond the frame.
        padded = np.pad(sharp, ((31, 31), (31, 31), (0, 0)), mode="symmetric")
        pair = Synthesiser(recipe)(padded, np.random.default_rng(seed))
        blurry = Image.fromarray(quantise(pair.blurry, np.dtype(np.uint8)))
        blurry.save(HERE / "photos" / f"{name}.jpg", quality=92, subsampling=0)
        print(f"{name}: {pair.kind}, {pair.psf.length_px():.0f} px")


if __name__ == "__main__":
    main()
