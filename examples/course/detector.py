"""Chapter 4: the founding document's network, trained for a minute: is this patch blurred?"""

from __future__ import annotations

import time

import numpy as np
import torch
from common import arguments, say, sharp_light, sheet, shown
from scipy import ndimage
from torch.nn import functional

from unblur.blur import Psf, apply_psf
from unblur.blur.trajectory import tremor
from unblur.color import FloatArray, linear_to_srgb, luma
from unblur.models.patch_net import PATCH_PX, PatchNet

TRAINED_ON, TESTED_ON = ("colosseum", "rocks", "astronaut"), "piazza"
BATCH, PER_PIECE, PIECE_PX = 32, 4, 192
SHOWS = 0.08
"""Standard deviation below which a piece of a photo shows too little to be judged."""


def main() -> None:
    """Train, test on a photo that was not trained on, and show where the network errs."""
    found = arguments(seconds=60.0, steps=10_000)
    torch.manual_seed(4)
    torch.set_num_threads(1)
    rng = np.random.default_rng(4)
    network = PatchNet()
    say("weights", f"{sum(p.numel() for p in network.parameters())}")
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    photos = [sharp_light(name, 340) for name in TRAINED_ON]
    begun, step = time.process_time(), 0
    while step < found.steps and time.process_time() - begun < found.seconds:
        patches, blurred = batch(photos, rng)
        logits = network(torch.from_numpy(patches))
        loss = functional.binary_cross_entropy_with_logits(logits, torch.from_numpy(blurred))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        step += 1

    held = [sharp_light(TESTED_ON, 700)]
    patches, blurred = (
        np.concatenate(x) for x in zip(*(batch(held, rng) for _ in range(16)), strict=True)
    )
    with torch.no_grad():
        logits = network(torch.from_numpy(patches)).numpy()
    right = (logits > 0) == (blurred > 0.5)
    say("steps", f"{step}", about=True)
    say("right on patches of another photo, %", 100 * float(right.mean()), about=True)
    say("AUC on them", auc(logits, blurred), about=True)
    say("AUC of the variance of the Laplacian", auc(-laplacian(patches), blurred), about=True)
    order = np.argsort(logits)
    picked = [*order[:4], *order[-4:]]
    cells = [
        (
            f"{'blurred' if blurred[i] else 'sharp'}: p = {1 / (1 + np.exp(-logits[i])):.2f}",
            shown(np.moveaxis(patches[i], 0, 2), light=False),
        )
        for i in picked
    ]
    sheet([cells[:4], cells[4:]], found.folder / "detector.jpg")


def batch(photos: list[FloatArray], rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Return patches (N, 3, 64, 64), sRGB in [0, 1], and 1 for those that are blurred.

    Every other piece of a photo is shaken; each gives PER_PIECE patches that show something.
    """
    patches: list[FloatArray] = []
    blurred: list[float] = []
    while len(patches) < BATCH:
        moves = len(patches) % (2 * PER_PIECE) < PER_PIECE
        photo = photos[rng.integers(len(photos))]
        y, x = (rng.integers(n - PIECE_PX) for n in photo.shape[:2])
        part = photo[y : y + PIECE_PX, x : x + PIECE_PX]
        if part.std() < SHOWS:
            continue
        if moves:
            path = tremor(rng) * np.exp(rng.uniform(np.log(6), np.log(24)))
            part = apply_psf(part, Psf.from_points(path).centred())
        part = part[16:-16, 16:-16]
        noisy = part + np.float32(0.005) * rng.standard_normal(part.shape, np.float32)
        piece = np.moveaxis(linear_to_srgb(np.clip(noisy, 0, 1)), 2, 0)
        for _ in range(PER_PIECE):
            y, x = rng.integers(PIECE_PX - 32 - PATCH_PX, size=2)
            patches.append(piece[:, y : y + PATCH_PX, x : x + PATCH_PX])
            blurred.append(float(moves))
    return np.stack(patches), np.array(blurred, np.float32)


def laplacian(patches: FloatArray) -> FloatArray:
    """Return what many programs take for sharpness."""
    greys = (luma(np.moveaxis(p, 0, 2)) for p in patches)
    return np.array([float(ndimage.laplace(grey).var()) for grey in greys], np.float32)


def auc(scores: FloatArray, blurred: FloatArray) -> float:
    """Return how often a blurred patch scores higher than a sharp one."""
    above, below = scores[blurred > 0.5], scores[blurred < 0.5]
    return float((above[:, None] > below).mean())


if __name__ == "__main__":
    main()
