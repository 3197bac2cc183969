"""Chapter 9: losses, splits, and how to fool oneself."""

from __future__ import annotations

import numpy as np
from common import HOOK, arguments, as_grey, kernel, psnr, say, shaken, sharp_light, sheet, shown
from scipy import ndimage

from unblur.blur import Psf
from unblur.color import FloatArray, linear_to_srgb
from unblur.evaluate.metrics import kernel_similarity, ssim
from unblur.evaluate.statistics import bootstrap_interval
from unblur.motion.spatial import pooled_high_pass
from unblur.psnr import psnr_db


def main() -> None:
    """Print the figures of the chapter and draw its picture."""
    out = arguments().folder
    true = Psf.from_points(HOOK).centred()
    moved = true.shifted(1, 0)
    for sigma in (0.0, 1.5):
        a, b = (ndimage.gaussian_filter(p.embedded(41), sigma) for p in (true, moved))
        cosine = float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))
        say(f"cosine of a PSF and itself one pixel on, smoothed by {sigma:g} px", cosine)
    say("the same over all shifts", kernel_similarity(moved, true))

    light = sharp_light("piazza")
    seen = linear_to_srgb(light)
    beside = np.roll(seen, 1, axis=1)
    say(
        "PSNR of a perfect picture that lies one pixel beside",
        psnr_db(beside, seen, data_range=1.0),
    )
    say("its SSIM", ssim(beside, seen, data_range=1.0))

    same, other = leak()
    say("labels right, neighbours of the test windows in the training set, %", 100 * same)
    say("labels right, test photos never seen, %", 100 * other)

    gains = np.array([3.1, 2.4, 0.2, 4.0, -0.3, 1.9, 2.2, 3.5, 0.9, 2.8])
    low, high = bootstrap_interval(gains)
    say("mean gain of ten photos, and its interval", float(gains.mean()), low, high)
    say("made worse by more than 0.1 dB, %", 100 * float((gains < -0.1).mean()))

    blurry, sharp = shaken(light, true, 0.004)
    mean = ndimage.gaussian_filter(sharp, (1.2, 1.2, 0))
    noisy = sharp + 0.028 * np.random.default_rng(1).standard_normal(sharp.shape).astype(np.float32)
    say(
        "PSNR of a soft picture and of a sharp one with noise",
        psnr(mean, sharp),
        psnr(noisy, sharp),
    )
    sheet(
        [
            [
                ("PSF", kernel(true)),
                ("the same, one pixel on", kernel(moved)),
                ("blurry", shown(blurry)),
            ],
            [("soft", shown(mean)), ("sharp, with noise", shown(noisy)), ("sharp", shown(sharp))],
        ],
        out / "training.jpg",
    )


def leak() -> tuple[float, float]:
    """Return how often the nearest window tells photos apart: a task that only memory can do.

    Each photo is given a label at random. Nothing in a photo tells it, so that half is right by
    chance. Windows of the same photo, though, are alike: who splits by windows measures memory.
    """
    names, labels = ("colosseum", "piazza", "rocks", "astronaut"), (0, 1, 0, 1)
    found: list[FloatArray] = []
    told: list[int] = []
    photo: list[int] = []
    for number, (name, label) in enumerate(zip(names, labels, strict=True)):
        grey = as_grey(sharp_light(name, 340))
        for y in range(0, 276, 46):
            for x in range(0, 276, 46):
                found.append(pooled_high_pass(grey[y : y + 64, x : x + 64]).ravel())
                told.append(label)
                photo.append(number)
    features, labelled, of = np.stack(found), np.array(told), np.array(photo)
    apart = np.square(features[:, None] - features).sum(axis=2)
    np.fill_diagonal(apart, np.inf)
    same = labelled[apart.argmin(axis=1)] == labelled
    hidden = np.where(of[:, None] == of, np.inf, apart)
    other = labelled[hidden.argmin(axis=1)] == labelled
    return float(same.mean()), float(other.mean())


if __name__ == "__main__":
    main()
