"""What undoing a motion would gain in each part of a picture, as JudgeNet tells it beforehand.

A picture is restored once, quickly (:mod:`unblur.motion.trial`), and JudgeNet compares each part
of that with the part as it was: where the motion holds, edges become thin and few; where something
stood still, or moved otherwise, they ring. JudgeNet tells scores up to a constant of the window, so
the difference to the score of the window itself is a gain in dB. On 34 validation photos the
mean that it tells is 2.8 dB, that of the trials' true gains 2.1; the correlation is 0.89.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from unblur.blocks import fitting_scale
from unblur.blur.psf import Psf
from unblur.color import FloatArray
from unblur.engines.base import Engine
from unblur.motion.estimator import MotionEstimator
from unblur.motion.features import noise_sigma
from unblur.motion.field import MotionField
from unblur.motion.judge import LEARNED_PX, network_input
from unblur.motion.local import LOCAL, local_boxes
from unblur.motion.picture import Picture
from unblur.motion.trial import try_psf
from unblur.motion.windows import Box
from unblur.tone import ToneCurve


@dataclass(frozen=True)
class GainParams:
    """On which scale JudgeNet is asked.

    Attributes:
        longest_px: longer side of the picture that is looked at; larger ones are shrunk ...
        shortest_px: ... but not so far that the motion is shorter ...
        most_px: ... unless the longer side would exceed so much. They are shrunk further ...
        most_motion_px: ... where the motion is longer: JudgeNet has learned from no longer one ...
        least_px: ... as long as the shorter side is no shorter.
        around_px: by which a window is widened where its motion is tried alone.
        flat: standard deviation of a window's samples below which it shows nothing: what lamps have
            saturated, the sky.
    """

    longest_px: int = 800
    shortest_px: float = 6.0
    most_px: int = 1600
    most_motion_px: float = LEARNED_PX
    least_px: int = 256
    around_px: int = 48
    flat: float = 0.02


GAIN = GainParams()

_AT_ONCE = 16
"""Windows that JudgeNet sees in one call: more take memory and gain nothing."""


@runtime_checkable
class GainTeller(Protocol):
    """An estimator that can tell what undoing a motion would gain."""

    def gains(self, picture: Picture, field: MotionField, boxes: Sequence[Box]) -> list[float]:
        """Return what undoing a motion would gain in windows, dB; empty if it cannot tell.

        NaN where a window shows nothing.

        Args:
            picture: in the light in which its motion was found.
            field: the motion.
            boxes: the windows, px of the picture shrunk by :func:`scale_for_gains`.
        """


def scale_for_gains(shape: tuple[int, int], field: MotionField, params: GainParams = GAIN) -> int:
    """Return by what a picture of a shape (H, W) is shrunk to be asked about."""
    scale = fitting_scale(shape, params.longest_px)
    length_px = field.mean_length_px() * field.scale
    while scale > fitting_scale(shape, params.most_px) and length_px < params.shortest_px * scale:
        scale //= 2
    while min(shape) >= 2 * scale * params.least_px and length_px > params.most_motion_px * scale:
        scale *= 2
    return scale


def told_gains(
    picture: Picture,
    field: MotionField,
    boxes: Sequence[Box],
    network: Engine,
    params: GainParams = GAIN,
) -> list[float]:
    """Return what undoing a motion would gain in windows of a picture, dB; negative for harm.

    NaN where a window shows nothing.

    Args:
        picture: in the light in which its motion was found.
        field: the motion.
        boxes: the windows, px of the picture shrunk by :func:`scale_for_gains`.
        network: runs JudgeNet.
        params: on which scale.
    """
    scale = scale_for_gains(picture.shape, field, params)
    curve = picture.tone.of_luma()
    plane = curve.to_encoded(np.clip(picture.shrunk_luma(scale), 0, 1))
    noise = noise_sigma(plane)
    whole = try_psf(plane, curve, _psf(field, 0, 0, scale), noise) if field.uniform else None
    gains = np.full(len(boxes), np.nan)
    asked: list[int] = []
    inputs: list[tuple[FloatArray, FloatArray]] = []
    for number, box in enumerate(boxes):
        y0, x0, y1, x1 = box
        window = plane[y0:y1, x0:x1]
        if float(window.std()) < params.flat:
            continue
        psf = _psf(field, (y0 + y1) / 2 * scale, (x0 + x1) / 2 * scale, scale)
        if whole is not None:
            trial = whole.samples[y0:y1, x0:x1]
        else:
            trial = _tried_alone(plane, box, curve, psf, noise, params)
        lengths_px = [psf.length_px(), 0.0]
        inputs.append(network_input(window, [trial, window], lengths_px, noise, [curve] * 2))
        asked.append(number)
    gains[asked] = _differences(inputs, network)
    return list(map(float, gains))


def _differences(inputs: Sequence[tuple[FloatArray, FloatArray]], network: Engine) -> list[float]:
    """Return how much better than its second picture JudgeNet finds the first of each input."""
    found: list[float] = []
    for first in range(0, len(inputs), _AT_ONCE):
        some = inputs[first : first + _AT_ONCE]
        pictures, numbers = (np.concatenate(part) for part in zip(*some, strict=True))
        (scores,) = network(pictures, numbers)
        found += (scores[::2] - scores[1::2]).ravel().tolist()
    return found


def mean_gain(picture: Picture, field: MotionField, estimator: MotionEstimator) -> float | None:
    """Return what undoing a motion would gain all over a picture, dB; None where nobody can tell.

    Args:
        picture, field: as for :func:`told_gains`.
        estimator: asked, if it can be.
    """
    scale = scale_for_gains(picture.shape, field)
    height, width = (side // scale for side in picture.shape)
    if not isinstance(estimator, GainTeller) or min(height, width) < LOCAL.window_px:
        return None
    return mean_of_told(estimator.gains(picture, field, local_boxes((height, width))))


def gains_more(
    picture: Picture, field: MotionField, other: MotionField, estimator: MotionEstimator
) -> float | None:
    """Return by how much more undoing one motion of a picture would gain than another, dB.

    Args:
        picture, estimator: as for :func:`mean_gain`.
        field, other: the motions.

    Returns:
        The difference of the means told; None where nobody can tell.
    """
    gain, other_gain = (mean_gain(picture, motion, estimator) for motion in (field, other))
    return None if gain is None or other_gain is None else gain - other_gain


def mean_of_told(gains_db: Sequence[float]) -> float | None:
    """Return the mean of the gains told of windows, without the NaN of those that show nothing."""
    told = [gain for gain in gains_db if not np.isnan(gain)]
    return float(np.mean(told)) if told else None


def _psf(field: MotionField, y: float, x: float, scale: int) -> Psf:
    """Return the PSF near a place, in px of the picture shrunk by a scale."""
    row = int(np.argmin(np.abs(np.subtract(field.centres_y, y))))
    column = int(np.argmin(np.abs(np.subtract(field.centres_x, x))))
    psf = field.windows[row][column].psf
    return psf if scale == field.scale else psf.scaled(field.scale / scale)


def _tried_alone(
    plane: FloatArray,
    box: Box,
    curve: ToneCurve,
    psf: Psf,
    noise: float,
    params: GainParams,
) -> FloatArray:
    """Return what a PSF makes of a window, tried with what is around it."""
    (top, bottom), (left, right) = (
        (max(0, box[axis] - params.around_px), min(size, box[axis + 2] + params.around_px))
        for axis, size in enumerate(plane.shape)
    )
    part = np.ascontiguousarray(plane[top:bottom, left:right])
    trial = try_psf(part, curve, psf, noise).samples
    return trial[box[0] - top : box[2] - top, box[1] - left : box[3] - left]
