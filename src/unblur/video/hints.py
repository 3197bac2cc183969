"""What a single frame shows of its own motion, and what undoing that motion would add to it.

KernelNet estimates once, at the part of the frame with the most detail; with that PSF
the frame's luma is deconvolved twice, once daring and once careful. FrameRNN is given what
each adds to the frame, and how far the PSF is to be trusted. Nothing here depends on other
frames, so that hints can be made ahead. Training uses the same function.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unblur.color import FloatArray, linear_to_srgb, luma, srgb_to_linear
from unblur.motion.estimator import MotionEstimator
from unblur.motion.picture import Picture
from unblur.pipeline.gate import rise
from unblur.pipeline.settings import DEFAULTS
from unblur.pipeline.tile_reader import measured_noise
from unblur.restoration.inputs import noise_level
from unblur.restoration.wiener import WienerBankParams, wiener_bank
from unblur.tone import LINEAR

HINT_BANK = WienerBankParams(strengths=(0.06, 0.5))
"""The daring and the careful deconvolution. FrameRNN was trained with them."""

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
    planes = np.zeros((len(HINT_BANK.strengths), height, width), np.float32)
    return Hint(planes, np.zeros(FACTS, np.float32))


def hint_of(frame: FloatArray, estimator: MotionEstimator) -> Hint:
    """Return what a frame tells of itself.

    Args:
        frame: (H, W, 3) float32 sRGB in [0, 1]; too small ones tell nothing.
        estimator: tells how it moved.
    """
    height, width = frame.shape[:2]
    if not estimator.least.fits((height, width)):
        return no_hint(height, width)
    flat = luma(srgb_to_linear(frame))
    # In linear light already, so that the whole frame is not decoded twice.
    motion = estimator.propose(Picture(flat[..., None], LINEAR))
    found, noise = motion.windows[0][0], measured_noise(Picture(frame), motion)
    solved = wiener_bank(flat[..., None], found.psf, noise, params=HINT_BANK)[..., 0]
    added = linear_to_srgb(np.clip(solved, 0, 1)) - linear_to_srgb(flat)
    facts = [found.confidence, noise_level(noise), found.blur_probability]
    return Hint(np.clip(added, -MOST, MOST), np.array(facts, np.float32))


def trust_in(probability: float) -> float:
    """Return how much a frame's restoration counts, by its probability of motion blur."""
    return rise(probability, *DEFAULTS.probability)
