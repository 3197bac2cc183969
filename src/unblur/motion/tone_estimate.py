"""Which light a blurry photo was blurred in, where its file does not say: sRGB's curve, or none.

Motion mixes light. Explained in the wrong light, a blurry photo has sharp edges with the wrong
profile, and undoing its motion leaves ringing. So at each of a few places the motion is searched in
both lights, and the window restored in both with both PSFs (:mod:`unblur.motion.trial`). The
restored windows are compared as *samples*, where both are alike: with ``H(light, psf)`` the
logarithm of the mean length of the gradients,

    best  = min_psf H(sRGB, psf) - min_psf H(linear, psf)
    mean  = mean over both PSFs of H(sRGB, psf) - H(linear, psf)

The larger, the likelier is linear light. One window tells little: what it shows moves both measures
as much as the light does. So a photo is asked where it shows most, there at half the size too, at
which long motion is short, and at another place; a logistic regression on the means, fitted to
synthetic photos blurred in either light with the same noise, tells a probability. Photos of cameras
are in sRGB far more often than not, so only a high probability counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unblur.color import FloatArray, luma, to_float
from unblur.motion.coarse_to_fine import LEAST_SIDE_PX, estimate_psf_map
from unblur.motion.features import noise_sigma
from unblur.motion.picture import Picture
from unblur.motion.spatial import halve
from unblur.motion.trial import gradient_length, try_psf
from unblur.motion.windows import Box, place_of_most_structure, structure
from unblur.tone import LINEAR, SRGB, Tone, ToneCurve

CURVES = (SRGB, LINEAR)
"""The two that are distinguished. Others between and beyond them only confuse."""

_GREEN = 1


@dataclass(frozen=True)
class ToneParams:
    """Where the evidence is looked for, and what it is worth.

    Attributes:
        side_px: of the windows, after shrinking.
        longest_px: photos are halved until their longer side is no longer than this: on large
            ones a window would hold little more than one blurred edge.
        least_px: a place beside the first must have sides of so many px.
        bias, best, mean: of the logistic regression; both lights as likely as each other.
        sure: probability of linear light from which on it is acted upon.
    """

    side_px: int = 320
    longest_px: int = 1200
    least_px: int = 160
    bias: float = -0.118
    best: float = 7.56
    mean: float = 9.91
    sure: float = 0.7


TONE = ToneParams()


@dataclass(frozen=True)
class Place:
    """Where a photo is asked.

    Attributes:
        window: (y0, x0, y1, x1), px of the photo.
        scale: times that it is shrunk.
    """

    window: Box
    scale: int


@dataclass(frozen=True)
class PlaceEvidence:
    """What one place says of a photo's light: best and mean, see the module."""

    best: float
    mean: float


@dataclass(frozen=True)
class ToneEvidence:
    """What a photo says of its light.

    Attributes:
        places: of each place that was asked; at least one.
    """

    places: tuple[PlaceEvidence, ...]

    @property
    def best(self) -> float:
        """Mean over the places."""
        return float(np.mean([place.best for place in self.places]))

    @property
    def mean(self) -> float:
        """Mean over the places."""
        return float(np.mean([place.mean for place in self.places]))

    def linear_probability(self, params: ToneParams = TONE) -> float:
        """Return the probability that the samples are proportional to light."""
        logit = params.bias + params.best * self.best + params.mean * self.mean
        return float(1 / (1 + np.exp(-np.clip(logit, -30, 30))))


def estimate_tone(picture: Picture, params: ToneParams = TONE) -> Tone:
    """Return the tone curve of a blurry photo whose file does not tell it.

    Args:
        picture: the photo; its own tone curve is not looked at.
        params: of the estimate.

    Returns:
        Linear light with evidence "estimate" where that is sure; else sRGB's curve, assumed, with
        the probability that remains for it. Photos too small to tell are assumed to be sRGB.
    """
    evidence = tone_evidence(picture.samples, params)
    if evidence is None:
        return Tone()
    linear = evidence.linear_probability(params)
    if linear >= params.sure:
        return Tone(LINEAR, "estimate", linear)
    return Tone(SRGB, "assumed", 1 - linear)


def tone_evidence(samples: NDArray[Any], params: ToneParams = TONE) -> ToneEvidence | None:
    """Return what a photo says of its light; None where it is too small, or flat."""
    places = places_of(samples, params)
    if not places:
        return None
    return ToneEvidence(tuple(place_evidence(samples, place) for place in places))


def places_of(samples: NDArray[Any], params: ToneParams = TONE) -> list[Place]:
    """Return where a photo is asked: where it shows most, there at half the size, and elsewhere."""
    scale = 1
    while max(samples.shape[:2]) > scale * params.longest_px:
        scale *= 2
    if min(samples.shape[:2]) < LEAST_SIDE_PX * scale:
        return []
    green = to_float(samples[::scale, ::scale, _GREEN % samples.shape[2]])
    first = place_of_most_structure(green, params.side_px)
    places = [_place(first, scale)]
    if min(samples.shape[:2]) >= 2 * LEAST_SIDE_PX * scale:
        places.append(_place(place_of_most_structure(green[::2, ::2], params.side_px), 2 * scale))
    other = _beside(green, first, params)
    if other is not None:
        places.append(_place(other, scale))
    return places


def _place(found: tuple[int, int, int, int], scale: int) -> Place:
    y, x, tall, wide = (scale * value for value in found)
    return Place((y, x, y + tall, x + wide), scale)


def _beside(
    plane: FloatArray, first: tuple[int, int, int, int], params: ToneParams
) -> tuple[int, int, int, int] | None:
    """Return (y, x, height, width) of what shows most in the strips beside a place, if any."""
    y, x, tall, wide = first
    height, width = plane.shape
    found = None
    most = 0.0
    strips = (0, 0, y, width), (y + tall, 0, height, width), (0, 0, height, x)
    for top, left, bottom, right in (*strips, (0, x + wide, height, width)):
        if min(bottom - top, right - left) < params.least_px:
            continue
        part = plane[top:bottom, left:right]
        v, u, high, long = place_of_most_structure(part, params.side_px)
        shown = structure(part[v : v + high, u : u + long]) * np.sqrt(high * long)
        if shown > most:
            most, found = shown, (top + v, left + u, high, long)
    return found


def place_evidence(samples: NDArray[Any], place: Place) -> PlaceEvidence:
    """Return what one place says of a photo's light.

    Args:
        samples: (H, W, C) of the photo, as for :class:`unblur.motion.picture.Picture`.
        place: where.
    """
    y0, x0, y1, x1 = place.window
    part, scale = to_float(samples[y0:y1, x0:x1]), place.scale
    channel = part[..., _GREEN % part.shape[2]]
    psfs = [estimate_psf_map(_shrunk(luma(c.to_linear(part)), scale)) for c in CURVES]
    planes = [_shrunk_samples(channel, curve, scale) for curve in CURVES]
    noise = noise_sigma(planes[0])
    lengths = np.array(
        [
            [gradient_length(try_psf(plane, curve, psf, noise).samples) for psf in psfs]
            for curve, plane in zip(CURVES, planes, strict=True)
        ]
    )
    return PlaceEvidence(
        best=float(lengths[0].min() - lengths[1].min()),
        mean=float((lengths[0] - lengths[1]).mean()),
    )


def _shrunk_samples(channel: FloatArray, curve: ToneCurve, scale: int) -> FloatArray:
    """Return a channel shrunk in the light of a curve, encoded by it again."""
    if scale == 1:
        return np.ascontiguousarray(channel)
    return curve.to_encoded(_shrunk(curve.to_linear(channel), scale))


def _shrunk(plane: FloatArray, scale: int) -> FloatArray:
    while scale > 1:
        plane, scale = halve(plane), scale // 2
    return np.ascontiguousarray(plane)
