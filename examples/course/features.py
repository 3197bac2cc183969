"""Chapter 3: motion features by hand, in space and in frequency."""

from __future__ import annotations

import numpy as np
from common import HOOK, arguments, as_grey, kernel, say, shaken, sharp_light, sheet, shown, signed
from PIL import Image
from scipy import fft

from unblur.blur import Psf
from unblur.color import FloatArray
from unblur.motion import steps
from unblur.motion.features import noise_sigma
from unblur.motion.frequency import GRID, frequency_maps
from unblur.motion.spatial import quotient_maps

LENGTH_PX = 16
NOISE = 0.004


def main() -> None:
    """Print the figures of the chapter and draw its picture."""
    out = arguments().folder
    light = sharp_light("rocks", 300)
    line = Psf.from_line(LENGTH_PX, 0)
    windows = {}
    for name, psf in (("sharp", Psf.delta()), ("moved", line)):
        blurry, _ = shaken(light, psf, NOISE)
        windows[name] = as_grey(blurry)[:256, :256]
    moved = windows["moved"]

    for name, window in windows.items():
        high = steps.high_pass(window, 1.0)
        pooled = steps.average_pooling(high, 8)
        # A fully connected layer of one neuron whose weights are all alike: the mean.
        weights = np.full((1, 64), 1 / 64, np.float32)
        detail = steps.fully_connected(pooled, weights, np.zeros(1, np.float32))
        say(f"detail of the {name} window, in 1/1000 of white", float(detail[0]) * 1000)

    spectrum = steps.fourier(moved)
    soft = steps.inverse_fourier(steps.low_pass(spectrum, 0.06))
    say(
        "zeros of the spectrum expected, and found, every so many px",
        256 / LENGTH_PX,
        period(moved),
    )
    cepstrum = frequency_maps(moved)["cepstrum"]
    row = cepstrum[GRID // 2, GRID // 2 :]
    say("displacement of the cepstrum's darkest spot along the motion", float(8 + row[8:].argmin()))
    say("noise put in, and measured", NOISE, noise_sigma(moved) / 0.7497)

    hook = Psf.from_points(HOOK).centred()
    quotient = quotient_maps(as_grey(shaken(light, hook, NOISE)[0])[:256, :256])["quotient_1_6"]
    high = steps.high_pass(moved, 1.0)
    pooled = steps.average_pooling(high, 8)
    logged = np.log(np.abs(spectrum) + 1e-3)
    sheet(
        [
            [
                ("moved by 16 px", shown(moved)),
                ("1 high-pass", signed(high)),
                ("2 average pooling", small(pooled)),
                ("detail: sharp, moved", bars(windows)),
            ],
            [
                ("1 Fourier transform", shown(normal(logged), light=False)),
                ("2+3 low-pass, inverse", shown(soft)),
                ("cepstrum", signed(cepstrum)),
                ("quotient of a hook", signed(quotient[14:51, 14:51])),
            ],
        ],
        out / "features.jpg",
    )
    kernel(hook)


def period(window: FloatArray) -> float:
    """Return the distance of the dark stripes that steady motion along x cuts into a spectrum."""
    power = np.log(
        np.square(np.abs(fft.rfft2(window * np.hanning(256)[:, None] * np.hanning(256)))) + 1e-9
    )
    profile = power[:40].mean(axis=0)
    places = np.arange(20, 120)
    best = min(
        np.arange(10, 24, 0.25),
        key=lambda p: np.interp(p * np.arange(1, 5), np.arange(129), profile).mean(),
    )
    assert len(places)
    return float(best)


def normal(values: FloatArray) -> FloatArray:
    """Return values stretched to [0, 1]."""
    low, high = np.quantile(values, [0.05, 0.999])
    return np.asarray((values - low) / (high - low), np.float32)


def small(pooled: FloatArray) -> Image.Image:
    """Return a few numbers as squares."""
    return shown(pooled / pooled.max(), light=False)


def bars(windows: dict[str, FloatArray]) -> Image.Image:
    """Return the mean detail of windows as bars."""
    page = Image.new("RGB", (240, 240), (235, 235, 235))
    values = [float(np.abs(steps.high_pass(w, 1.0)).mean()) for w in windows.values()]
    for i, value in enumerate(values):
        height = round(220 * value / max(values))
        page.paste((0, 121, 107), (40 + 100 * i, 240 - height, 100 + 100 * i, 240))
    return page


if __name__ == "__main__":
    main()
