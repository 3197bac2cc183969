"""Chapter 7: a CNN chooses between solutions, and mends them."""

from __future__ import annotations

import numpy as np
from common import HOOK, arguments, psnr, say, shaken, sharp_light, sheet, shown

import unblur
from unblur.blur import Psf
from unblur.color import FloatArray, linear_to_srgb, quantise, srgb_to_linear, to_float
from unblur.restoration.tv_bank import tv_bank

NOISE = 0.004


def main() -> None:
    """Print the quality of bank and network for a true and a wrong PSF, and draw them."""
    out = arguments().folder
    true = Psf.from_points(HOOK).centred()
    wrong = Psf(true.array[::-1, ::-1])
    blurry, sharp = shaken(sharp_light("rocks", 330), true, NOISE)
    say("blurry: PSNR", psnr(blurry, sharp))
    rows = []
    for name, psf in (("true", true), ("mirrored", wrong)):
        bank = tv_bank(blurry, psf, NOISE * 0.7497)
        crisp, detailed = (np.moveaxis(bank[i : i + 3], 0, 2) for i in (0, 3))
        restored = network(blurry, psf)
        figures = [psnr(x, sharp) for x in (crisp, detailed, restored)]
        say(f"{name} PSF: PSNR of crisp, detailed, restored", *figures, about=True)
        say(f"{name} PSF: mean misfit", float(bank[7].mean()), about=True)
        rows.append(
            [
                (f"{name} PSF: crisp", shown(crisp)),
                ("detailed", shown(detailed)),
                ("misfit", shown(bank[7], light=False)),
                ("the network's", shown(restored)),
            ]
        )
    samples = quantise(linear_to_srgb(blurry), np.dtype(np.uint8))
    estimated = unblur.restore(samples)
    light = srgb_to_linear(to_float(estimated.samples))
    say("motion estimated, nothing given: PSNR", psnr(light, sharp), about=True)
    plain = unblur.restore(samples, model="plain", gate=False)
    say(
        "a CNN that knows no motion: PSNR",
        psnr(srgb_to_linear(to_float(plain.samples)), sharp),
        about=True,
    )
    still = quantise(linear_to_srgb(sharp), np.dtype(np.uint8))
    say(
        "a sharp photo comes back identical",
        str(np.array_equal(unblur.restore(still).samples, still)),
    )
    sheet(rows, out / "restoration.jpg")


def network(blurry: FloatArray, psf: Psf) -> FloatArray:
    """Return what RestoreNet makes of a photo with a given PSF, linear light."""
    samples = quantise(linear_to_srgb(blurry), np.dtype(np.uint8))
    return srgb_to_linear(to_float(unblur.restore(samples, psf=psf, tone="srgb").samples))


if __name__ == "__main__":
    main()
