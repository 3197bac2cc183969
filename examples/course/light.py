"""Chapter 1: motion mixes light, not the numbers in a file."""

from __future__ import annotations

import numpy as np
from common import HOOK, arguments, as_grey, psnr, say, shaken, sharp_light, sheet, shown, signed

from unblur.blur import Psf, apply_psf
from unblur.blur.masked_tv import masked_tv
from unblur.color import linear_to_srgb, srgb_to_linear

NOISE = 0.002


def main() -> None:
    """Print the figures of the chapter and draw its picture."""
    out = arguments().folder
    say("linear light of the sample 0.5", float(srgb_to_linear(np.float32(0.5))))
    say("sample of half the light", float(linear_to_srgb(np.float32(0.5))))
    read, shot = 0.005, 1e-4
    say("noise of black and of white", read, float(np.sqrt(read**2 + shot)))

    psf = Psf.from_points(HOOK).centred()
    blurry, sharp = shaken(sharp_light("colosseum"), psf, NOISE)
    # The same photo undone in light and, wrongly, in the numbers of the file.
    right = masked_tv(as_grey(blurry)[None], psf, 0.16 * NOISE).light[0]
    samples = linear_to_srgb(as_grey(blurry))
    wrong = masked_tv(samples[None], psf, 0.16 * NOISE).light[0]
    true = as_grey(sharp)
    say("PSNR of the blurry photo", psnr(as_grey(blurry), true))
    say("PSNR, undone in linear light", psnr(right, true))
    say("PSNR, undone in the samples", psnr(srgb_to_linear(np.clip(wrong, 0, 1)), true))

    # A lamp eight times as bright as white: its streak is white, and what is stored is no sum.
    lamp = np.zeros((64, 64, 1), np.float32)
    lamp[30:34, 30:34] = 8.0
    streak = apply_psf(lamp, psf)
    stored = np.minimum(streak, 1)
    say("share of a bright lamp's light that is stored", float(stored.sum() / streak.sum()))

    rows = [
        [
            ("blurry", shown(as_grey(blurry))),
            ("undone in linear light", shown(right)),
            ("undone in the samples", shown(wrong, light=False)),
        ],
        [
            ("lamp, before clipping (x 1/8)", shown(streak[..., 0] / 8)),
            ("lamp, as stored", shown(stored[..., 0])),
            ("error made in the samples", signed(srgb_to_linear(np.clip(wrong, 0, 1)) - true)),
        ],
    ]
    sheet(rows, out / "light.jpg")


if __name__ == "__main__":
    main()
