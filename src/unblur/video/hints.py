"""What a single frame tells of its own motion, and what undoing that motion would add to it.

KernelNet takes one look at the part of the frame with the most detail; with the PSF it answers,
the frame's luma is deconvolved twice, once daring and once careful. FrameRNN is given what
each adds to the frame, and how far the answer is to be trusted. Nothing here depends on other
frames, so that hints can be made ahead. Training uses the same function.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unblur.color import FloatArray, linear_to_srgb, luma, srgb_to_linear
from unblur.engines.base import Engine
from unblur.motion.analysis import MIN_SIDE
from unblur.motion.features import WINDOW
from unblur.motion.kernel import estimate_psfs
from unblur.restoration.inputs import noise_level
from unblur.restoration.noise import noise_beside_motion
from unblur.restoration.referee import rise
from unblur.restoration.settings import DEFAULTS
from unblur.restoration.wiener import wiener_bank

STRENGTHS = (0.06, 0.5)
"""Regularisation of the daring and the careful deconvolution, see :mod:`unblur.restoration
.wiener`."""

FACTS = 3
"""Confidence of the PSF, level of the noise, probability of blur."""

MOST = 0.5
"""Largest change of a pixel that a hint can tell."""


@dataclass(frozen=True, eq=False)
class Hint:
    """What is known of one frame.

    Attributes:
        planes: (2, H, W) float32 in [-MOST, MOST], sRGB: what each deconvolution adds to the
            luma.
        facts: (FACTS,) float32 in [0, 1].
    """

    planes: FloatArray
    facts: FloatArray


def no_hint(height: int, width: int) -> Hint:
    """Return the hint that says nothing."""
    planes = np.zeros((len(STRENGTHS), height, width), np.float32)
    return Hint(planes, np.zeros(FACTS, np.float32))


def hint_of(frame: FloatArray, kernel_engine: Engine) -> Hint:
    """Return what a frame tells of itself.

    Args:
        frame: (H, W, 3) float32 sRGB in [0, 1]; too small ones tell nothing.
        kernel_engine: runs KernelNet.
    """
    height, width = frame.shape[:2]
    if min(height, width) < MIN_SIDE:
        return no_hint(height, width)
    flat = luma(srgb_to_linear(frame))
    window = telling_window(flat)
    found = estimate_psfs([window], kernel_engine)[0]
    noise = noise_beside_motion(window, found.psf)
    solved = wiener_bank(flat[..., None], found.psf, noise, strengths=STRENGTHS)[..., 0]
    added = linear_to_srgb(np.clip(solved, 0, 1)) - linear_to_srgb(flat)
    facts = [found.confidence, noise_level(noise), found.blur_probability]
    return Hint(np.clip(added, -MOST, MOST), np.array(facts, np.float32))


def telling_window(flat: FloatArray) -> FloatArray:
    """Return the part of a frame's luma on which its motion is told: that with the most detail.

    Args:
        flat: (H, W) float32, linear light.

    Returns:
        A window of 256 px a side, less where the frame is smaller.
    """
    sides = tuple(min(side, WINDOW) for side in flat.shape)
    steps = np.abs(np.diff(flat[::2], axis=1))
    starts = [
        sorted({round(k * (full - side) / 2) for k in range(3)})
        for full, side in zip(flat.shape, sides, strict=True)
    ]
    places = [(y, x) for y in starts[0] for x in starts[1]]
    # The middle comes first among equals: that is where people aim.
    places.sort(key=lambda p: abs(p[0] - starts[0][-1] / 2) + abs(p[1] - starts[1][-1] / 2))
    detail = [
        float(steps[y // 2 : (y + sides[0]) // 2, x : x + sides[1]].mean()) for y, x in places
    ]
    y, x = places[int(np.argmax(detail))]
    return np.ascontiguousarray(flat[y : y + sides[0], x : x + sides[1]])


def trust_in(probability: float) -> float:
    """Return how much a frame's restoration counts, by its probability of motion blur."""
    return rise(probability, *DEFAULTS.probability)
