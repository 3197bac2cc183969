"""Which light a blurry photo was blurred in, where its file does not say: sRGB's curve, or none.

Motion mixes light. Explained in the wrong light, a blurry photo has sharp edges with the wrong
profile, and undoing its motion leaves ringing. So the motion is searched in both lights, and the
photo restored in both with both PSFs (:mod:`unblur.motion.trial`). The restored pictures are
compared as *samples*, where both are alike: with ``H(light, psf)`` the logarithm of the mean length
of the gradients, and ``S(light, psf)`` the score of JudgeNet (:mod:`unblur.motion.judge`),

    best  = min_psf H(sRGB, psf) - min_psf H(linear, psf)
    mean  = mean over both PSFs of H(sRGB, psf) - H(linear, psf)
    seen  = max_psf S(linear, psf) - max_psf S(sRGB, psf)

The larger, the likelier is linear light. A logistic regression on all three, fitted to synthetic
photos blurred in either light with the same noise, tells a probability. Without networks the first
two must do.

Where that leaves the light unsure, another window is asked, as far as it shows something else. Each
adds its evidence to the odds; what both lights are worth beforehand counts once. That is a tenth of
what assessing the photo in both lights costs, and tells more: of 39 unsure ones of 128 photos (64
validation photos of 430 px and more, and the same moved in linear light) 21 are sure then, 20 of
them rightly. Among the unsure ones the area under the curve of the second window is 0.88. A third
window makes only three of 16 more sure, and they need not be right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unblur.blocks import fitting_scale, halve
from unblur.blur.psf import Psf
from unblur.color import FloatArray, luma, to_float
from unblur.engines.base import Engine
from unblur.motion.coarse_to_fine import LEAST_SIDE_PX, estimate_psf_map
from unblur.motion.features import noise_sigma
from unblur.motion.judge import network_scores
from unblur.motion.picture import Picture
from unblur.motion.trial import gradient_length, try_psf
from unblur.motion.windows import Box, place_of_most_structure
from unblur.tone import LINEAR, SRGB, Tone, ToneCurve, is_unsure

CURVES = (SRGB, LINEAR)
"""The two that are distinguished. Others between and beyond them only confuse."""

_GREEN = 1


@dataclass(frozen=True)
class ToneParams:
    """Where the evidence is looked for, and what it is worth.

    Attributes:
        side_px: of the window, after shrinking.
        longest_px: photos are halved until their longer side is no longer than this: on large
            ones a window would hold little more than one blurred edge.
        new: share of another window that the first must not show for it to be asked.
        least_px: least shorter side that is left of a photo shrunk for its motion: where that was
            measured on a smaller picture it is too long for a window. On 37 pairs of photos of
            600 to 700 px that moved by 36 to 110 px the area under the curve is 0.52 at full size,
            and 0.82 at half, with the same constants.
        bias, best, mean, seen: of the logistic regression, fitted to 126 pairs of photos of 256 to
            576 px (training photos, motion of 6 to 60 px, noise of 0.05 to 2 %, three in ten JPEG,
            both lights with the same noise): both lights as likely as each other.
        sure: probability of linear light from which on it is acted upon. On 152 other windows of
            160 to 480 px the mean gain is 1.65 dB at 0.4, 1.60 at 0.45, 1.53 at 0.5 and 1.15 at
            0.7; those in sRGB's light gain 1.65 dB at 0.45 and 1.56 if all are taken for sRGB:
            what is wrongly taken for linear loses less than the reverse. See docs/benchmarks.md.
    """

    side_px: int = 320
    longest_px: int = 1200
    new: float = 1 / 3
    least_px: int = 256
    bias: float = -0.533
    best: float = 3.643
    mean: float = 9.184
    seen: float = 0.0
    sure: float = 0.45


TONE = ToneParams()
"""Without networks."""

NETWORK_TONE = ToneParams(bias=-0.738, best=1.497, mean=5.942, seen=0.603)
"""With JudgeNet."""


@dataclass(frozen=True, eq=False)
class ToneEvidence:
    """What a photo says of its light.

    Attributes:
        best, mean: see the module.
        seen: JudgeNet's best score of linear light less that of sRGB's, dB; 0 without it.
        noise: standard deviation of the noise of the samples.
        psfs: found in each of CURVES, in px of the photo.
        window: (y0, x0, y1, x1) of the photo in which they were found.
    """

    best: float
    mean: float
    seen: float
    noise: float
    psfs: tuple[Psf, ...]
    window: tuple[int, int, int, int]

    def linear_probability(
        self, params: ToneParams = TONE, also: ToneEvidence | None = None
    ) -> float:
        """Return the probability that the samples are proportional to light.

        Args:
            params: what the evidence is worth.
            also: of another window of the photo; None if none was asked.
        """
        logit = params.bias + self._odds(params)
        if also is not None:
            logit += also._odds(params)
        return float(1 / (1 + np.exp(-np.clip(logit, -30, 30))))

    def _odds(self, params: ToneParams) -> float:
        """Return by how much the evidence changes the log odds of linear light."""
        return params.best * self.best + params.mean * self.mean + params.seen * self.seen


def estimate_tone(picture: Picture, network: Engine | None = None, *, scale: int = 1) -> Tone:
    """Return the tone curve of a blurry photo whose file does not tell it.

    Args:
        picture: the photo; its own tone curve is not looked at.
        network: runs JudgeNet; None to go by gradients alone.
        scale: on which its motion was measured. Long motion is looked at on a smaller picture.

    Returns:
        Linear light with evidence "estimate" where that is sure enough; else sRGB's curve, assumed,
        with the probability that remains for it. Photos too small to tell are assumed to be sRGB.
    """
    params = TONE if network is None else NETWORK_TONE
    shrunk = _scale_of_motion(picture.shape, scale, params)
    evidence = tone_evidence(picture.samples, network, params, scale=shrunk)
    if evidence is None:
        return Tone()
    linear = evidence.linear_probability(params)
    if is_unsure(linear):
        also = tone_evidence(picture.samples, network, params, scale=shrunk, known=evidence.window)
        linear = evidence.linear_probability(params, also)
    if linear >= params.sure:
        return Tone(LINEAR, "estimate", linear)
    return Tone(SRGB, "assumed", 1 - linear)


def tone_evidence(
    samples: NDArray[Any],
    network: Engine | None = None,
    params: ToneParams = TONE,
    *,
    scale: int = 1,
    known: Box | None = None,
) -> ToneEvidence | None:
    """Return what a photo says of its light; None where it is too small.

    Args:
        samples: (H, W, C) of the photo.
        network, params: as for :func:`estimate_tone`.
        scale: by which the photo is shrunk at least, a power of 2; more where its size asks for it.
        known: a window that was asked already. Another one is, which shows something else; where
            there is none, nothing is said.
    """
    height, width = samples.shape[:2]
    scale = fitting_scale((height, width), params.longest_px, least=scale)
    if min(height, width) < LEAST_SIDE_PX * scale:
        return None
    green = samples[::scale, ::scale, _GREEN % samples.shape[2]]
    shrunk = None if known is None else (*(side // scale for side in known),)
    y, x, tall, wide = place_of_most_structure(to_float(green), params.side_px, known=shrunk)
    window = (y * scale, x * scale, (y + tall) * scale, (x + wide) * scale)
    if known is not None and _share_of_new(window, known) < params.new:
        return None
    part = to_float(samples[window[0] : window[2], window[1] : window[3]])
    channel = part[..., _GREEN % part.shape[2]]
    psfs = tuple(estimate_psf_map(_shrunk(luma(c.to_linear(part)), scale)) for c in CURVES)
    planes = [_shrunk_samples(channel, curve, scale) for curve in CURVES]
    noise = noise_sigma(planes[0])
    trials = [
        try_psf(plane, curve, psf, noise).samples
        for curve, plane in zip(CURVES, planes, strict=True)
        for psf in psfs
    ]
    lengths = np.array([gradient_length(trial) for trial in trials]).reshape(len(CURVES), -1)
    seen = 0.0
    if network is not None:
        px = [psf.length_px() for psf in psfs] * len(CURVES)
        curves = [curve for curve in CURVES for _ in psfs]
        scores = network_scores(network, planes[0], trials, px, noise, curves)
        seen = float(np.diff(scores.reshape(lengths.shape).max(axis=1))[0])
    return ToneEvidence(
        best=float(lengths[0].min() - lengths[1].min()),
        mean=float((lengths[0] - lengths[1]).mean()),
        seen=seen,
        noise=noise,
        psfs=tuple(psf if scale == 1 else psf.scaled(float(scale)) for psf in psfs),
        window=window,
    )


def _share_of_new(window: Box, known: Box) -> float:
    """Return the share of a window that another one does not show."""
    shared, area = 1, 1
    for axis in (0, 1):
        first, stop = window[axis], window[axis + 2]
        shared *= max(0, min(stop, known[axis + 2]) - max(first, known[axis]))
        area *= stop - first
    return 1 - shared / area


def _scale_of_motion(shape: tuple[int, int], scale: int, params: ToneParams) -> int:
    """Return by what a photo is shrunk for its motion, as far as a window is left of it."""
    while scale > 1 and min(shape) < scale * params.least_px:
        scale //= 2
    return scale


def _shrunk_samples(channel: FloatArray, curve: ToneCurve, scale: int) -> FloatArray:
    """Return a channel shrunk in the light of a curve, encoded by it again."""
    if scale == 1:
        return np.ascontiguousarray(channel)
    return curve.to_encoded(_shrunk(curve.to_linear(channel), scale))


def _shrunk(plane: FloatArray, scale: int) -> FloatArray:
    while scale > 1:
        plane, scale = halve(plane), scale // 2
    return np.ascontiguousarray(plane)
