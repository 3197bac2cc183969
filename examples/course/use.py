"""Chapter 10: how the result depends on noise, compression and size; what a gradient tells."""

from __future__ import annotations

import io

import numpy as np
from common import HOOK, arguments, psnr, say, shaken, sharp_light, sheet, shown
from PIL import Image

import unblur
from unblur.blur import Psf
from unblur.color import linear_to_srgb, quantise, srgb_to_linear, to_float

PHOTOS, CLIP = 200, 1.0


def main() -> None:
    """Print the figures of the chapter and draw its picture."""
    out = arguments().folder
    psf = Psf.from_points(HOOK).centred()
    session = unblur.Session()
    cells = []
    for name, noise, quality in (
        ("0.2 % noise", 0.002, 0),
        ("3 % noise", 0.03, 0),
        ("JPEG of quality 60", 0.002, 60),
    ):
        blurry, sharp = shaken(sharp_light("colosseum", 220), psf, noise)
        samples = quantise(linear_to_srgb(blurry), np.dtype(np.uint8))
        if quality:
            stream = io.BytesIO()
            Image.fromarray(samples).save(stream, "JPEG", quality=quality)
            samples = np.asarray(Image.open(stream))
        restored = unblur.restore(samples, session=session)
        before, after = (
            psnr(srgb_to_linear(to_float(x)), sharp) for x in (samples, restored.samples)
        )
        say(f"{name}: PSNR before and after", before, after, about=True)
        cells.append((name, shown(to_float(samples), light=False)))
        cells.append((f"{name}, restored", shown(to_float(restored.samples), light=False)))

    # The founding step of private training: clip each photo's gradient, add noise, divide.
    rng = np.random.default_rng(7)
    gradients = rng.standard_normal((PHOTOS, 50)) * np.exp(rng.standard_normal((PHOTOS, 1)))
    norms = np.linalg.norm(gradients, axis=1, keepdims=True)
    clipped = gradients * np.minimum(1, CLIP / norms)
    with_all = clipped.sum(axis=0)
    without = clipped[1:].sum(axis=0)
    say("largest gradient of a photo, before clipping", float(norms.max()))
    say(
        "by which the sum changes without the first photo",
        float(np.linalg.norm(with_all - without)),
    )
    say("most that any photo can change it", CLIP)
    sheet([cells[::2], cells[1::2]], out / "use.jpg")


if __name__ == "__main__":
    main()
