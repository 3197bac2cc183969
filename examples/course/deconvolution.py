"""Chapter 5: the motion is known. Undo it, in spite of noise, zeros and borders."""

from __future__ import annotations

import numpy as np
from common import HOOK, arguments, as_grey, psnr, say, shaken, sharp_light, sheet, shown
from scipy import fft

from unblur.blur import Psf
from unblur.blur.canvas import slope_power
from unblur.blur.masked_tv import masked_tv
from unblur.color import FloatArray

NOISES = (0.002, 0.01, 0.04)


def main() -> None:
    """Print the figures of the chapter and draw its picture."""
    out = arguments().folder
    psf = Psf.from_points(HOOK).centred()
    otf = psf.otf((306, 306))
    power = np.square(np.abs(otf))
    say("least |K| of the hook", float(np.sqrt(power.min())))
    say("by which naive division multiplies the noise", float(np.sqrt((1 / power).mean())))

    rows = []
    for noise in NOISES:
        blurry, sharp = shaken(sharp_light("piazza"), psf, noise)
        y, true = as_grey(blurry), as_grey(sharp)
        solved = {
            "blurry": y,
            "division": fft.irfft2(fft.rfft2(y) / psf.otf(y.shape), s=y.shape),
            "Tikhonov": tikhonov(y, psf, noise),
            "TV, borders unknown": masked_tv(y[None], psf, 0.16 * noise).light[0],
        }
        say(
            f"PSNR at {100 * noise:g} % noise: {', '.join(solved)}",
            *(psnr(x, true) for x in solved.values()),
        )
        if noise == NOISES[0]:
            for name in ("Tikhonov", "TV, borders unknown"):
                rim, inner = parts(solved[name], true)
                say(f"{name}: PSNR of the outermost 16 px, and of the rest", rim, inner)
        rows.append([(f"{name}, {100 * noise:g} %", shown(x)) for name, x in solved.items()])
    sheet(rows, out / "deconvolution.jpg")


def tikhonov(y: FloatArray, psf: Psf, noise: float) -> FloatArray:
    """Return X = conj(K) Y / (|K|^2 + r |D|^2), the picture taken as periodic."""
    otf = psf.otf((y.shape[0], y.shape[1]))
    slopes = float(np.mean(np.square(np.diff(y, axis=0))) + np.mean(np.square(np.diff(y, axis=1))))
    ratio = noise**2 / slopes
    gain = np.conj(otf) / (np.square(np.abs(otf)) + ratio * slope_power(y.shape))
    return np.asarray(fft.irfft2(fft.rfft2(y) * gain, s=y.shape), np.float32)


def parts(found: FloatArray, true: FloatArray, px: int = 16) -> tuple[float, float]:
    """Return PSNR near the border, and of the rest."""
    inside = np.zeros(true.shape, bool)
    inside[px:-px, px:-px] = True
    return psnr(found[~inside], true[~inside]), psnr(found[inside], true[inside])


if __name__ == "__main__":
    main()
